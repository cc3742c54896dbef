"""Refusals in OpenAI's form, as its own client reads them; tests/test_foreign_clients.py has it work."""

import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image
from starlette.testclient import TestClient

from api_schemas import AUTO, EditUpload, ErrorCode, Problem
from service.app import create_app
from service.errors import ServiceError
from service.settings import ServiceSettings
from store import Store
from tests.results import inverted
from tests.service.conftest import begin, png_of, serve
from tests.service.live import serving

PICTURE = png_of((40, 32))


@pytest.fixture
def client(shared: Store) -> Iterator[openai.OpenAI]:
    serve(shared)
    with (
        serving(shared) as live,
        openai.OpenAI(base_url=f"{live.url}/v1", api_key="any", max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"prompt": ""}, "prompt", "1 character"),
        ({"mask": PICTURE}, "mask", "nothing is transparent"),
        ({"mask": b"no picture"}, "mask", "mask: "),
        ({"n": 2}, "", "same picture"),
        ({"size": "512x512"}, "size", "40x32"),
        ({"size": "large"}, "size", "pattern"),
        ({"image": [PICTURE, PICTURE]}, "image", "one picture"),
        ({"image": b"no picture"}, None, "no picture"),
        ({"background": "transparent"}, "background", "opaque"),
        ({"quality": "high"}, "quality", "auto"),
        ({"stream": True}, "stream", "False"),
        ({"extra_body": {"strength": 0.5}}, "strength", "Extra inputs"),
        ({"extra_body": {"source_prompt": "a b c d e f g h i j k l m n o p q"}}, "source_prompt", "tokens"),
    ],
)
def test_what_cannot_be_done_is_an_invalid_request(
    client: openai.OpenAI, fields: dict[str, Any], param: str | None, said: str
) -> None:
    asked = {"image": PICTURE, "prompt": "a dog", **fields}
    with pytest.raises(openai.APIStatusError) as refused:
        client.images.edit(**asked)
    assert isinstance(refused.value, openai.BadRequestError) or refused.value.status_code == 415
    assert refused.value.type == "invalid_request_error"
    assert (refused.value.param or "") == (param or "")
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("offers", "method"),
    [
        (None, "pnp"),
        (["features", "self_attention", "unconditional"], "pnp"),
        (["cross_attention", "features", "self_attention"], AUTO),
        (["unconditional"], AUTO),
    ],
)
def test_without_a_source_prompt_the_edit_is_one_that_the_model_can_do(
    client: openai.OpenAI,
    shared: Store,
    monkeypatch: pytest.MonkeyPatch,
    offers: list[str] | None,
    method: str,
) -> None:
    serve(shared, offers=offers)
    asked: list[EditUpload] = []

    def submit(_: Store, upload: EditUpload, *more: Any) -> None:
        asked.append(upload)
        raise ServiceError(ErrorCode.QUEUE_FULL, "enough seen")

    monkeypatch.setattr(sys.modules["service.routes.openai"], "submit_edit_upload", submit)
    with pytest.raises(openai.RateLimitError):
        client.images.edit(image=PICTURE, prompt="a dog")
    assert [upload.method for upload in asked] == [method]


def test_a_mask_is_open_where_it_is_transparent(client: openai.OpenAI, shared: Store) -> None:
    mask = Image.new("RGBA", (40, 32), "red")
    mask.paste((0, 0, 0, 0), (0, 0, 20, 32))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    opened: list[tuple[object, ...]] = []

    def work() -> None:
        popped = shared.redis.blpop(["rq:queue:pentimento"], timeout=20)
        before = begin(shared, popped[1])
        shared.jobs.succeed(before, inverted(*before.record))
        popped = shared.redis.blpop(["rq:queue:pentimento"], timeout=20)
        claim = begin(shared, popped[1])
        kept = Image.open(io.BytesIO(shared.blobs.picture(claim.request.mask.lstrip("/")))).convert("L")
        opened.append(tuple(map(kept.getpixel, ((0, 0), (19, 31), (20, 0)))))
        shared.jobs.fail(claim, Problem.of(ErrorCode.NUMERICAL_ERROR, "enough seen"))

    with ThreadPoolExecutor(1) as worker:
        working = worker.submit(work)
        with pytest.raises(openai.APIStatusError) as ended:
            client.images.edit(image=PICTURE, prompt="a dog", mask=buffer.getvalue())
        working.result()
    assert ended.value.code == "numerical_error"
    assert opened == [(255, 255, 0)]


def test_pictures_count_as_in_flight_until_they_are_decoded(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_flight: list[int] = []

    def submit(*asked: Any) -> None:
        in_flight.append(http.app.state.in_flight._held.total())  # type: ignore[attr-defined]
        raise ServiceError(ErrorCode.QUEUE_FULL, "enough seen")

    serve(shared)
    monkeypatch.setattr(sys.modules["service.routes.openai"], "submit_edit_upload", submit)
    assert (
        http.post("/v1/images/edits", files={"image": PICTURE}, data={"prompt": "a dog"}).status_code == 429
    )
    assert in_flight[0] > len(PICTURE)


def test_a_field_that_is_repeated_is_refused(http: TestClient, shared: Store) -> None:
    serve(shared)
    fields = {"prompt": ["a dog", "a horse"]}
    answer = http.post("/v1/images/edits", files={"image": PICTURE}, data=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")


@pytest.mark.parametrize("path", ["edits", "generations"])
def test_what_cannot_be_waited_for_is_refused_before_anything_is_queued(shared: Store, path: str) -> None:
    serve(shared)
    with TestClient(
        create_app(shared, ServiceSettings(max_streams=1)), base_url="http://127.0.0.1:8000"
    ) as http:
        with http.app.state.gate.streams.held("default"):  # type: ignore[attr-defined]
            answer = ask(http, path)
        assert answer.status_code == 429
        assert http.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize("path", ["edits", "generations"])
def test_the_end_of_the_service_is_an_error_that_says_to_come_back(
    http: TestClient, shared: Store, path: str
) -> None:
    serve(shared)
    http.app.state.stopping.set()  # type: ignore[attr-defined]
    answer = ask(http, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0


def ask(http: TestClient, path: str) -> httpx2.Response:
    if path == "generations":
        return http.post("/v1/images/generations", json={"prompt": "a cat", "n": 2})
    return http.post("/v1/images/edits", files={"image": PICTURE}, data={"prompt": "a dog"})


def test_models_are_listed_and_others_are_not_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["miniature"]
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a cat", size="4x4")
    assert refused.value.param == "width"
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a cat", model="gpt-image-1")
    assert (refused.value.code, refused.value.type) == ("model_not_found", "invalid_request_error")


def test_other_failures_have_the_classes_of_their_client(client: openai.OpenAI, shared: Store) -> None:
    shared.apikeys.add("shop")
    with pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    assert client.base_url.path == "/v1/"
    answer = httpx2.get(f"{client.base_url}nothing", trust_env=False)
    assert answer.status_code == 404
