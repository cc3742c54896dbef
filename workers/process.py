"""One worker on one device: load the model, then work the queue until asked to stop."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from time import monotonic
from typing import Final
from uuid import uuid4

import structlog
import torch
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

import engine
import hub
import store
from api_schemas import ModelInfo
from store import logs, tracing
from workers import knowledge
from workers.lease import Heart
from workers.records import Records
from workers.runner import Runner
from workers.settings import WorkerSettings
from workers.watchdog import Guard
from workers.worker import EditingWorker, Leaving

log = structlog.get_logger(__name__)

_EVERY_S: Final = 2.0
_SHOWN_S: Final = 60
_SOURCES: Final = 4
_SHARE_OF_FREE: Final = 0.3


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m workers.process`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workers.process", description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--name", default=f"{socket.gethostname()}-{uuid4().hex}")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="process to stop with")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings = WorkerSettings()
    logs.configure()
    tracing.configure("pentimento-worker")
    structlog.contextvars.bind_contextvars(worker=asked.name)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    try:
        bring(settings)
        models = engine.load(settings.model, device=asked.device, dtype=settings.dtype)
    except Exception as error:  # whatever it is, another try would end the same
        foreseen = isinstance(error, engine.PentimentoError | hub.HubError)
        log.error("the model cannot be loaded", model=settings.model, exc_info=not foreseen)
        because = error.reason if isinstance(error, engine.UnknownModel) else str(error)
        because = " ".join(because.split())[:500] or type(error).__name__
        give_up(settings, f"the model {settings.model} cannot be loaded: {because}")
        return os.EX_CONFIG
    return work(models, settings, asked.name, asked.parent)


def bring(settings: WorkerSettings) -> None:
    """Download what the model's name speaks of and is not here, and let `/readyz` say how far that is."""
    with closing(store.open(settings)) as shared:
        for place in hub.places(settings.model):
            if hub.here(place) is None:
                shown = Shown(lambda text: shared.presence.publish_fault(text, _SHOWN_S))
                hub.pull(place, token=os.environ.get("HF_TOKEN"), on_progress=partial(shown, place))


class Shown:
    """Says how much of a download is done, now and then."""

    def __init__(self, publish: Callable[[str], object]) -> None:
        self._publish, self._at = publish, float("-inf")

    def __call__(self, place: str, done: int, total: int) -> None:
        if monotonic() < self._at + _EVERY_S and done < total:
            return
        self._at = monotonic()
        text = f"downloading {place}: {hub.gigabytes(done)} of {hub.gigabytes(total)}"
        log.info("downloading", model=place, bytes=done, of=total)
        with suppress(RedisError):
            self._publish(text)


def give_up(settings: WorkerSettings, reason: str) -> None:
    """Say why this worker cannot begin: to `/readyz`, and in words as the last of its log."""
    with suppress(RedisError), closing(store.open(settings)) as shared:
        shared.presence.publish_fault(reason)
    sys.stderr.write(f"{reason}\n")


def work(models: engine.Backbone, settings: WorkerSettings, name: str, parent: int) -> int:
    """Work the queue with a loaded model until SIGTERM or the end of `parent`; returns the exit status."""
    shared = store.open(settings)
    shared.blobs.sweep()
    leaving = Leaving(settings.grace_s)
    heart = Heart(shared, settings, name, describe(models, settings), parent)
    on_device = feature_bytes(models, settings)
    records = Records(
        models,
        shared,
        hot_bytes=settings.hot_bytes,
        feature_bytes=on_device,
        feature_host_bytes=feature_host_bytes(models, settings, on_device),
        lock_s=settings.lease_s,
        holding=heart.holding,
    )
    runner = Runner(models, shared, records, Guard(settings.step_deadline_s), leaving, settings.lease_s)
    worker = EditingWorker(
        name=name,
        connection=_for_rq(settings.redis_url),
        jobs=shared.jobs,
        settings=settings,
        heart=heart,
        runner=runner,
        leaving=leaving,
    )
    heart.start()
    log.info("ready", model=settings.model_name, device=str(models.device))
    try:
        worker.work()
    finally:
        try:
            heart.stop()
        except (ConnectionError, TimeoutError) as error:
            log.warning("could not sign off", error=str(error))
        shared.close()
    return os.EX_OK if leaving.asked else os.EX_TEMPFAIL


def feature_bytes(models: engine.Backbone, settings: WorkerSettings) -> int:
    """Memory for what edits take from sources: as set, else of several sources, if enough is free."""
    if settings.feature_bytes is not None:
        return settings.feature_bytes
    free = engine.free_bytes(models.device)
    chosen = min(_SOURCES * engine.features_need(models), int(free * _SHARE_OF_FREE))
    log.info("memory for source features", mebibytes=chosen >> 20, free=free >> 20)
    return chosen


def feature_host_bytes(models: engine.Backbone, settings: WorkerSettings, on_device: int) -> int:
    """Main memory for what edits take from sources beyond `on_device` bytes of a GPU: as set, else what
    several sources lack there, if enough is free for all workers of this machine.
    """
    if models.device.type != "cuda":
        return 0
    if settings.feature_host_bytes is not None:
        return settings.feature_host_bytes
    free = engine.free_bytes(torch.device("cpu")) // len(settings.devices.split(","))
    lacking = max(_SOURCES * engine.features_need(models) - on_device, 0)
    chosen = min(lacking, int(free * _SHARE_OF_FREE))
    log.info("main memory for source features", mebibytes=chosen >> 20, free=free >> 20)
    return chosen


def describe(models: engine.Backbone, settings: WorkerSettings) -> ModelInfo:
    """The model as `GET /models` shows it."""
    knows = knowledge.read(models.folder)
    return ModelInfo(
        name=settings.model_name,
        size=models.spec.size,
        stride=models.stride,
        token_limit=models.token_limit,
        guidance_scale=models.spec.guidance_scale,
        family=models.family,
        licence=hub.licence_of(models.folder),
        demo=knows is not None and knows.demo,
        knows=knows,
        offers=sorted(models.offers),
        auto=knowledge.recipes(models.folder),
        device=str(models.device),
        dtype=models.dtype_name,
        defaults={name: dict(models.spec.defaults_of(name)) for name in engine.METHODS},
    )


def _for_rq(url: str) -> Redis:
    return Redis.from_url(
        url,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), retries=10),
        retry_on_error=[ConnectionError],
    )


if __name__ == "__main__":
    sys.exit(main())
