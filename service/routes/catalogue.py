"""What can be asked for."""

from fastapi import APIRouter
from pydantic import BaseModel

from api_schemas import INVERTERS, METHODS, EditRequest, ErrorCode, InvertOptions, MethodInfo, ModelInfo
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
    inverters = [_info(name, params, InvertOptions) for name, params in INVERTERS.items()]
    return inverters + [_info(name, params, EditRequest) for name, params in METHODS.items()]


def _info(name: str, params: type[BaseModel], request: type[BaseModel]) -> MethodInfo:
    return MethodInfo(
        name=name,
        kind="edit" if request is EditRequest else "invert",
        summary=(params.__doc__ or "").strip(),
        default=request.model_fields["method"].default == name,
        params_schema=params.model_json_schema(),
    )
