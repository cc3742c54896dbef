"""A tiny model with random weights, workers that run it, and jobs to give them."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

import engine
import store
from api_schemas import EditRequest, EditResult, InvertOptions, Job, JobStatus, ModelInfo
from parameters import INVERSIONS
from store import RecordKey, Store, StoreSettings, image_id, keys, record_id
from tests.engine.conftest import save_model
from workers.lease import Heart
from workers.records import Records
from workers.runner import Runner
from workers.settings import WorkerSettings
from workers.watchdog import Guard

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
PROMPT = "a cat on grass"
PATIENCE_S = 300.0


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that runs a step in milliseconds."""
    return save_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def models(model_folder: Path) -> engine.Backbone:
    """That model, loaded."""
    return engine.load(model_folder)


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, model_folder: Path) -> WorkerSettings:
    """Settings of an empty store, with leases short enough to lapse in a test."""
    return worker_settings(redis_url, tmp_path, model_folder)


def worker_settings(redis_url: str, folder: Path, model: Path) -> WorkerSettings:
    """Settings for workers on this store."""
    return WorkerSettings(
        redis_url=redis_url, store=str(folder / "store"), model=str(model), lease_s=3, threads=1, grace_s=60
    )


def picture(seed: int = 0) -> Image.Image:
    """Smooth noise of the tiny model's size."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((32, 32), Image.Resampling.BICUBIC)


def send(
    shared: Store,
    *,
    steps: int = 4,
    seed: int = 0,
    prompt: str = PROMPT,
    method: str = "direct",
    image: Image.Image | None = None,
    inner_steps: int = 2,
) -> Job:
    """What `POST /invert` does: store the picture and queue its inversion, which learns little if at all."""
    params = {"inner_steps": inner_steps} if "inner_steps" in INVERSIONS[method].model_fields else {}
    asked = {"prompt": prompt, "steps": steps, "method": method, "params": params}
    options = InvertOptions.model_validate(asked)
    image, model = image or picture(seed), shared.settings.model_name
    found = image_id([image.tobytes()], image.size)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    shared.blobs.put(keys.source(found), buffer.getvalue())
    width, height = image.size
    submission = shared.jobs.submit_invert(found, options, model=model, width=width, height=height)
    return job_of(shared, submission.job_id)


def ask(shared: Store, image: str, *, by: Mapping[str, object] | None = None, **request: object) -> Job:
    """What `POST /edit` does; `by` is what is to be different from the image's own inversion."""
    asked = EditRequest.model_validate({"image_id": image, "method": "p2p", **request})
    inversion = InvertOptions.model_validate(own(shared, image).model_dump() | dict(by or {}))
    return job_of(shared, shared.jobs.submit_edit(asked, inversion).job_id)


def own(shared: Store, image: str) -> InvertOptions:
    """How the image's own inversion is made."""
    found = shared.images.get(image)
    assert found is not None
    return InvertOptions.model_validate(found.model_dump(include=set(InvertOptions.model_fields)))


def record_of(shared: Store, image: str) -> RecordKey:
    """The image's own inversion."""
    return RecordKey(image, record_id(image, own(shared, image)))


def job_of(shared: Store, job_id: str) -> Job:
    """The job, which must exist."""
    job = shared.jobs.get(job_id)
    assert job is not None
    return job


def until(condition: Callable[[], T | None], what: str) -> T:
    """Wait for a condition, and fail rather than wait for ever."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never came: {what}")


def ended(shared: Store, job_id: str) -> Job:
    """The job once it has ended."""

    def look() -> Job | None:
        job = job_of(shared, job_id)
        return job if job.status.terminal else None

    return until(look, f"the end of {job_id}")


def running(shared: Store, job_id: str, phase: str, step: int = 1) -> Job:
    """The job once it is some steps into a phase."""

    def look() -> Job | None:
        job = job_of(shared, job_id)
        assert not job.status.terminal
        there = job.progress is not None and job.progress.phase == phase and job.progress.step >= step
        return job if there else None

    return until(look, f"{phase} of {job_id}")


@dataclass
class Bench:
    """A runner in this process, driven by hand: no queue, no worker."""

    shared: Store
    runner: Runner
    records: Records
    leave: list[bool] = field(default_factory=list)

    def work(self, job: Job) -> Job:
        """Begin the job and run it to its end."""
        self.shared.redis.lrem("rq:queue:pentimento", 0, job.id)
        claim = self.shared.jobs.begin(job.id, "bench", 60)
        assert claim is not None
        self.runner.run(claim)
        return job_of(self.shared, job.id)


def inverted(bench: Bench, steps: int = 4, prompt: str = "a cat on grass") -> str:
    job = bench.work(send(bench.shared, steps=steps, prompt=prompt))
    assert job.status is JobStatus.SUCCEEDED, job.error
    return job.image_id


def edited(bench: Bench, image: str, **request: object) -> EditResult:
    job = bench.work(ask(bench.shared, image, **request))
    assert isinstance(job.result, EditResult), job.error
    return job.result


def files(shared: Store, image: str) -> dict[str, bytes]:
    folder = Path(shared.settings.store) / "images" / image
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


MODEL = ModelInfo(name="tiny", size=32, token_limit=24, guidance_scale=7.5)


def bench_for(models: engine.Backbone, settings: WorkerSettings, shared: Store) -> Bench:
    """A runner on this store."""
    heart = Heart(shared, settings, "bench", MODEL)
    records = Records(
        models,
        shared,
        hot_bytes=2**24,
        feature_bytes=2**24,
        lock_s=settings.lease_s,
        holding=heart.holding,
    )
    leave: list[bool] = []
    runner = Runner(models, shared, records, Guard(600), lambda: bool(leave), settings.lease_s)
    return Bench(shared=shared, runner=runner, records=records, leave=leave)


@pytest.fixture
def make_bench(models: engine.Backbone, settings: WorkerSettings) -> Iterator[Callable[[], Bench]]:
    """Make runners that share a store, as on several machines."""
    opened: list[Store] = []

    def make() -> Bench:
        opened.append(store.open(settings))
        return bench_for(models, settings, opened[-1])

    yield make
    for shared in opened:
        shared.close()


@pytest.fixture
def bench(make_bench: Callable[[], Bench]) -> Bench:
    """One such runner."""
    return make_bench()


@dataclass
class Process:
    """A worker or a supervisor in a process of its own."""

    popen: subprocess.Popen[bytes]
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE_S)


def start(settings: StoreSettings, log: Path, *command: str) -> Process:
    """Start `python -m COMMAND` under these settings."""
    given = settings.model_dump(exclude_none=True).items()
    environment = {f"PENTIMENTO_{name.upper()}": str(value) for name, value in given}
    with log.open("wb") as file:
        popen = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
            stderr=file,
        )
    return Process(popen, log)


def inversions_at_once(
    jobs: list[Job], make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> int:
    """How many inversions are made when as many workers as jobs run these at the same time."""
    together, made = threading.Barrier(len(jobs), timeout=60), []
    real = engine.invert

    def counted(*args: object, **how: object) -> engine.SourceRecord:
        made.append(1)
        return real(*args, **how)  # type: ignore[arg-type]

    def work(job: Job) -> None:
        worker = make_bench()
        together.wait()
        worker.work(job)

    monkeypatch.setattr(engine, "invert", counted)
    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return len(made)
