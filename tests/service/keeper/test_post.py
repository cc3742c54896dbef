"""What is owed is called until it is delivered or given up, whoever fails meanwhile."""

import json
import sys
from collections.abc import Callable
from threading import Event

import anyio
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.testclient import TestClient

from api_schemas import Delivery, DeliveryList, DeliveryStatus, ErrorCode, Problem
from service.keeper.post import Post
from service.keeper.settings import KeeperSettings
from store import Ask, Store, replace_webhook_secret, webhook_secrets
from tests.service.conftest import begin
from tests.service.keeper.conftest import Receiver, receiving
from tests.service.keeper.ended import ended, image_of, submit

SETTINGS = KeeperSettings(
    webhooks=True, webhook_allow_private=True, webhook_timeout_s=5, webhook_retries_s=(0.05, 0.05)
)


def post_until(done: Callable[[], bool], *posts: Post, seconds: float = 15) -> None:
    """Let these work until something holds."""

    async def run() -> None:
        stopping = anyio.Event()
        async with anyio.create_task_group() as group:
            for post in posts:
                group.start_soon(post.run, stopping)
            with anyio.fail_after(seconds):
                while not await anyio.to_thread.run_sync(done):
                    await anyio.sleep(0.02)
            stopping.set()

    anyio.run(run)


def deliveries(http: TestClient, job_id: str) -> list[Delivery]:
    answer = http.get(f"/jobs/{job_id}/deliveries")
    assert answer.status_code == 200, answer.text
    return DeliveryList.model_validate(answer.json()).deliveries


def settled(http: TestClient, *job_ids: str) -> Callable[[], bool]:
    return lambda: all(
        one.status is not DeliveryStatus.PENDING for job_id in job_ids for one in deliveries(http, job_id)
    )


def test_an_ended_job_is_delivered_as_it_can_be_read(
    http: TestClient, shared: Store, receiver: Receiver
) -> None:
    job_id = ended(shared, receiver.url)
    [waiting] = deliveries(http, job_id)
    assert (waiting.url, waiting.status, waiting.tries) == (receiver.url, DeliveryStatus.PENDING, [])
    post_until(settled(http, job_id), Post(shared, SETTINGS))
    [(headers, body)] = receiver.got
    sent = Webhook(webhook_secrets(shared.redis, "default")[0]).verify(body, headers)
    assert sent == http.get(f"/jobs/{job_id}").json()
    assert (sent["status"], headers["webhook-id"]) == ("succeeded", job_id)
    [delivery] = deliveries(http, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    [only] = delivery.tries
    assert (only.status_code, only.error, only.retry_at) == (200, None, None)


def test_failed_and_canceled_jobs_are_told_too(http: TestClient, shared: Store, receiver: Receiver) -> None:
    failed, canceled = submit(shared, receiver.url, 1), submit(shared, receiver.url, 2)
    shared.jobs.fail(begin(shared, failed), Problem.of(ErrorCode.NUMERICAL_ERROR, "not a number"))
    shared.jobs.request_cancel(canceled)
    post_until(settled(http, failed, canceled), Post(shared, SETTINGS))
    told = {headers["webhook-id"]: body for headers, body in receiver.got}
    assert '"numerical_error"' in told[failed]
    assert '"status":"canceled"' in told[canceled]


def test_a_failing_receiver_is_tried_again_with_the_same_id(
    http: TestClient, shared: Store, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    job_id = ended(shared, receiver.url)
    post_until(settled(http, job_id), Post(shared, SETTINGS))
    [delivery] = deliveries(http, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [one.status_code for one in delivery.tries] == [500, 302, 200]
    first, second, third = delivery.tries
    assert first.retry_at is not None
    assert first.at < first.retry_at <= second.at
    assert (second.error, third.error) == ("answered 302; redirects are not followed", None)
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {job_id}


@pytest.mark.parametrize(("answers", "tries"), [([500] * 9, 3), ([410], 1)])
def test_it_is_given_up_after_the_last_try_or_when_unwanted(
    http: TestClient, shared: Store, receiver: Receiver, answers: list[int], tries: int
) -> None:
    receiver.answers = answers
    job_id = ended(shared, receiver.url)
    post_until(settled(http, job_id), Post(shared, SETTINGS))
    [delivery] = deliveries(http, job_id)
    assert (delivery.status, len(delivery.tries)) == (DeliveryStatus.FAILED, tries)
    assert shared.outbox.take(1) is None


def test_several_keepers_deliver_each_job_once(http: TestClient, shared: Store, receiver: Receiver) -> None:
    jobs = [ended(shared, receiver.url, number) for number in range(20)]
    post_until(settled(http, *jobs), *(Post(shared, SETTINGS) for _ in range(3)))
    assert sorted(headers["webhook-id"] for headers, _ in receiver.got) == sorted(jobs)


def test_a_slow_receiver_does_not_hold_up_the_others(
    http: TestClient, shared: Store, receiver: Receiver
) -> None:
    with receiving() as slow:
        slow.patience = Event()
        held = ended(shared, slow.url, 1)
        quick = ended(shared, receiver.url, 2)
        post_until(
            lambda: bool(slow.got and receiver.got),
            Post(shared, SETTINGS.model_copy(update={"stop_grace_s": 0.1})),
        )
    assert deliveries(http, held)[0].status is DeliveryStatus.PENDING
    assert deliveries(http, quick)[0].status is DeliveryStatus.DELIVERED


def test_what_a_stop_cuts_off_is_delivered_later(
    http: TestClient, shared: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was taken is owed again at once, and nobody takes it beside the call that is under way.
    monkeypatch.setattr(sys.modules["service.keeper.post"], "_LEASE", 0.0001)
    cut = {"webhook_timeout_s": 60, "stop_grace_s": 0.1, "webhooks_at_once": 1}
    settings = SETTINGS.model_copy(update=cut)
    receiver.patience = Event()
    job_id = ended(shared, receiver.url)
    post_until(lambda: bool(receiver.got), Post(shared, settings))
    [delivery] = deliveries(http, job_id)
    assert (delivery.status, delivery.tries) == (DeliveryStatus.PENDING, [])
    receiver.patience.set()
    post_until(settled(http, job_id), Post(shared, settings))
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [job_id, job_id]


def test_a_deleted_image_takes_its_webhooks_along(shared: Store, receiver: Receiver) -> None:
    ended(shared, receiver.url, 1)
    shared.delete_image(image_of(1))
    last = ended(shared, receiver.url, 2)
    post_until(lambda: bool(receiver.got), Post(shared, SETTINGS))
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [last]


def test_a_job_whose_image_is_deleted_tells_that_it_was_canceled_and_no_more(
    shared: Store, receiver: Receiver
) -> None:
    submit(shared, receiver.url)
    shared.delete_image(image_of(1))
    post_until(lambda: bool(receiver.got), Post(shared, SETTINGS))
    sent = json.loads(receiver.got[0][1])
    assert (sent["status"], sent["request"]) == ("canceled", {})
    assert "a cat on grass" not in receiver.got[0][1]


def test_each_who_joins_a_job_is_told(http: TestClient, shared: Store, receiver: Receiver) -> None:
    first = submit(shared, f"{receiver.url}/first")
    assert submit(shared, f"{receiver.url}/second") == first
    shared.jobs.request_cancel(first)
    post_until(settled(http, first), Post(shared, SETTINGS))
    assert sorted(one.url for one in deliveries(http, first)) == [
        f"{receiver.url}/first",
        f"{receiver.url}/second",
    ]
    assert len(receiver.got) == 2


def test_a_job_without_a_webhook_has_no_deliveries(http: TestClient, shared: Store) -> None:
    assert deliveries(http, ended(shared, None)) == []
    missing = http.get("/jobs/job_" + "0" * 26 + "/deliveries")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_secret_that_is_replaced_verifies_for_a_day_more(shared: Store, receiver: Receiver) -> None:
    [before] = webhook_secrets(shared.redis, "default")
    after = replace_webhook_secret(shared.redis, "default")
    ended(shared, receiver.url)
    post_until(lambda: bool(receiver.got), Post(shared, SETTINGS))
    [(headers, body)] = receiver.got
    assert Webhook(before).verify(body, headers) == Webhook(after).verify(body, headers)


def test_tenants_have_their_own_secret_and_log(http: TestClient, shared: Store, receiver: Receiver) -> None:
    job_id = ended(shared, receiver.url, ask=Ask(tenant="north"))
    post_until(lambda: bool(receiver.got), Post(shared, SETTINGS))
    [(headers, body)] = receiver.got
    Webhook(webhook_secrets(shared.redis, "north")[0]).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook_secrets(shared.redis, "default")[0]).verify(body, headers)
    assert http.get(f"/jobs/{job_id}/deliveries").status_code == 404
