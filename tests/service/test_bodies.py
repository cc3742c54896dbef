"""Bodies in every form that is read, and in those that are not."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from PIL import Image
from starlette.testclient import TestClient

from service.errors import ServiceError
from service.security import UPLOAD_BYTES
from service.spooling import InFlight, decode_base64
from tests.service.conftest import NO_IMAGE, Start, invert


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
    assert empty.job_id == invert(http, png).job_id
    assert invert(http, png, prompt="").job_id != empty.job_id


def test_base64_is_decoded_off_the_event_loop(
    http: TestClient, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> bytes:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return png

    monkeypatch.setattr("service.spooling.base64.b64decode", decode)
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


@pytest.mark.parametrize(
    "write",
    [
        lambda image: f'{{"image":"{image}","prompt":"a cat on grass"}}',
        lambda image: '{{"prompt":"a cat on grass" , "image" : "{}"}}'.format(image.replace("/", "\\/")),
        lambda image: f'{{"prompt":"a cat on grass","\\u0069mage":"{image}"}}',
        lambda image: '{{"image":"{}\\n","prompt":"a cat on grass"}}'.format(image.replace("A", "\\u0041")),
    ],
)
def test_json_says_the_same_however_it_is_written(
    http: TestClient, png: bytes, write: Callable[[str], str]
) -> None:
    expected = invert(http, png).image_id
    body = write(base64.b64encode(png).decode())
    answer = http.post("/invert", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["image_id"] == expected


def test_a_prompt_that_looks_like_a_picture_is_a_prompt(http: TestClient, png: bytes) -> None:
    prompt = '"image": "AAAA" \\'
    answer = http.post("/invert", json={"prompt": prompt, "image": base64.b64encode(png).decode()})
    assert answer.status_code == 202, answer.text
    job = http.get(answer.json()["links"]["self"]).json()
    assert job["request"]["prompt"] == prompt


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        '{"image":"AAAA',
        '{"image":"","prompt":"x"}',
        '{"image":"AA\nAA","prompt":"x"}',
        '{"image":"AAA=AAAA","prompt":"x"}',
        '{"params":{"image":"AAAA"},"prompt":"x"}',
    ],
)
def test_json_without_a_picture_is_refused(http: TestClient, body: str) -> None:
    answer = http.post("/invert", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), answer.text


def test_base64_in_pieces_is_base64() -> None:
    random = Random(7)
    for length in (0, 1, 2, 3, 4, 5, 100, 1001):
        data = random.randbytes(length)
        text = base64.b64encode(data)
        for _ in range(20):
            cuts = sorted(random.randrange(len(text) + 1) for _ in range(3))
            pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
            assert decode_base64(pieces) == data
            assert decode_base64([*pieces, b""]) == data


def test_a_tenant_may_have_half_of_what_may_be_on_its_way() -> None:
    in_flight = InFlight(100)
    with in_flight.held("a", 50), in_flight.held("b", 30), in_flight.held("c", 20):
        for who, size in (("a", 1), ("b", 21), ("d", 1)):
            with pytest.raises(ServiceError) as refused, in_flight.held(who, size):
                pass
            assert refused.value.problem.status == 503
            assert refused.value.headers == {"Retry-After": "2"}
    with in_flight.held("d", 50):
        pass


def test_ten_large_bodies_at_once_take_little_memory(start: Start, png: bytes) -> None:
    process, url = start()
    buffer = io.BytesIO()
    Image.effect_noise((5200, 3900), 60).save(buffer, "PNG", compress_level=0)
    large = json.dumps({"prompt": "noise", "image": base64.b64encode(buffer.getvalue()).decode()}).encode()
    assert 27_000_000 < len(large) < UPLOAD_BYTES

    def post(_: int) -> httpx2.Response:
        headers = {"Content-Type": "application/json"}
        return httpx2.post(f"{url}/invert", content=large, headers=headers, timeout=120)

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(post, range(10)))
    statuses = {answer.status_code for answer in answers}
    assert 202 in statuses
    assert statuses <= {202, 503}
    assert {answer.headers["retry-after"] for answer in answers if answer.status_code == 503} == {"2"}
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert peak
    assert int(peak[1]) < 600 * 2**10
    answer = httpx2.post(f"{url}/invert", files={"image": png}, data={"prompt": "a cat"})
    assert answer.status_code == 202


def test_a_mark_of_the_encoding_is_no_part_of_the_document(http: TestClient, png: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(png).decode(), "prompt": "a cat on grass"})
    headers = {"content-type": "application/json"}
    answer = http.post("/invert", content=body.encode("utf-8-sig"), headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["image_id"] == invert(http, png).image_id
    pair = '{"source": "a cat", "target": "a dog"}'
    assert http.post("/prompts/compare", content=pair.encode("utf-8-sig"), headers=headers).status_code == 200
    wide = http.post("/prompts/compare", content=pair.encode("utf-16"), headers=headers)
    assert (wide.status_code, "UTF-8" in wide.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "body",
    [
        '{"prompt": "a dog", "prompt": "a fox"}',
        '{"prompt": "a dog", "params": {"reweight": {"dog": 1, "dog": 5}}}',
    ],
)
def test_one_name_has_one_value(http: TestClient, png: bytes, body: str) -> None:
    whole = f'{{"image_id": "{NO_IMAGE}", {body[1:]}'
    answer = http.post("/edit", content=whole, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (422, "duplicate")
    form = {"prompt": "a cat", "params": '{"inner_steps": 1, "inner_steps": 2}', "method": "null-text"}
    answer = http.post("/invert", files={"image": png}, data=form)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["inner_steps"])


def test_text_that_a_script_sends_as_a_file_is_text(http: TestClient, png: bytes) -> None:
    blob = ("blob", b'{"inner_steps": 3}', "application/json")
    form = {"prompt": "a cat on grass", "method": "null-text"}
    answer = http.post("/invert", files={"image": png, "params": blob}, data=form)
    assert answer.status_code == 202, answer.text
    asked = http.get(answer.json()["links"]["self"]).json()["request"]
    assert asked["params"]["inner_steps"] == 3
    wrong = http.post("/invert", files={"image": png, "params": ("blob", png)}, data=form)
    assert (wrong.status_code, wrong.json()["errors"][0]["type"]) == (422, "unexpected_file")


def test_a_file_whose_name_is_given_in_the_extended_form_alone_is_a_file(
    http: TestClient, png: bytes
) -> None:
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na cat on grass\r\n',
        b"--x\r\nContent-Disposition: form-data; name=\"image\"; filename*=UTF-8''c%C3%A4t.png\r\n"
        b"Content-Type: image/png\r\n\r\n" + png + b"\r\n--x--\r\n",
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = http.post("/invert", content=b"".join(parts), headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["image_id"] == invert(http, png).image_id


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity"])
def test_an_encoded_body_is_called_that(http: TestClient, coding: str) -> None:
    answer = http.post("/edit", content=b"\x1f\x8b", headers={"content-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "identity"
    assert "Content-Encoding" in answer.json()["detail"]
