"""When RQ lets a worker stop that is asked to."""

import os
import signal

import pytest

from api_schemas import JobStatus
from store import Claim, Store
from tests.workers.conftest import job_of, send
from tests.workers.rq.conftest import FakeRunner
from workers.worker import EditingWorker, Leaving


def test_sigterm_begins_the_time_of_grace_and_a_second_one_does_not_kill(
    worker: EditingWorker, runner: FakeRunner, shared: Store, leaving: Leaving
) -> None:
    first, second = send(shared), send(shared, seed=1)

    def terminate() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    runner.meanwhile = terminate
    worker.work()
    assert leaving.asked
    assert leaving()
    assert [claim.job_id for claim in runner.claims] == [first.id]
    assert job_of(shared, second.id).status is JobStatus.QUEUED


def test_a_worker_that_is_asked_to_stop_as_it_claims_a_job_stops_after_it(
    worker: EditingWorker,
    runner: FakeRunner,
    shared: Store,
    leaving: Leaving,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = send(shared), send(shared, seed=1)
    claim_it = shared.jobs.begin

    def begin(job_id: str, name: str, lease_s: float) -> Claim | None:
        os.kill(os.getpid(), signal.SIGTERM)
        return claim_it(job_id, name, lease_s)

    monkeypatch.setattr(shared.jobs, "begin", begin)
    worker.work()
    assert leaving.asked
    assert [claim.job_id for claim in runner.claims] == [first.id]
    assert job_of(shared, second.id).status is JobStatus.QUEUED
