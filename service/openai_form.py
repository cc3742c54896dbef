"""The form of OpenAI's API: the fields of its requests, and errors as its clients read them."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Self, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import ClientDisconnect

from api_schemas import ErrorCode, FieldError, OutputFormat, Problem
from service.errors import ServiceError, validation_problem

Model = TypeVar("Model", bound=BaseModel)

_KEPT = ("retry-after", "www-authenticate")
_CODES = {
    ErrorCode.UNAUTHORIZED: "invalid_api_key",
    ErrorCode.UNKNOWN_MODEL: "model_not_found",
    ErrorCode.RATE_LIMITED: "rate_limit_exceeded",
}
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Asked(BaseModel):
    """The fields that both routes have; of those that choose what cannot be chosen, only the usual values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    model: str | None = None
    n: int = Field(default=1, ge=1, le=10)
    size: str = Field(default="auto", pattern=r"^(auto|[0-9]{1,5}x[0-9]{1,5})$")
    seed: int = Field(default=0, ge=0, lt=2**62)
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: OutputFormat = OutputFormat.PNG
    output_compression: int | None = Field(default=None, ge=1, le=100)
    user: str | None = None
    safety_identifier: str | None = None
    background: Literal["auto", "opaque"] | None = None
    moderation: Literal["auto", "low"] | None = None
    quality: Literal["auto", "standard"] | None = None
    partial_images: Literal[0] | None = None
    stream: Literal[False] | None = None

    @property
    def sides(self) -> tuple[int, int] | None:
        """The size that was named, in pixels."""
        width, _, height = self.size.partition("x")
        return (int(width), int(height)) if height else None


class Generation(Asked):
    """What /v1/images/generations takes."""


class Edit(Asked):
    """What /v1/images/edits takes beside its pictures."""

    source_prompt: str = ""
    input_fidelity: Literal["low", "high"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.n > 1:
            raise ValueError("n: edits are deterministic, so n of them would be the same picture; ask for 1")
        return self


class Route(APIRoute):
    """A route that answers every error in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except Exception as error:
                handlers = request.app.exception_handlers
                found = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
                if found is None:
                    raise
                answer: Response = await found(request, error)
                return _in_their_form(answer)

        return handled


def valid(model: type[Model], fields: dict[str, Any]) -> Model:
    """The fields as this model; raises ServiceError: validation_error."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


def refused(name: str, message: str) -> ServiceError:
    """The error for a field whose value cannot be served."""
    errors = [FieldError(loc=[name], msg=message, type="unsupported")]
    return ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, f"{name}: {message}", errors=errors))


def _in_their_form(answer: Response) -> Response:
    problem = Problem.model_validate_json(bytes(answer.body))
    param = problem.parameter or ".".join(
        str(part) for part in (problem.errors[0].loc if problem.errors else ())
    )
    kind = _TYPES.get(problem.status, "server_error" if problem.status >= 500 else "invalid_request_error")
    code = _CODES.get(problem.code, problem.code.value)
    error = {"message": problem.detail, "type": kind, "param": param or None, "code": code}
    # What was sent is wrong: their clients try 409 again, and know 400 of bodies.
    status = 400 if problem.status in (409, 422) else problem.status
    headers = {name: value for name, value in answer.headers.items() if name in _KEPT}
    return Response(json.dumps({"error": error}), status, headers, "application/json")
