"""What passes is asked again, and never makes a job twice."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from pentimento import ApiError, Client, Unreachable
from store import Store

ACCEPTED = {
    "job_id": "job_" + "0" * 26,
    "image_id": "img_" + "0" * 26,
    "status": "queued",
    "links": {"self": "/a", "events": "/b", "cancel": "/c", "image": "/d"},
}
Answer = httpx2.Response | Exception


def refusal(status: int, code: str, **headers: str) -> httpx2.Response:
    problem = {"title": "t", "status": status, "detail": "not now", "code": code}
    return httpx2.Response(status, json=problem, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that clients let pass; they do not really pass."""
    passed: list[float] = []
    monkeypatch.setattr("pentimento.transport.time.sleep", passed.append)
    return passed


class Scripted:
    """Answers one after the other, and remembers the requests."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.requests: list[httpx2.Request] = []
        self._answers: Iterator[Answer] = iter(answers)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(script: Callable[[httpx2.Request], httpx2.Response]) -> Client:
    return Client("http://pentimento.test", transport=httpx2.MockTransport(script))


@pytest.mark.parametrize(
    ("answer", "least_s"),
    [
        (httpx2.ConnectError("refused"), 0),
        (httpx2.ReadTimeout("late"), 0),
        (httpx2.RemoteProtocolError("cut off"), 0),
        (httpx2.Response(502, text="<html>"), 0),
        (refusal(503, "queue_unavailable"), 0),
        (refusal(503, "queue_unavailable", Retry_After="5"), 5),
        (refusal(429, "rate_limited", Retry_After="17"), 17),
        (refusal(409, "conflict", Retry_After="1"), 1),
    ],
)
def test_what_passes_is_asked_again_under_the_same_key(
    answer: Answer, least_s: float, pauses: list[float]
) -> None:
    script = Scripted([answer, httpx2.Response(202, json=ACCEPTED)])
    with client(script) as asking:
        assert asking.edit("img", "a dog").job_id == ACCEPTED["job_id"]
    [pause] = pauses
    assert least_s < pause < least_s + 1
    first, second = [request.headers["Idempotency-Key"] for request in script.requests]
    assert first == second


def test_every_call_has_a_key_of_its_own_unless_one_is_named(cat: Path) -> None:
    script = Scripted([httpx2.Response(202, json=ACCEPTED) for _ in range(4)])
    with client(script) as asking:
        asking.invert(cat, prompt="a cat")
        asking.edit("img", "a dog")
        for _ in range(2):
            asking.edit("img", "a dog", idempotency_key="mine", cancel_after="5m")
    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert (len(set(keys)), keys[2:]) == (3, ["mine"] * 2)
    assert [request.headers.get("Cancel-After") for request in script.requests] == [None, None, "5m", "5m"]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "not_found"),
        refusal(409, "conflict"),
        refusal(422, "unknown_word"),
        refusal(500, "internal_error"),
        refusal(429, "queue_full", Retry_After="3600"),
    ],
)
def test_what_stays_is_told_at_once(answer: Answer, pauses: list[float]) -> None:
    with client(Scripted([answer])) as asking, pytest.raises(ApiError, match="not now") as caught:
        asking.edit("img", "a dog")
    assert pauses == []
    wanted = 3600 if caught.value.code == "queue_full" else None
    assert caught.value.retry_after_s == wanted


def test_patience_ends_and_grows_on_the_way(pauses: list[float]) -> None:
    script = Scripted([httpx2.ConnectError("refused")] * 4)
    with client(script) as asking, pytest.raises(Unreachable, match="refused"):
        asking.models()
    assert len(script.requests) == 4
    assert all(0.125 * 2**n <= pause <= 0.25 * 2**n for n, pause in enumerate(pauses))


def test_a_lost_answer_makes_no_second_job(live: str, shared: Store, cat: Path) -> None:
    lost: list[int] = []

    class LosesTheFirstAnswer(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = super().handle_request(request)
            if request.url.path == "/edit" and not lost:
                lost.append(answer.status_code)
                answer.close()
                raise httpx2.ReadError("the connection broke")
            return answer

    with Client(live, transport=LosesTheFirstAnswer()) as asking:
        edit = asking.edit(asking.invert(cat, prompt="a cat"), "a dog")
    jobs, _ = shared.jobs.page("default", limit=10, kind="edit")
    assert lost == [202]
    assert [job.id for job in jobs] == [edit.job_id]
