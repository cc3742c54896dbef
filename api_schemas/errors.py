"""Every way a request or a job can fail, and its one shape on the wire."""

from enum import StrEnum
from typing import Any, Final

from pydantic import ConfigDict, Field, JsonValue

from api_schemas.base import Response
from parameters import PentimentoError

_MEMBERS: Final[tuple[str, ...]] = ("word", "words", "tokens", "limit", "value", "expected")

PROBLEM_JSON: Final = "application/problem+json"


class ErrorCode(StrEnum):
    """Stable names of errors; the engine raises those of the first block under the same names."""

    INVALID_IMAGE = "invalid_image"
    UNKNOWN_WORD = "unknown_word"
    PROMPTS_DO_NOT_ALIGN = "prompts_do_not_align"
    PROMPT_TOO_LONG = "prompt_too_long"
    INVALID_PARAMETER = "invalid_parameter"
    EMPTY_MASK = "empty_mask"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_MODEL = "unknown_model"
    INCOMPATIBLE_INVERSION = "incompatible_inversion"
    BROKEN_PLUGIN = "broken_plugin"
    UNSUPPORTED_BY_MODEL = "unsupported_by_model"
    RECORD_MISMATCH = "record_mismatch"
    RECORD_CORRUPT = "record_corrupt"
    NUMERICAL_ERROR = "numerical_error"
    OUT_OF_MEMORY = "out_of_memory"

    BAD_REQUEST = "bad_request"
    VALIDATION_ERROR = "validation_error"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    REQUEST_TIMEOUT = "request_timeout"
    DAMAGED = "damaged"
    HEADERS_TOO_LARGE = "headers_too_large"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    QUEUE_FULL = "queue_full"
    OVERLOADED = "overloaded"
    MODEL_LOADING = "model_loading"
    QUEUE_UNAVAILABLE = "queue_unavailable"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INSUFFICIENT_STORAGE = "insufficient_storage"
    WORKER_LOST = "worker_lost"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CANCELED = "canceled"
    INTERNAL_ERROR = "internal_error"

    @property
    def http_status(self) -> int:
        """The status of an answer that carries this error."""
        return _STATUS.get(self, 422)

    @property
    def summary(self) -> str:
        """The same few words for every occurrence of this error."""
        return self.value.replace("_", " ").capitalize()


_STATUS: Final = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.REQUEST_TIMEOUT: 408,
    ErrorCode.CONFLICT: 409,
    ErrorCode.CANCELED: 409,
    ErrorCode.DAMAGED: 410,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.HEADERS_TOO_LARGE: 431,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.QUEUE_FULL: 429,
    ErrorCode.BROKEN_PLUGIN: 500,
    ErrorCode.RECORD_CORRUPT: 500,
    ErrorCode.NUMERICAL_ERROR: 500,
    ErrorCode.WORKER_LOST: 500,
    ErrorCode.DEADLINE_EXCEEDED: 500,
    ErrorCode.INTERNAL_ERROR: 500,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.MODEL_LOADING: 503,
    ErrorCode.QUEUE_UNAVAILABLE: 503,
    ErrorCode.STORAGE_UNAVAILABLE: 503,
    ErrorCode.OUT_OF_MEMORY: 503,
    ErrorCode.INSUFFICIENT_STORAGE: 507,
}


class FieldError(Response):
    """One field of a request that cannot be accepted."""

    loc: list[str | int] = Field(description="Where the field is, from the outside in.")
    msg: str = Field(description="What is wrong with it.")
    type: str = Field(description="A stable name of what is wrong.")


class Problem(Response):
    """An error as RFC 9457 problem details; what helps to repair it stands beside the standard members."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:pentimento:problem:unknown_word",
                    "title": "Unknown word",
                    "status": 422,
                    "detail": "'cat' is not in the prompt; it has: a, dog, on, grass",
                    "code": "unknown_word",
                    "word": "cat",
                    "words": ["a", "dog", "on", "grass"],
                }
            ]
        }
    )

    type: str = Field(default="about:blank", description="A URN that names the kind of problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(ge=400, le=599, description="The HTTP status that belongs to the problem.")
    detail: str = Field(description="What happened this time, and what to change.")
    code: ErrorCode = Field(description="The stable name of the error; branch on this.")
    instance: str | None = Field(default=None, description="The path at which it happened.")
    errors: list[FieldError] | None = Field(default=None, description="The fields that were refused.")
    word: str | None = Field(default=None, description="The word that was looked for.")
    words: list[str] | None = Field(default=None, description="The words that are there.")
    tokens: int | None = Field(default=None, description="How many tokens the prompt has.")
    limit: int | None = Field(default=None, description="How many there may be.")
    parameter: str | None = Field(default=None, description="The parameter that was refused.")
    value: JsonValue = Field(default=None, description="The value it had.")
    expected: str | None = Field(default=None, description="What it may be.")

    @classmethod
    def of(cls, code: ErrorCode, detail: str, **more: Any) -> "Problem":
        """The problem of this code, with its type, title and status filled in."""
        urn = f"urn:pentimento:problem:{code.value}"
        return cls(type=urn, title=code.summary, status=code.http_status, detail=detail, code=code, **more)

    @classmethod
    def of_error(cls, error: PentimentoError, **more: Any) -> "Problem":
        """The problem of an error of `parameters` or the engine, with what it says for a repair."""
        detail = error.detail
        members: dict[str, Any] = {name: detail[name] for name in _MEMBERS if name in detail}
        if error.code in (ErrorCode.INVALID_PARAMETER, ErrorCode.RECORD_MISMATCH):
            members["parameter"] = detail["name"].replace(" ", "_")
        if error.code == ErrorCode.UNSUPPORTED_BY_MODEL:
            members["parameter"] = detail["parameter"]
        if error.code == ErrorCode.RECORD_MISMATCH:
            members |= {"value": detail["present"], "expected": detail["recorded"]}
        return cls.of(ErrorCode(error.code), str(error), **{**members, **more})
