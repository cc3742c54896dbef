"""What workers measure, and that a supervisor serves it for all of them, also for those that are gone."""

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import store
from api_schemas import JobStatus
from store import Store
from tests.workers.conftest import Bench, ask, edited, ended, inverted, send, start, until, worker_settings
from workers import measures
from workers.settings import WorkerSettings

DOG = "a dog on grass"


def here(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"pentimento_worker_{name}", labels) or 0.0


def test_every_job_is_measured_by_its_sort_and_its_steps(bench: Bench) -> None:
    edits, steps = {"kind": "edit", "method": "p2p"}, here("step_seconds_count", phase="edit")
    before = here("job_seconds_count", **edits)
    edited(bench, inverted(bench, steps=4), prompt=DOG)
    assert here("job_seconds_count", **edits) == before + 1
    assert here("step_seconds_count", phase="edit") == steps + 3
    assert here("memory_bytes", of="inversions") > 0
    assert here("memory_bytes", of="process") > 2**20


def test_of_the_gpus_that_a_worker_uses_all_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "memory_reserved", [0, 3 * 2**30].__getitem__)
    monkeypatch.setattr(torch.cuda, "mem_get_info", {1: (19 * 2**30, 24 * 2**30)}.__getitem__)
    measures.remember_memory(inversions=0, features=0)
    assert here("memory_bytes", of="device") == 3 * 2**30
    assert here("gpu_memory_bytes", device="cuda:1", of="used") == 5 * 2**30
    assert here("gpu_memory_bytes", device="cuda:1", of="total") == 24 * 2**30


def test_what_was_sought_is_counted_by_the_tier_where_it_was_found(bench: Bench) -> None:
    tiers = [(what, tier) for what in ("inversion", "features") for tier in ("memory", "storage", "none")]

    def counts() -> list[float]:
        return [here("sought_total", what=what, tier=tier) for what, tier in tiers]

    def change(image: str) -> list[float]:
        before = counts()
        edited(bench, image, prompt=DOG)
        return [after - was for was, after in zip(before, counts(), strict=True)]

    before = counts()
    image = inverted(bench)
    assert [after - was for was, after in zip(before, counts(), strict=True)] == [0, 0, 1, 0, 0, 0]
    assert change(image) == [1, 0, 0, 0, 0, 1]
    assert change(image) == [1, 0, 0, 1, 0, 0]
    bench.records._hot.drop_image(image)
    assert change(image) == [0, 1, 0, 0, 0, 1]


def test_a_failure_is_counted_by_its_code(bench: Bench) -> None:
    image, before = inverted(bench), here("failures_total", code="unknown_word")
    job = bench.work(ask(bench.shared, image, prompt=DOG, params={"reweight": {"zebra": 2}}))
    assert job.status is JobStatus.FAILED
    assert here("failures_total", code="unknown_word") == before + 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(redis_url: str, tmp_path: Path, model_folder: Path) -> WorkerSettings:
    settings = worker_settings(redis_url, tmp_path, model_folder)
    return settings.model_copy(update={"worker_metrics_port": free_port()})


@pytest.fixture
def opened(served: WorkerSettings) -> Iterator[Store]:
    shared = store.open(served)
    yield shared
    shared.close()


def scraped(settings: WorkerSettings) -> dict[str, float]:
    url = f"http://127.0.0.1:{settings.worker_metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return {
        " ".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_supervisor_serves_what_its_workers_did_and_do(
    served: WorkerSettings, opened: Store, tmp_path: Path
) -> None:
    inversions, edits = (
        f"pentimento_worker_job_seconds_count {sort}" for sort in ("invert direct", "edit p2p")
    )
    memory = "pentimento_worker_memory_bytes process"
    process = start(served, tmp_path / "log", "workers")
    try:
        image = ended(opened, send(opened).id).image_id
        until(lambda: scraped(served).get(inversions) == 1, "the inversion's measure")
        assert scraped(served)[memory] > 2**24
        children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text()
        os.kill(int(children), signal.SIGKILL)
        until(lambda: memory not in scraped(served), "the end of a worker")
        ended(opened, ask(opened, image, prompt=DOG).id)
        until(lambda: scraped(served).get(edits) == 1, "the edit's measure")
        told = scraped(served)
        assert told[inversions] == 1
        assert told["pentimento_worker_sought_total storage inversion"] == 1
        assert process.stop() == 0
        with pytest.raises(OSError, match="refused"):
            scraped(served)
    finally:
        process.popen.kill()
        process.popen.wait(60)
