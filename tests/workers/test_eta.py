"""The time left, as real jobs of the real model tell it, against the time that they then took."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

import engine
import store
from api_schemas import Job, JobStatus, Progress
from store import Claim, JobStore, Verdict
from store.blobs import Blobs
from tests.workers.conftest import Bench, ask, bench_for, send, worker_settings
from workers.reporter import Reporter

CAT = Path(__file__).parents[2] / "examples" / "cat.png"
TARGETS = ["a dog on grass", "a fox on grass", "a rabbit on grass"]


class Clock:
    """The time of a machine that does nothing else: every part of the model takes as long each time.

    It is ten times slower than the core where this was measured: a call of the U-Net and each of its rows,
    the way back, a picture encoded or decoded, a file stored.
    """

    def __init__(self, models: engine.Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0.0
        self._hooks = [
            models.network.register_forward_hook(lambda _, args, out: self._unet(len(args[0]))),
            models.vae.encoder.register_forward_hook(lambda *_: self._spend(0.1)),
            models.vae.decoder.register_forward_hook(lambda *_: self._spend(0.21)),
        ]
        real = Blobs.put

        def put(blobs: Blobs, key: str, data: bytes) -> None:
            self._spend(0.05)
            real(blobs, key, data)

        monkeypatch.setattr(Blobs, "put", put)

    def __call__(self) -> float:
        return self.at

    def stop(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _unet(self, rows: int) -> None:
        self._spend(0.1 + 0.14 * rows + (0.37 if torch.is_grad_enabled() else 0.0))

    def _spend(self, seconds: float) -> None:
        self.at += seconds


class Timed:
    """A bench whose jobs tell the time left by that clock, and what it was worth."""

    def __init__(self, bench: Bench, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self._now = bench, now
        self._told: list[tuple[float, float | None]] = []
        real = JobStore.progress

        def note(jobs: JobStore, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
            self._told.append((now(), eta_s))
            return real(jobs, claim, progress, eta_s)

        monkeypatch.setattr(JobStore, "progress", note)
        monkeypatch.setattr("workers.runner.Reporter", partial(Reporter, clock=now))

    def is_honest(self, job: Job) -> None:
        """In the second half of this job the time left is told, right to 30 % or 0.3 s."""
        self._told.clear()
        began = self._now()
        done = self.bench.work(job)
        end = self._now()
        assert done.status is JobStatus.SUCCEEDED, done.error
        told = [(end - at, eta) for at, eta in self._told if at >= (began + end) / 2]
        off = [(left, eta) for left, eta in told if eta is None or abs(eta - left) > max(0.3 * left, 0.3)]
        assert off == [], [(round(left, 2), eta and round(eta, 2)) for left, eta in off]
        assert len(told) >= 6


@pytest.fixture(scope="module")
def miniature() -> engine.Backbone:
    return engine.load("miniature")


@pytest.fixture
def timed(
    redis_url: str, tmp_path: Path, miniature: engine.Backbone, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Timed]:
    settings = worker_settings(redis_url, tmp_path, Path("miniature"))
    shared = store.open(settings)
    clock = Clock(miniature, monkeypatch)
    yield Timed(bench_for(miniature, settings, shared), clock, monkeypatch)
    clock.stop()
    shared.close()


def inversion(timed: Timed, method: str, steps: int) -> Job:
    with Image.open(CAT) as picture:
        image = picture.convert("RGB")
    return send(timed.bench.shared, method=method, steps=steps, image=image, inner_steps=6)


def test_an_inversion_says_how_long_it_still_takes(timed: Timed) -> None:
    timed.is_honest(inversion(timed, "direct", 20))
    timed.is_honest(inversion(timed, "direct", 24))


@pytest.mark.parametrize("method", ["stylediffusion", "stylediffusion-faithful"])
def test_an_inversion_that_learns_says_how_long_it_still_takes(timed: Timed, method: str) -> None:
    timed.is_honest(inversion(timed, method, 6))


def test_an_edit_says_how_long_it_still_takes_the_first_time_and_from_the_cache(timed: Timed) -> None:
    image = timed.bench.work(inversion(timed, "direct", 20)).image_id
    for targets in (1, 1, 3, 3, 1):
        timed.is_honest(ask(timed.bench.shared, image, prompts=TARGETS[:targets]))
