from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from api_schemas import EditRequest
from parameters import EDITS
from tests.service.conftest import NO_IMAGE


@pytest.fixture
def document(http: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, verb, op) for path, verbs in document["paths"].items() for verb, op in verbs.items()]


def test_every_promised_route_is_described(document: dict[str, Any]) -> None:
    described = {(verb.upper(), path) for path, verb, _ in operations(document)}
    assert {
        ("POST", "/invert"),
        ("POST", "/edit"),
        ("GET", "/jobs"),
        ("GET", "/jobs/{job_id}"),
        ("GET", "/jobs/{job_id}/events"),
        ("GET", "/jobs/{job_id}/preview.png"),
        ("POST", "/jobs/{job_id}/cancel"),
        ("GET", "/jobs/{job_id}/deliveries"),
        ("GET", "/images"),
        ("POST", "/generate"),
        ("POST", "/images"),
        ("GET", "/images/{image_id}"),
        ("DELETE", "/images/{image_id}"),
        ("GET", "/images/{image_id}/{name}"),
        ("GET", "/images/{image_id}/records/{record_id}/{name}"),
        ("GET", "/images/{image_id}/results/{digest}"),
        ("GET", "/images/{image_id}/masks/{digest}"),
        ("POST", "/prompts/compare"),
        ("GET", "/models"),
        ("GET", "/methods"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    } == described


def test_every_error_is_described_as_a_problem_with_an_example(document: dict[str, Any]) -> None:
    for path, verb, operation in operations(document):
        assert operation["summary"], (verb, path)
        assert operation["description"], (verb, path)
        errors = {code: body for code, body in operation["responses"].items() if code >= "400"}
        assert {"403", "413", "500"} <= set(errors), (verb, path)
        for code, body in errors.items():
            assert list(body["content"]) == ["application/problem+json"], (verb, path, code)
            [(_, media)] = body["content"].items()
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert all(example["value"]["status"] == int(code) for example in media["examples"].values())


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].startswith("#/components/schemas/")
                assert node["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"], node
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_bodies_have_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["EditRequest"]["examples"]
    assert schemas["InvertRequest"]["examples"]
    assert schemas["Job"]["examples"]
    form = document["paths"]["/invert"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["image"]["format"] == "binary"
    assert set(form["required"]) == {"image", "prompt"}


def test_headers_that_answers_carry_are_described(document: dict[str, Any]) -> None:
    for path in ("/invert", "/edit"):
        responses = document["paths"][path]["post"]["responses"]
        described = {status: set(body.get("headers", {})) for status, body in responses.items()}
        assert {"Location", "Idempotent-Replayed", "Preference-Applied"} <= described["200"]
        assert {"Location", "Idempotent-Replayed"} <= described["202"]
        assert {"Retry-After", "Idempotent-Replayed"} <= described["409"]
        assert "Idempotent-Replayed" in described["422"]
        assert "Retry-After" in described["429"] & described["503"]
        assert "WWW-Authenticate" in described["401"]
        assert all("X-Request-ID" in headers for headers in described.values())
        named = {parameter["name"] for parameter in document["paths"][path]["post"]["parameters"]}
        assert {"Idempotency-Key", "Prefer", "Cancel-After"} <= named


def test_media_types_are_described(document: dict[str, Any]) -> None:
    def media(path: str, status: str = "200") -> set[str]:
        return set(document["paths"][path]["get"]["responses"][status]["content"])

    plain = {"application/octet-stream"}
    assert media("/images/{image_id}/results/{digest}") == {"image/png", "image/jpeg", "image/webp"} | plain
    assert media("/jobs/{job_id}/preview.png") == {"image/png"} | plain
    assert media("/jobs/{job_id}/events") == {"text/event-stream"}
    assert "content" not in document["paths"]["/jobs/{job_id}/events"]["get"]["responses"]["204"]


def test_operations_have_names_of_their_own_and_links_lead_to_them(document: dict[str, Any]) -> None:
    named = {op["operationId"]: op for _, _, op in operations(document)}
    assert len(named) == len(operations(document))
    assert all(name.isidentifier() for name in named)
    links = [
        link
        for _, _, op in operations(document)
        for response in op["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert links
    for link in links:
        there = {parameter["name"] for parameter in named[link["operationId"]].get("parameters", [])}
        assert set(link.get("parameters", {})) <= there


def test_examples_of_requests_are_accepted_as_they_are(http: TestClient, document: dict[str, Any]) -> None:
    for example in document["components"]["schemas"]["InvertRequest"]["examples"]:
        answer = http.post("/invert", json=example)
        assert answer.status_code == 202, answer.text


def test_an_edit_is_one_of_the_methods(document: dict[str, Any]) -> None:
    edit = document["components"]["schemas"]["EditRequest"]
    assert edit["discriminator"]["propertyName"] == "method"
    assert list(edit["discriminator"]["mapping"]) == ["auto", *EDITS]
    assert [form["$ref"] for form in edit["oneOf"]] == list(edit["discriminator"]["mapping"].values())


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"params": {"tau_c": 0.2}}, True),
        ({"params": {"tau_u": 0.2}}, True),
        ({"method": "auto", "params": {"tau_u": 0.2}}, True),
        ({"params": {"tau_u": 0.2, "skip": 0.2}}, False),
        ({"method": "p2plus", "params": {"tau_u": 0.2}}, True),
        ({"method": "plain", "params": {"tau_c": 0.2}}, False),
        ({"method": "p2p", "params": {"skip": 0.2}}, False),
        ({"method": "p3p"}, False),
        ({"prompts": ["a"]}, False),
    ],
)
def test_it_says_which_params_a_method_has(
    document: dict[str, Any], fields: dict[str, Any], fits: bool
) -> None:
    asked = {"image_id": NO_IMAGE, "prompt": "a", **fields}
    schema = {"$ref": "#/components/schemas/EditRequest", "components": document["components"]}
    assert jsonschema_rs.validator_for(schema).is_valid(asked) == fits
    if fits:
        EditRequest.model_validate(asked)
    else:
        with pytest.raises(ValidationError):
            EditRequest.model_validate(asked)


def test_types_are_named_after_fields_and_not_after_labels(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert not [
        name
        for name, schema in schemas.items()
        for field in schema.get("properties", {}).values()
        if "title" in field
    ]
