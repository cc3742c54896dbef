from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from api_schemas import EditRequest, EditResult, InvertResult, Job, P2PParams
from pentimento import ApiError, Client, JobFailed, Unreachable
from store import Store


@pytest.fixture
def client(live: str) -> Iterator[Client]:
    with Client(live) as made:
        yield made


@pytest.mark.usefixtures("worker")
def test_the_whole_path(client: Client, cat: Path) -> None:
    seen: list[Job] = []
    accepted = client.invert(cat, prompt="a cat on grass", steps=30, params={})
    job = client.wait(accepted.job_id, timeout_s=20, on_update=seen.append)
    assert isinstance(job.result, InvertResult)
    assert seen[-1] == job
    assert client.image(accepted.image_id).steps == 30
    edit = client.edit(accepted.image_id, ["a dog on grass", "a fox on grass"], params={"tau_c": 0.3})
    result = client.wait(edit.job_id, timeout_s=20).result
    assert isinstance(result, EditResult)
    assert [made.prompt for made in result.images] == ["a dog on grass", "a fox on grass"]
    assert client.download(result.images[0].url).startswith(b"\x89PNG")
    assert result.images[0].attention is None
    assert [job.id for job in client.jobs(1)] == [edit.job_id]
    assert [model.name for model in client.models()] == ["miniature"]
    assert "p2p" in [method.name for method in client.methods()]
    client.delete(accepted.image_id)
    with pytest.raises(ApiError) as caught:
        client.image(accepted.image_id)
    assert caught.value.code == "not_found"


def test_params_may_be_a_model_or_a_mapping(client: Client, shared: Store, cat: Path) -> None:
    accepted = client.invert(cat.read_bytes(), prompt="a cat on grass")
    asked = P2PParams(tau_c=0.2, reweight={"dog": 2})
    for params in (asked, {"tau_c": 0.2, "reweight": {"dog": 2}}):
        edit = client.edit(accepted.image_id, "a dog on grass", params=params, guidance_scale=4)
        stored = shared.redis.hget(f"pentimento:job:{edit.job_id}", "request")
        request = EditRequest.model_validate_json(str(stored))
        assert (request.params, request.guidance_scale) == (asked, 4)


@pytest.mark.usefixtures("worker")
def test_attention_comes_word_by_word(client: Client, cat: Path) -> None:
    accepted = client.invert(cat, prompt="a cat on grass")
    edit = client.edit(accepted.image_id, "a dog", method="p2plus", params={"attention": True, "tau_u": 0.5})
    result = client.wait(edit.job_id, timeout_s=20).result
    assert isinstance(result, EditResult)
    found = {each.word: each for each in result.images[0].attention or ()}
    assert set(found) == {"a", "cat", "on", "grass", "dog"}
    assert (found["cat"].url, found["dog"].source_url) == (None, None)
    assert found["dog"].url is not None
    assert client.download(found["dog"].url).startswith(b"\x89PNG")


@pytest.mark.usefixtures("worker")
def test_a_job_that_fails_says_why(client: Client, cat: Path) -> None:
    accepted = client.invert(cat, prompt="fail")
    with pytest.raises(JobFailed, match="the latents are not finite") as caught:
        client.wait(accepted.job_id, timeout_s=20)
    assert caught.value.job.error is not None


def test_a_canceled_job_ends_the_wait(client: Client, cat: Path) -> None:
    accepted = client.invert(cat, prompt="a cat")
    assert client.cancel(accepted.job_id).status == "canceled"
    with pytest.raises(JobFailed, match="canceled"):
        client.wait(accepted.job_id, timeout_s=20)


def test_waiting_has_an_end(client: Client, cat: Path) -> None:
    accepted = client.invert(cat, prompt="a cat")
    with pytest.raises(TimeoutError, match="it goes on"):
        client.wait(accepted.job_id, timeout_s=0)


def test_nobody_there_is_said_in_words() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unreachable, match="pentimento serve"):
        client.jobs()


def test_something_else_there_is_said_in_words() -> None:
    def other(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, text="nginx")

    transport = httpx2.MockTransport(other)
    with Client(transport=transport) as client, pytest.raises(Unreachable, match="is it Pentimento"):
        client.jobs()


@pytest.mark.parametrize("text", ["<html>hello</html>", "", "[1]", "{}", "null", '{"jobs": 3}', '"jobs"'])
def test_an_answer_that_is_none_of_ours_is_said_in_words(text: str) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, text=text))
    with Client(transport=transport) as client:
        asking: list[Callable[[], object]] = [
            *(client.jobs, client.models, client.methods),
            *(lambda: client.job("job"), lambda: client.edit("image", "a dog")),
        ]
        for ask in asking:
            with pytest.raises(Unreachable, match="is it Pentimento"):
                ask()


def test_waiting_survives_an_outage(live: str, cat: Path, shared: Store) -> None:
    with Client(live) as direct:
        accepted = direct.invert(cat, prompt="a cat")
        direct.cancel(accepted.job_id)
        job = direct.job(accepted.job_id).model_dump(mode="json")
    problem = {"title": "t", "status": 503, "detail": "away", "code": "queue_unavailable"}
    answers = iter(
        [
            httpx2.Response(503, json=problem),
            httpx2.ConnectError("refused"),
            httpx2.Response(200, json={**job, "status": "succeeded"}),
        ]
    )

    def flaky(_: httpx2.Request) -> httpx2.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with Client(transport=httpx2.MockTransport(flaky)) as client:
        assert client.wait(accepted.job_id, timeout_s=20).status == "succeeded"


def test_the_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENTIMENTO_URL", "http://example.org/")
    with Client() as client:
        assert client.url == "http://example.org"
