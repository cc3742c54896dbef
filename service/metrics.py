"""Prometheus metrics: the requests of this process, and the state of the queue that all share."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from store import Store

_SECONDS: Final = (0.002, 0.004, 0.008, 0.016, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class Metrics:
    """The metrics of this process; no label can take more values than the code names."""

    def __init__(self, store: Store) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Shared(store))
        self._requests = Histogram(
            "pentimento_http_request_seconds",
            "Seconds until a request began to be answered.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def exposition(self) -> bytes:
        """All metrics as they are now, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Shared(Collector):
    """Asks the store at every scrape; every API process reports the same, so a query takes the maximum."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[Metric]:
        """Nothing: the store need not be asked before it is scraped."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What the store says, or only that it does not."""
        up = GaugeMetricFamily("pentimento_queue_up", "Whether the queue could be asked.")
        try:
            metrics = list(_shared(self._store))
        except RedisError:
            metrics = []
        up.add_metric((), 1 if metrics else 0)
        yield from (up, *metrics)


def _shared(store: Store) -> Iterator[Metric]:
    stats = store.stats()
    jobs = GaugeMetricFamily("pentimento_queue_jobs", "Jobs that have not ended.", labels=("state",))
    jobs.add_metric(("queued",), stats.queued)
    jobs.add_metric(("held",), stats.held)
    jobs.add_metric(("processing",), stats.processing)
    yield jobs
    yield GaugeMetricFamily(
        "pentimento_queue_oldest_wait_seconds",
        "How long the job at the front has waited for a worker.",
        value=stats.oldest_wait_s,
    )
    recent = GaugeMetricFamily(
        "pentimento_job_recent_seconds", "What jobs took of late, in the mean.", labels=("kind",)
    )
    for kind, seconds in stats.mean_s.items():
        recent.add_metric((kind.value,), seconds)
    yield recent
    ended = CounterMetricFamily(
        "pentimento_jobs_ended",
        "Jobs that ended, and the code of the error if there was one.",
        labels=("kind", "status", "code"),
    )
    for end, count in stats.ended.items():
        ended.add_metric((end.kind.value, end.status.value, end.code.value if end.code else ""), count)
    yield ended
    yield GaugeMetricFamily("pentimento_inversions", "Inversions of images.", value=stats.records)
    yield GaugeMetricFamily(
        "pentimento_inversion_bytes", "Bytes of files that inversions take.", value=stats.record_bytes
    )
    workers = GaugeMetricFamily("pentimento_workers", "Live workers.", labels=("model",))
    for model in store.presence.models():
        workers.add_metric((model.name,), model.workers)
    yield workers
    keepers = len(store.presence.keepers())
    yield GaugeMetricFamily("pentimento_keepers", "Live keepers.", value=keepers)
