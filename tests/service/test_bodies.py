"""Bodies in every form that is read, and in those that are not."""

import asyncio
import base64
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.conftest import NO_IMAGE, invert


def test_a_form_and_json_and_a_data_url_mean_the_same(http: TestClient, png: bytes) -> None:
    # A tail that needs padding and the characters in which the two alphabets differ.
    bare = base64.b64encode(png + b"\xfb" * (9 + (1 - len(png)) % 3)).decode()
    form = invert(http, png, steps="30", method="direct", params="{}")
    asked = {"prompt": "a cat on grass", "steps": 30}
    ids = {form.image_id}
    urlsafe = bare.replace("+", "-").replace("/", "_")
    assert urlsafe != bare != bare.rstrip("=")
    forms = (
        *(bare, f"data:image/png;base64,{bare}", "\r\n\t ".join((bare[:40], bare[40:]))),
        *(urlsafe, bare.rstrip("=")),
    )
    for image in forms:
        answer = http.post("/invert", json={"image": image, **asked})
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["image_id"])
    assert len(ids) == 1


def test_fields_that_a_browser_sends_empty_are_left_out(http: TestClient, png: bytes) -> None:
    empty = invert(http, png, steps="", method="", params="", model="")
    assert empty.image_id == invert(http, png).image_id
    assert invert(http, png, prompt="").image_id != empty.image_id


def test_base64_is_decoded_off_the_event_loop(
    http: TestClient, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> bytes:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return png

    monkeypatch.setattr("service.bodies.base64.b64decode", decode)
    assert http.post("/invert", json={"image": "AAAA", "prompt": "a cat"}).status_code == 202


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({}, ["prompt"]),
        ({"prompt": "x", "steps": "0"}, ["steps"]),
        ({"prompt": "x", "steps": "fifty"}, ["steps"]),
        ({"prompt": "x", "method": "magic"}, ["method"]),
        ({"prompt": "x", "params": "{"}, ["params"]),
        ({"prompt": "x", "params": '{"tau": 1}'}, ["params", "tau"]),
        ({"prompt": "x", "params": "[1]"}, ["params"]),
        ({"prompt": "x", "colour": "red"}, ["colour"]),
        ({"prompt": "x" * 2001}, ["prompt"]),
        ({"prompt": ["x", "y"]}, ["prompt"]),
    ],
)
def test_a_bad_form_names_the_field(
    http: TestClient, png: bytes, fields: dict[str, Any], loc: list[str]
) -> None:
    answer = http.post("/invert", files={"image": png}, data=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"][0]["loc"][: len(loc)] == loc


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "x"},
        {"image": "", "prompt": "x"},
        {"image": "!!!!", "prompt": "x"},
        {"image": "é" * 4, "prompt": "x"},
        {"image": "AAAAA", "prompt": "x"},
        {"image": "aGVsbG8=", "prompt": "x", "model": ""},
        {"image": "data:image/png,abc", "prompt": "x"},
        {"image": 5, "prompt": "x"},
        {"image": "aGVsbG8=", "prompt": "x", "steps": "50"},
        {"image": "aGVsbG8=", "prompt": "x", "extra": 1},
    ],
)
def test_bad_json_is_refused(http: TestClient, body: dict[str, Any]) -> None:
    answer = http.post("/invert", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


def test_bad_forms_are_refused(http: TestClient, png: bytes) -> None:
    twice = [("image", ("a.png", png)), ("image", ("b.png", png))]
    answers = [
        http.post("/invert", files=twice, data={"prompt": "x"}),
        http.post("/invert", files={"picture": png}, data={"prompt": "x"}),
        http.post("/invert", files={"prompt": b"a file"}, data={"image": "text"}),
        http.post("/invert", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"}),
        http.post("/invert", content=b"--x", headers={"content-type": "multipart/form-data"}),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(422, "validation_error")] * 5


@pytest.mark.parametrize(
    "fields",
    [
        {"prompts": ["a dog"], "prompt": "a dog"},
        {"prompt": None},
        {"prompt": None, "prompts": []},
        {"prompt": ""},
        {"params": {"tau_c": 2}},
        {"params": {"tau_c": {f"w{n}": 0.5 for n in range(34)}}},
        {"params": {"tau_s": "0.5"}},
        {"params": {"tau_c": True}},
        {"params": {"tau_s": [0.8, 0.2]}},
        {"params": {"unknown": 1}},
        {"method": "magic"},
        {"guidance_scale": "7"},
        {"image_id": "../../etc/passwd"},
    ],
)
def test_bad_edits_are_validation_errors(http: TestClient, fields: dict[str, Any]) -> None:
    asked = {"image_id": NO_IMAGE, "prompt": "a dog", **fields}
    answer = http.post("/edit", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"]
