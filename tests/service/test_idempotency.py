"""`Idempotency-Key`: a request that is sent again does nothing again."""

import threading
from typing import Any

import pytest
from redis.exceptions import ConnectionError
from starlette.testclient import TestClient

from store import Store
from store.answers import Answers
from store.names import PREFIX
from tests.service.conftest import NO_IMAGE, edit, invert, ready


def send(http: TestClient, key: str, body: dict[str, Any]) -> Any:
    return http.post("/edit", json=body, headers={"Idempotency-Key": key})


def test_the_same_request_with_the_same_key_makes_one_job(
    http: TestClient, shared: Store, png: bytes
) -> None:
    body = {"image_id": ready(http, shared, png), "prompt": "a dog on grass"}
    first, second, other = send(http, "k1", body), send(http, "k1", body), send(http, "k2", body)
    assert (first.status_code, "idempotent-replayed" in first.headers) == (202, False)
    assert (second.status_code, second.headers["idempotent-replayed"]) == (202, "true")
    assert (second.json(), second.headers["location"]) == (first.json(), first.headers["location"])
    assert other.json()["job_id"] != first.json()["job_id"]
    assert shared.stats().queued == 2


def test_a_form_may_be_sent_again_with_other_boundaries(http: TestClient, png: bytes) -> None:
    answers = [
        http.post(
            "/invert",
            files={"image": png},
            data={"prompt": "a cat"},
            headers={"Idempotency-Key": "k", "Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        for boundary in ("one", "two")
    ]
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]
    other = http.post(
        "/invert", files={"image": png}, data={"prompt": "a dog"}, headers={"Idempotency-Key": "k"}
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_is_good_for_one_request(http: TestClient, shared: Store, png: bytes) -> None:
    body = {"image_id": ready(http, shared, png), "prompt": "a dog on grass"}
    send(http, "k", body)
    answer = send(http, "k", {**body, "prompt": "a fox on grass"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert shared.stats().queued == 1


def test_refusals_are_repeated_too(http: TestClient, png: bytes) -> None:
    body = {"image_id": NO_IMAGE, "prompt": "a dog"}
    first, second = send(http, "k", body), send(http, "k", body)
    assert (first.status_code, "idempotent-replayed" in first.headers) == (404, False)
    assert (second.status_code, second.headers["idempotent-replayed"]) == (404, "true")
    assert second.json() == first.json()


def test_what_was_the_services_fault_is_tried_again_under_the_same_job(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"image_id": ready(http, shared, png), "prompt": "a dog on grass"}
    submit, made = type(shared.jobs).submit_edit, []

    def lose_the_answer(*args: Any, **kwargs: Any) -> Any:
        made.append(submit(*args, **kwargs).job_id)
        raise ConnectionError("cut")

    with monkeypatch.context() as cut:
        cut.setattr(type(shared.jobs), "submit_edit", lose_the_answer)
        assert send(http, "k", body).status_code == 503
    again = send(http, "k", body)
    assert (again.status_code, again.json()["job_id"]) == (202, made[0])
    assert "idempotent-replayed" not in again.headers
    assert shared.stats().queued == 1


def test_a_request_that_is_being_accepted_is_not_begun_twice(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"image_id": ready(http, shared, png), "prompt": "a dog on grass"}
    submit, inside, go_on = type(shared.jobs).submit_edit, threading.Event(), threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> Any:
        inside.set()
        assert go_on.wait(10)
        return submit(*args, **kwargs)

    monkeypatch.setattr(type(shared.jobs), "submit_edit", slowly)
    first = threading.Thread(target=send, args=(http, "k", body))
    first.start()
    assert inside.wait(10)
    try:
        second = send(http, "k", body)
    finally:
        go_on.set()
        first.join(10)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    assert second.headers["retry-after"] == "1"
    assert send(http, "k", body).headers["idempotent-replayed"] == "true"


def test_a_try_that_died_is_taken_over(shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.answers._LEASE_S", 0)
    answers = Answers(shared.redis)
    died, heir = (answers.reserve("default", "k", b"body") for _ in range(2))
    assert heir == died
    assert heir.answer is None


def test_keys_are_a_tenants_own_and_last_a_day(shared: Store) -> None:
    mine, yours = (shared.answers.reserve(tenant, "k", b"body") for tenant in ("default", "other"))
    assert mine.job_id != yours.job_id
    shared.answers.keep(mine, "kept", None)
    assert shared.answers.reserve("default", "k", b"body").answer == "kept"
    assert 0 < shared.redis.ttl(mine.name) <= 24 * 3600


def test_deleting_an_image_forgets_what_was_answered_about_it(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png)
    send(http, "k1", {"image_id": image, "prompt": "a dog on grass"})
    wrong = {"image_id": image, "prompt": "a dog", "params": {"blend_words": ["horse"]}}
    assert send(http, "k2", wrong).json()["code"] == "unknown_word"
    http.delete(f"/images/{image}")
    assert not shared.redis.keys(f"{PREFIX}answer:*")
    assert not shared.redis.keys("*:answers")


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "schlüssel"])
def test_odd_keys_are_refused(http: TestClient, png: bytes, key: str) -> None:
    accepted = invert(http, png)
    assert edit(http, accepted.image_id).status_code == 202
    answer = http.post(
        "/edit",
        json={"image_id": accepted.image_id, "prompt": "a dog"},
        headers={"Idempotency-Key": key.encode()},
    )
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
