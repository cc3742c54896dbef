"""What the service sends: readable by clients that are older or newer than it."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

import api_schemas
from api_schemas import Accepted, EditRequest, ErrorCode, InvertRequest, Job, JobStatus, Links, Problem

MODELS = [
    model
    for name in api_schemas.__all__
    if isinstance(model := getattr(api_schemas, name), type) and issubclass(model, BaseModel)
]


@pytest.mark.parametrize("model", [Accepted, EditRequest, InvertRequest, Job, Problem])
def test_examples_are_valid_and_survive_the_journey(model: type[BaseModel]) -> None:
    examples = model.model_json_schema()["examples"]
    assert examples
    for example in examples:
        once = model.model_validate(example)
        assert model.model_validate_json(once.model_dump_json()) == once


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_explained_in_a_sentence(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"
        assert len(field.description.split()) > 1


def test_an_answer_with_a_field_from_the_future_is_read() -> None:
    assert Links.model_validate({**Links.of("j", "i").model_dump(), "logs": "/l"}) == Links.of("j", "i")


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_has_a_status_and_a_title(code: ErrorCode) -> None:
    problem = Problem.of(code, "what happened")
    assert 400 <= problem.status < 600
    assert problem.type == f"urn:pentimento:problem:{code}"
    body: dict[str, Any] = json.loads(problem.model_dump_json(exclude_none=True))
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert body["title"][0].isupper()


def test_only_two_states_are_not_the_end() -> None:
    assert [status.value for status in JobStatus if not status.terminal] == ["queued", "processing"]
