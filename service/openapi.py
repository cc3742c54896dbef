"""The parts of the OpenAPI description that FastAPI cannot derive: problems, and bodies read by hand."""

from collections import defaultdict
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api_schemas import (
    JOB_ID,
    PROBLEM_JSON,
    EditRequest,
    EditUpload,
    ErrorCode,
    GenerateRequest,
    InvertRequest,
    JobEvent,
    Problem,
    PromptPair,
    ResultRequest,
)
from api_schemas.params import CHOICES
from parameters import INVERSIONS
from pictures import ACCEPTED
from service.errors import RETRY_AFTER_S
from service.variants import by_method

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_ALWAYS = (ErrorCode.INTERNAL_ERROR, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.FORBIDDEN)
_LOCATION = {
    "description": "The job.",
    "schema": {"type": "string", "pattern": f"^(/[^/]+)*/jobs/{JOB_ID.removeprefix('^')}"},
}
_REPLAYED = {
    "description": "`true` if this is what the same `Idempotency-Key` was answered with before.",
    "schema": {"type": "string", "enum": ["true"]},
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$", "example": str(RETRY_AFTER_S)},
    }
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
ACCEPTED_HEADERS: Final[Json] = {"Location": _LOCATION, "Idempotent-Replayed": _REPLAYED}
ENDED_HEADERS: Final[Json] = {
    **ACCEPTED_HEADERS,
    "Preference-Applied": {
        "description": "The time to wait that was kept to.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    },
}

_FORM_FIELDS: Final[Json] = {
    name: {"type": "string", "description": f"{what}, as JSON.", "example": example}
    for name, what, example in (
        ("params", "Parameters of the method", "{}"),
        ("prompts", "Several target prompts", '["a dog", "a fox"]'),
        ("inversion", "How the image is inverted", '{"steps": 30}'),
        ("region", "The part that is worked on", "[120, 80, 256, 256]"),
    )
} | {
    name: {"type": "string", "format": "binary", "description": f"{what}: {ACCEPTED}."}
    for name, what in (
        ("image", "The picture's file"),
        (
            "mask",
            "A picture's file, white where the image may change, or the path of one",
        ),
    )
}

_WITH_METHODS: Final[tuple[tuple[type[BaseModel], Any], ...]] = (
    (InvertRequest, INVERSIONS),
    (EditRequest, CHOICES),
    (EditUpload, CHOICES),
)

_ITS_JOB = {"job_id": "$response.body#/job_id"}
_ITS_IMAGE = {"image_id": "$response.body#/image_id"}
ACCEPTED_LINKS: Final[Json] = {
    "job": {"operationId": "get_job", "parameters": _ITS_JOB},
    "preview": {"operationId": "preview", "parameters": _ITS_JOB},
    "deliveries": {"operationId": "list_deliveries", "parameters": _ITS_JOB},
    "cancel": {"operationId": "cancel_job", "parameters": _ITS_JOB},
    "image": {"operationId": "get_image", "parameters": _ITS_IMAGE},
    "pictures": {"operationId": "picture", "parameters": _ITS_IMAGE},
    "edit": {
        "operationId": "edit",
        "requestBody": {"image_id": "$response.body#/image_id", "prompt": "a dog on grass"},
    },
    "delete": {"operationId": "delete_image", "parameters": _ITS_IMAGE},
}


def ref(model: type) -> Json:
    """A reference to the schema of this model."""
    return {"$ref": _REF.format(model=model.__name__)}


def problems(*codes: ErrorCode) -> dict[int | str, Json]:
    """The `responses=` of a route that can fail in these ways, and in those in which every route can."""
    by_status: dict[int, list[ErrorCode]] = defaultdict(list)
    for code in (*codes, *_ALWAYS):
        by_status[code.http_status].append(code)
    return {status: _problem_response(status, names) for status, names in sorted(by_status.items())}


def _problem_response(status: int, codes: list[ErrorCode]) -> Json:
    examples = {
        code.value: {"value": Problem.of(code, f"{code.summary}.").model_dump(mode="json", exclude_none=True)}
        for code in codes
    }
    response: Json = {
        "description": ", ".join(code.summary for code in codes),
        "content": {PROBLEM_JSON: {"schema": ref(Problem), "examples": examples}},
    }
    if status in _HEADERS:
        response["headers"] = _HEADERS[status]
    return response


def repeatable(responses: dict[int | str, Json]) -> dict[int | str, Json]:
    """The responses of a route that heeds `Idempotency-Key`: what is kept says so when it comes again."""
    again = {"Idempotent-Replayed": _REPLAYED}
    more = {404: again, 409: again | _RETRY_AFTER, 413: again, 415: again, 422: again}
    return {
        status: {**response, "headers": more[int(status)]} if int(status) in more else response
        for status, response in responses.items()
    }


def invert_body() -> Json:
    """The two forms of the body of /invert."""
    return _body(_form(InvertRequest, "image", "prompt"), ref(InvertRequest))


def edit_body() -> Json:
    """The forms of the body of /edit: JSON or a form, that names an image or brings a picture."""
    forms = [_form(EditUpload, "image", "source_prompt"), _form(EditRequest, "image_id")]
    return _body({"anyOf": forms}, {"anyOf": [ref(EditRequest), ref(EditUpload)]})


def _body(form: Json, document: Json) -> Json:
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": document}}
    return {"requestBody": {"required": True, "content": content}}


def _form(model: type[BaseModel], *required: str) -> Json:
    """A form with the fields of this model: pictures are files, what is more than text is JSON."""
    properties = {
        name: _FORM_FIELDS.get(name) or _without_null(schema)
        for name, schema in model.model_json_schema(ref_template=_REF)["properties"].items()
    }
    return {
        "type": "object",
        "description": "A field left empty counts as left out, except `prompt` and `source_prompt`.",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _without_null(schema: Json) -> Json:
    """A field left out of a form is null; there is no other way to say so."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {
        **{name: value for name, value in schema.items() if name not in ("anyOf", "default")},
        **choices[0],
    }


def json_body(model: type) -> Json:
    """A body that is JSON of this model, read by hand."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": ref(model)}}}}


def event_stream() -> Json:
    """The answer that goes on until a job has ended."""
    properties = {
        "event": {"type": "string", "enum": ["status", "progress"]},
        "id": {"type": "string", "description": "Resumes the stream after this event."},
        "retry": {"type": "integer", "minimum": 0},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": ref(JobEvent),
        },
    }
    item = {"type": "object", "properties": properties, "required": ["data"]}
    return {"description": "The events.", "content": {"text/event-stream": {"itemSchema": item}}}


def complete(app: FastAPI, prefix: str = "") -> None:
    """Add the models that only hand-read bodies and problems use to the description of the application.

    `prefix` is the path under which it is reached.
    """
    derive = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = derive()
            if prefix:
                document["servers"] = [{"url": prefix}]
            _describe_keys(document)
            _describe_ids(document)
            bodies = (InvertRequest, GenerateRequest, EditRequest, EditUpload, ResultRequest, PromptPair)
            models = [(model, "validation") for model in (*bodies, Problem, JobEvent)]
            _, extra = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in extra["$defs"].items():
                schemas.setdefault(name, schema)
            for model, registry in _WITH_METHODS:
                usual = model.model_fields["method"].default
                by_method(schemas, model.__name__, registry, usual, _REF)
            _name_by_field(schemas)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _name_by_field(schemas: Json) -> None:
    """Leave out the titles of fields, which are labels for a page: generators would name types after them."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)


def _describe_keys(document: Json) -> None:
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if "security" in operation:
                operation["security"].append({})  # where there are no keys, none is needed
                if method == "post":
                    _describe_rates(operation["responses"])


def _describe_rates(responses: Json) -> None:
    limited = problems(ErrorCode.RATE_LIMITED)[429]
    examples = responses.setdefault("429", limited)["content"][PROBLEM_JSON]["examples"]
    examples.update(limited["content"][PROBLEM_JSON]["examples"])


def _describe_ids(document: Json) -> None:
    described = "Names the request in the logs of every part of the service"
    mine = {"description": f"{described}; made up unless it was sent.", "schema": {"type": "string"}}
    yours = {
        "name": "X-Request-ID",
        "in": "header",
        "required": False,
        "description": f"{described}: up to 64 letters, digits, `.`, `_` and `-`; others are passed over.",
        "schema": {"type": "string"},
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.setdefault("parameters", []).append(yours)
            for response in operation["responses"].values():
                response["headers"] = {**response.get("headers", {}), "X-Request-ID": mine}
