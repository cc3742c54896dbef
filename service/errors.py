"""The one exception that routes raise, and the one way every error leaves the service."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from api_schemas import PROBLEM_JSON, ErrorCode, FieldError, Problem
from store import BlobDamaged, StorageUnavailable

RETRY_AFTER_S = 5

_CODES = {
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    503: ErrorCode.QUEUE_UNAVAILABLE,
}
_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not answer to this HTTP method.",
    413: "The body is too large.",
}

_DAMAGED = (
    "The stored picture is damaged. Send the image again, or repeat the edit that made it: what is damaged "
    "is then made anew."
)

log = logging.getLogger(__name__)


class ServiceError(Exception):
    """A request that cannot be served, as the problem that says so, with the headers that go with it."""

    def __init__(
        self, code: ErrorCode, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.problem = Problem.of(code, detail, **more)
        self.headers = headers

    @classmethod
    def of(cls, problem: Problem, headers: Mapping[str, str] | None = None) -> "ServiceError":
        """The exception for a problem that exists already."""
        error = cls(problem.code, problem.detail, headers)
        error.problem = problem
        return error


class NothingMore(Exception):
    """There is nothing to answer with, and there never will be: no error, but the end of a stream."""


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an HTTP answer; temporary ones say when to come back."""
    merged = dict(headers or {})
    if problem.status == 503:
        merged.setdefault("Retry-After", str(RETRY_AFTER_S))
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, problem.status, merged, media_type=PROBLEM_JSON)


def install(app: FastAPI) -> None:
    """Answer every error of this application, the framework's own included, with problem+json."""

    @app.exception_handler(ServiceError)
    async def refused(request: Request, error: ServiceError) -> Response:
        return _answer(request, error.problem, error.headers)

    @app.exception_handler(NothingMore)
    async def nothing_more(_: Request, __: NothingMore) -> Response:
        return Response(status_code=204)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _answer(request, validation_problem(error.errors()))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, ErrorCode.VALIDATION_ERROR)
        detail = _DETAILS.get(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        if error.status_code == 405 and (allowed := _methods(app, request)):
            headers["Allow"] = ", ".join(allowed)
        return _answer(request, Problem.of(code, detail), headers)

    @app.exception_handler(RedisError)
    async def redis_away(request: Request, error: RedisError) -> Response:
        log.warning("the queue is unavailable: %s", error)
        detail = "The queue cannot be reached or takes no more writes; try again shortly."
        return _answer(request, Problem.of(ErrorCode.QUEUE_UNAVAILABLE, detail))

    @app.exception_handler(BlobDamaged)
    async def damaged(request: Request, error: BlobDamaged) -> Response:
        log.warning("a stored picture is damaged: %s", error)
        return _answer(request, Problem.of(ErrorCode.DAMAGED, _DAMAGED))

    @app.exception_handler(StorageUnavailable)
    async def files_away(request: Request, error: StorageUnavailable) -> Response:
        log.warning("the file store is unavailable: %s", error.__cause__ or error)
        detail = "The file store cannot be reached or refuses to work; try again shortly."
        return _answer(request, Problem.of(ErrorCode.STORAGE_UNAVAILABLE, detail))


def _methods(app: FastAPI, request: Request) -> list[str]:
    # The framework names the methods of the first route at this path only, and none of its own routes here.
    route = request.scope.get("route")
    operations = app.openapi()["paths"].get(route.path, {}) if route else {}
    return sorted([method.upper() for method in operations] + (["HEAD"] if "get" in operations else []))


def validation_problem(errors: Sequence[Any]) -> Problem:
    """The problem for pydantic's list of field errors, without echoing what was sent."""
    fields = [
        FieldError(loc=list(error["loc"]), msg=error["msg"].removeprefix("Value error, "), type=error["type"])
        for error in errors
    ]
    first = fields[0]
    where = ".".join(str(part) for part in first.loc) or "body"
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return Problem.of(ErrorCode.VALIDATION_ERROR, f"{where}: {first.msg}{more}", errors=fields)


def _answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return problem_response(problem.model_copy(update={"instance": request.url.path}), headers)
