"""What can be asked for."""

from fastapi import APIRouter

from api_schemas import EditRequest, ErrorCode, InvertOptions, MethodInfo, ModelInfo
from api_schemas.params import CHOICES
from parameters import EditParameters, InversionParameters, for_pictures
from service import openapi
from service.routes.common import TheStore

router = APIRouter(tags=["catalogue"])


@router.get("/models", summary="List the models", responses=openapi.problems(ErrorCode.QUEUE_UNAVAILABLE))
def list_models(store: TheStore) -> list[ModelInfo]:
    """The models that live workers serve now."""
    return store.presence.models()


@router.get("/methods", summary="List the methods", responses=openapi.problems())
async def list_methods() -> list[MethodInfo]:
    """The ways to invert and to edit, with the JSON schema of each one's params."""
    return [*map(_info, for_pictures().values()), *map(_info, CHOICES.values())]


def _info(method: type[InversionParameters] | type[EditParameters]) -> MethodInfo:
    edits = issubclass(method, EditParameters)
    request = EditRequest if edits else InvertOptions
    return MethodInfo(
        name=method.name,
        kind="edit" if edits else "invert",
        summary=method.summary,
        default=request.model_fields["method"].default == method.name,
        needs=sorted(method.needs) if issubclass(method, EditParameters) else [],
        gives=sorted(method.gives) if issubclass(method, InversionParameters) else [],
        needs_of_model=sorted(method.needs_of_model),
        published=dict(method.published),
        params_schema=method.model_json_schema(),
    )
