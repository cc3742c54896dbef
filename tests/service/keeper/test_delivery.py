"""One POST: signed, to the address that was checked, and never for longer than it may take."""

import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.keeper.delivery import Courier, Letter, Outcome
from tests.service.keeper.conftest import Receiver, receiving

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BODY = '{"id":"job_1","prompt":"a café"}'


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def send(url: str, courier: Courier | None = None) -> Outcome:
    courier = courier or Courier(timeout_s=10, allow_private=True, resolver=loopback)
    letter = Letter(message_id="msg_1", url=url, body=BODY, secrets=[SECRET])
    return anyio.run(courier.deliver, letter)


def test_the_receiver_can_check_who_sent_what(receiver: Receiver) -> None:
    outcome = send(f"{receiver.url}/hook?x=1")
    assert (outcome.status_code, outcome.error) == (200, None)
    [(headers, body)] = receiver.got
    assert Webhook(SECRET).verify(body, headers)["prompt"] == "a café"
    assert (headers["webhook-id"], headers["content-type"]) == ("msg_1", "application/json")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("café", "bar"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.replace("MDEy", "MDEz")).verify(body, headers)


def test_the_check_that_the_docs_show_holds(receiver: Receiver) -> None:
    [check] = re.findall(r"```py\n(.*?)```", DOCS.read_text(), re.DOTALL)
    send(receiver.url)
    [(headers, body)] = receiver.got
    names: dict[str, Any] = {"secret": SECRET, "headers": headers, "body": body}
    exec(check, names)
    assert names["job"]["id"] == "job_1"
    with pytest.raises(WebhookVerificationError):
        exec(check, {**names, "body": body + " "})


def test_the_name_is_looked_up_once_and_its_host_header_kept(receiver: Receiver) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    courier = Courier(timeout_s=10, allow_private=True, resolver=rebinding)
    assert send(f"http://hooks.test:{receiver.port}/", courier).error is None
    assert asked == ["hooks.test"]
    assert receiver.got[0][0]["host"] == f"hooks.test:{receiver.port}"


def test_nothing_of_ours_is_called(receiver: Receiver) -> None:
    courier = Courier(timeout_s=10, resolver=loopback)
    outcome = send(f"https://hooks.test:{receiver.port}/", courier)
    assert outcome.error == "the URL is not called: 127.0.0.1 is no address of the internet"
    assert outcome.status_code is None
    assert receiver.got == []


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_anything_but_success_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    outcome = send(receiver.url)
    assert (outcome.status_code, outcome.error) == (status, f"answered {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as inside:
        receiver.answers, receiver.headers = [status], {"Location": f"{inside.url}/admin"}
        outcome = send(receiver.url)
        assert outcome.error == f"answered {status}; redirects are not followed"
        assert (len(receiver.got), inside.got) == (1, [])


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert send(receiver.url).error is None
        assert proxy.got == []


def test_a_receiver_that_never_answers_costs_the_time_allowed_and_no_more(receiver: Receiver) -> None:
    receiver.patience = Event()
    outcome = send(receiver.url, Courier(timeout_s=0.3, allow_private=True, resolver=loopback))
    assert outcome.error == "no answer within 0.3 s"
    assert not receiver.patience.is_set()


@pytest.mark.parametrize(
    ("head", "forever", "pause_s", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", 0.05, "no answer within 0.4 s"),
        (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 9999, 0, "cannot be reached: "),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", b"y" * 9999, 0, None),
    ],
    ids=["headers that drip", "headers without end", "a body without end"],
)
def test_a_receiver_that_goes_on_and_on_is_cut_off(
    head: bytes, forever: bytes, pause_s: float, error: str | None
) -> None:
    async def talk(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send(head)
            with suppress(anyio.BrokenResourceError):
                while True:
                    await stream.send(forever)
                    await anyio.sleep(pause_s)

    async def run() -> Outcome:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, talk)
            url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/"
            courier = Courier(timeout_s=0.4, allow_private=True, resolver=loopback)
            outcome = await courier.deliver(Letter(message_id="m", url=url, body=BODY, secrets=[SECRET]))
            group.cancel_scope.cancel()
        return outcome

    outcome = anyio.run(run)
    assert (outcome.error or "").startswith(error or "")
    assert (outcome.error is None) is (error is None)
    assert outcome.seconds < 3


def test_nobody_there() -> None:
    with receiving() as gone:
        url = gone.url
    outcome = send(url)
    assert outcome.error is not None
    assert outcome.error.startswith("cannot be reached: ")


def test_the_certificate_must_be_of_the_name_and_not_of_the_address(
    certified: Callable[[str], Path],
) -> None:
    for name, reached in {"hooks.test": True, "evil.test": False}.items():
        certificate = certified(name)
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(certificate)
        trusting = ssl.create_default_context(cafile=str(certificate))
        courier = Courier(timeout_s=10, allow_private=True, resolver=loopback, tls=trusting)
        with receiving(server) as receiver:
            outcome = send(f"https://hooks.test:{receiver.port}/", courier)
            assert (outcome.error is None) is reached, outcome
            assert len(receiver.got) == reached
            if not reached:
                assert "Hostname mismatch" in str(outcome.error)
