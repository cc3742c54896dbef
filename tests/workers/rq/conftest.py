"""RQ's loop with nothing to compute: a runner that only notes what it is given."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from redis import Redis

import store
from store import Claim, Store, StoreSettings
from tests.workers.conftest import MODEL
from workers.lease import Heart
from workers.runner import Runner
from workers.settings import WorkerSettings
from workers.worker import EditingWorker, Leaving


class FakeRunner:
    """Notes the claims and does what the test wants done meanwhile; no engine."""

    tainted, swept = False, 0

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def sweep(self) -> None:
        self.swept += 1

    def run(self, claim: Claim) -> None:
        self.claims.append(claim)
        self.meanwhile()


@pytest.fixture
def settings(settings: StoreSettings) -> WorkerSettings:
    return WorkerSettings(redis_url=settings.redis_url, store=settings.store, lease_s=7, grace_s=0)


@pytest.fixture
def shared(settings: WorkerSettings) -> Iterator[Store]:
    opened = store.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def leaving(settings: WorkerSettings) -> Leaving:
    return Leaving(settings.grace_s)


@pytest.fixture
def worker(
    settings: WorkerSettings, shared: Store, runner: FakeRunner, leaving: Leaving
) -> Iterator[EditingWorker]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    connection = Redis.from_url(settings.redis_url)
    yield EditingWorker(
        name=f"hooks-{time.monotonic_ns()}",
        connection=connection,
        jobs=shared.jobs,
        settings=settings,
        heart=Heart(shared, settings, "hooks", MODEL),
        runner=cast(Runner, runner),
        leaving=leaving,
    )
    connection.close()
    for number, handler in before.items():
        signal.signal(number, handler)
