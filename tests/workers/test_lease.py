"""The heart renews what its worker holds, and frees what dead ones held."""

import threading

import store
from api_schemas import JobStatus
from store import Store
from tests.workers.conftest import MODEL, job_of, send
from workers.lease import Heart
from workers.settings import WorkerSettings


def test_the_heart_keeps_what_the_worker_holds_and_frees_what_dead_ones_held(
    settings: WorkerSettings, shared: Store
) -> None:
    heart = Heart(shared, settings, "hooks", MODEL)
    lost, kept = send(shared), send(shared, seed=1)
    assert shared.jobs.begin(lost.id, "dead", 0)
    claim = shared.jobs.begin(kept.id, "hooks", 0)
    assert claim is not None
    lock = store.Lock(shared.redis, "x", 60)
    lock.acquire()
    shared.redis.pexpire("pentimento:lock:x", 5000)
    beaten = threading.Event()
    with heart.keeping(claim, also=beaten.set), heart.holding(lock):
        heart.start()
        assert beaten.wait(30)
        assert job_of(shared, lost.id).status is JobStatus.QUEUED
        assert job_of(shared, kept.id).status is JobStatus.PROCESSING
        assert shared.redis.pttl("pentimento:lock:x") > 5000
        assert shared.presence.workers() == ["hooks"]
    heart.stop()
    assert shared.presence.workers() == []
