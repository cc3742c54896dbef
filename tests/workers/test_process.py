"""Worker processes as they are deployed: killed, canceled, refused, stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

import store
from api_schemas import EditResult, JobStatus
from store import Store
from tests.workers.conftest import (
    Process,
    ask,
    ended,
    job_of,
    send,
    start,
    until,
    worker_settings,
)
from workers.settings import WorkerSettings

MANY = 400


@pytest.fixture(scope="module")
def module_settings(
    redis_server: str, tmp_path_factory: pytest.TempPathFactory, model_folder: Path
) -> WorkerSettings:
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return worker_settings(redis_server, tmp_path_factory.mktemp("shared"), model_folder)


@pytest.fixture(scope="module")
def shared(module_settings: WorkerSettings) -> Iterator[Store]:
    opened = store.open(module_settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def supervisor(module_settings: WorkerSettings, shared: Store) -> Iterator[Process]:
    """A supervisor and its worker, for all tests of this module."""
    log = Path(module_settings.store).with_name("log")
    process = start(module_settings, log, "workers")
    try:
        until(lambda: process.popen.poll() is not None or shared.presence.workers(), "the worker")
        assert process.popen.poll() is None, log.read_text()
        yield process
    finally:
        process.popen.terminate()
        process.popen.wait(60)


def test_an_edit_sent_before_its_inversion_is_done(supervisor: Process, shared: Store) -> None:
    inversion = send(shared)
    edit = ask(shared, inversion.image_id, prompt="a dog on grass")
    done = ended(shared, edit.id)
    assert isinstance(done.result, EditResult), (done.error, supervisor.log.read_text())
    assert done.result.source_cached
    assert job_of(shared, inversion.id).status is JobStatus.SUCCEEDED
