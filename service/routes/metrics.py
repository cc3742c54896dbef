"""What there is to be measured."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from api_schemas import ErrorCode
from service import openapi
from service.auth import TheCaller
from service.errors import ServiceError
from service.metrics import Metrics

router = APIRouter(tags=["health"])


async def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=openapi.problems(ErrorCode.NOT_FOUND),
)
def metrics(caller: TheCaller, metrics: Annotated[Metrics, Depends(_metrics)]) -> Response:
    """Of requests to this process, and of the queue of all tenants; only for keys of the tenant default."""
    if caller.tenant != "default":
        raise ServiceError(ErrorCode.NOT_FOUND, "There is nothing at this address.")
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
