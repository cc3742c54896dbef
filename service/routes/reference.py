"""The description of the API as a page."""

from fastapi import APIRouter, Request, Response

from service.reference import STYLE_DIGEST, page
from service.routes.common import TheSettings

router = APIRouter()

_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("/docs", include_in_schema=False)
def reference(request: Request, settings: TheSettings) -> Response:
    """The page, which needs no key, as `/openapi.json` needs none."""
    html = page(request.app.openapi(), settings.path_prefix)
    return Response(
        html,
        headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"},
        media_type="text/html",
    )
