"""The server goes away and comes back: nothing that was accepted is lost."""

import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError

import engine.denoise
import store
from api_schemas import JobStatus
from store import Store
from tests.conftest import valkey_server
from tests.workers.conftest import Bench, bench_for, job_of, send, until, worker_settings
from workers.settings import WorkerSettings


class Server:
    """A server that writes down every change before it answers."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pen-"))
        self.url = f"unix://{self.folder}/redis.sock"
        self.start()

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--dir", str(self.folder)]
        self.process = subprocess.Popen(
            [valkey_server(), *options, "--appendonly", "yes", "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "the server")

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url, retry=None) as redis:
                return bool(redis.ping())
        except ConnectionError:
            return False

    def stop(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop(signal.SIGKILL)
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def settings(server: Server, tmp_path: Path, model_folder: Path) -> WorkerSettings:
    return worker_settings(server.url, tmp_path, model_folder)


@pytest.fixture
def shared(settings: WorkerSettings) -> Iterator[Store]:
    opened = store.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def bench(models: engine.Backbone, settings: WorkerSettings, shared: Store) -> Bench:
    return bench_for(models, settings, shared)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_running_job_outlives_the_server_and_a_queued_one_is_still_there(
    server: Server, bench: Bench, shared: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    job, queued = send(shared, steps=30), send(shared, seed=1)
    shared.redis.lrem("rq:queue:pentimento", 0, job.id)
    halfway, back = threading.Event(), threading.Event()
    call = engine.inverters.ddim.move
    calls: list[int] = []

    def watched(*args: object) -> object:
        calls.append(1)
        if len(calls) == 15:
            halfway.set()
        return call(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("engine.inverters.ddim.move", watched)
    monkeypatch.setattr("workers.retry.sleep", lambda _: back.wait(60))
    claim = shared.jobs.begin(job.id, "bench", 60)
    assert claim is not None
    thread = threading.Thread(target=bench.runner.run, args=(claim,))
    thread.start()
    assert halfway.wait(60)
    server.stop(number)
    until(lambda: len(calls) == 30, "the end of the computation")
    server.start()
    back.set()
    thread.join(60)
    assert job_of(shared, job.id).status is JobStatus.SUCCEEDED
    assert bench.work(queued).status is JobStatus.SUCCEEDED


def test_a_job_that_cannot_reach_the_server_is_handed_back(
    bench: Bench, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(shared)

    def unreachable(image_id: str) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("workers.records.Lock.acquire", unreachable)
        assert bench.work(job).status is JobStatus.QUEUED
    assert shared.redis.hget(f"pentimento:job:{job.id}", "losses") == "0"
    assert bench.work(job).status is JobStatus.SUCCEEDED
