"""Worker processes that are asked to stop: at rest, as they start, and in a job that outlasts their grace."""

import time
from pathlib import Path

import pytest

import engine
from api_schemas import Job, JobStatus
from store import Store
from tests.workers.conftest import bench_for, job_of, running, send, start, until, worker_settings
from workers.settings import WorkerSettings

PROMPTLY_S = 20.0


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, model_folder: Path) -> WorkerSettings:
    """Settings of workers that have no time of grace."""
    return worker_settings(redis_url, tmp_path, model_folder).model_copy(update={"grace_s": 0})


def test_a_worker_without_a_job_or_without_grace_stops_at_once_and_hands_its_job_back(
    settings: WorkerSettings, shared: Store, models: engine.Backbone, tmp_path: Path
) -> None:
    def stopped(job: Job | None) -> None:
        process = start(settings, tmp_path / "log", "workers")
        until(shared.presence.workers, "the worker")
        if job is not None:
            running(shared, job.id, "invert")
        asked = time.monotonic()
        assert process.stop() == 0, process.log.read_text()
        assert time.monotonic() - asked < PROMPTLY_S
        assert shared.presence.workers() == []

    stopped(None)
    job = send(shared, steps=1000)
    stopped(job)
    left = job_of(shared, job.id)
    assert (left.status, left.progress) == (JobStatus.QUEUED, None)
    assert shared.redis.hget(f"pentimento:job:{job.id}", "losses") == "0"
    done = bench_for(models, settings, shared).work(job)
    assert done.status is JobStatus.SUCCEEDED, done.error


def test_a_worker_that_is_still_loading_stops_at_once(
    settings: WorkerSettings, shared: Store, tmp_path: Path
) -> None:
    process = start(settings, tmp_path / "log", "workers")
    until(lambda: "worker started" in process.log.read_text(), "the worker")
    asked = time.monotonic()
    assert process.stop() == 0, process.log.read_text()
    assert time.monotonic() - asked < PROMPTLY_S
