"""The keeper as a process: killed, stopped, and at its chores."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

import store
from api_schemas import ErrorCode, JobStatus
from store import Ask, Store, StoreSettings, keys
from tests.conftest import valkey_server
from tests.service.keeper.conftest import Receiver
from tests.service.keeper.ended import ended, image_of, submit


@contextmanager
def keeping(
    settings: StoreSettings, program: str = "service.keeper", **more: Any
) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "PENTIMENTO_REDIS_URL": settings.redis_url,
        "PENTIMENTO_STORE": settings.store,
        "PENTIMENTO_SWEEP_S": "0.2",
        "PENTIMENTO_WEBHOOKS": "1",
        "PENTIMENTO_WEBHOOK_ALLOW_PRIVATE": "1",
        "PENTIMENTO_WEBHOOK_TIMEOUT_S": "1",
        **{name: str(value) for name, value in more.items()},
    }
    command = [sys.executable, "-m", *program.split()]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "did not happen"
        sleep(0.02)


def test_a_killed_keeper_loses_nothing(shared: Store, settings: StoreSettings, receiver: Receiver) -> None:
    receiver.patience = Event()
    job_id = ended(shared, f"{receiver.url}/?token=hidden", ask=Ask(request_id="asked-for-it"))
    with keeping(settings, PENTIMENTO_WEBHOOK_TIMEOUT_S=2) as killed:
        until(lambda: receiver.got)
        killed.kill()
    receiver.patience.set()
    with keeping(settings) as process:
        until(lambda: shared.outbox.log(job_id))
        process.terminate()
        _, logged = process.communicate(timeout=10)
    assert f'"job_id": "{job_id}"' in logged
    assert '"request_id": "asked-for-it"' in logged
    assert "hidden" not in logged
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [job_id, job_id]


@pytest.mark.parametrize(
    ("program", "number"), [("service.keeper", signal.SIGTERM), ("pentimento keeper", signal.SIGINT)]
)
def test_it_says_that_it_is_there_and_when_it_goes(
    shared: Store, settings: StoreSettings, program: str, number: signal.Signals
) -> None:
    with keeping(settings, program) as process:
        until(shared.presence.keepers)
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert shared.presence.keepers() == []


def test_an_expired_image_goes_with_all_its_files(settings: StoreSettings) -> None:
    with closing(store.open(settings.model_copy(update={"image_ttl_s": 1}))) as shared:
        job_id = ended(shared, None)
        shared.blobs.put(keys.source(image_of(1)), b"png")
        with keeping(settings):
            until(lambda: shared.images.get(image_of(1)) is None)
            until(lambda: not shared.blobs.exists(keys.source(image_of(1))))
        assert shared.jobs.get(job_id) is None


def test_deadlines_pass_without_any_worker(shared: Store, settings: StoreSettings) -> None:
    job_id = submit(shared, None, ask=Ask(deadline_s=0.3))
    with keeping(settings):
        until(lambda: (job := shared.jobs.get(job_id)) is not None and job.status.terminal)
    job = shared.jobs.get(job_id)
    assert job is not None
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.ABORTED, ErrorCode.DEADLINE_EXCEEDED)


@contextmanager
def queue(folder: Path) -> Iterator[str]:
    """A server of its own that forgets everything when it ends; yields its URL."""
    options = ["--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([valkey_server(), *options], stdout=subprocess.DEVNULL) as process:
        yield f"unix://{folder}/redis.sock"
        process.kill()


def test_it_outlives_the_queue(receiver: Receiver) -> None:
    with TemporaryDirectory(prefix="pen-") as name:
        folder = Path(name)
        settings = StoreSettings(redis_url=f"unix://{folder}/redis.sock", store=f"{folder}/store")
        with keeping(settings) as process, closing(store.open(settings)) as shared:
            for _ in range(2):
                with queue(folder):
                    ended(shared, receiver.url)
                    until(lambda: receiver.got)
                receiver.got.clear()
            assert process.poll() is None
