"""Models that cannot do every method, over HTTP: what is accepted is painted, all else is refused at once."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diffusers import LCMScheduler
from starlette.testclient import TestClient

import engine
from api_schemas import Job
from parameters import EDITS
from service.app import create_app
from service.settings import ServiceSettings
from store import Store
from tests.engine.backbones.tiny_sd3 import save_sd3
from tests.engine.conftest import save_model
from tests.workers.conftest import Bench, bench_for, job_of, picture
from workers.process import describe
from workers.settings import WorkerSettings

NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def save_lcm(folder: Path) -> Path:
    save_model(folder, unet_more={"time_cond_proj_dim": 9})
    LCMScheduler(**NOISE).save_pretrained(folder / "scheduler")
    return folder


@pytest.fixture(scope="module", params=[save_sd3, save_lcm], ids=["sd3", "lcm"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> engine.Backbone:
    save: Callable[[Path], Path] = request.param
    return engine.load(save(tmp_path_factory.mktemp("family")))


@pytest.fixture
def bench(models: engine.Backbone, settings: WorkerSettings, shared: Store) -> Bench:
    """A worker with the model, which it has published."""
    shared.presence.publish("worker", describe(models, settings), 300)
    return bench_for(models, settings, shared)


@pytest.fixture
def http(shared: Store) -> Iterator[TestClient]:
    with TestClient(create_app(shared, ServiceSettings()), base_url="http://127.0.0.1:8000") as client:
        yield client


def png() -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "PNG")
    return buffer.getvalue()


def worked(bench: Bench, answer: Any) -> Job:
    """The job of an answer once it has ended, and those before it that it waits for."""
    assert answer.status_code == 202, answer.text
    asked = job_of(bench.shared, answer.json()["job_id"])
    while queued := bench.shared.redis.lindex("rq:queue:pentimento", 0):
        bench.work(job_of(bench.shared, queued))
    return job_of(bench.shared, asked.id)


def test_an_edit_by_default_succeeds(http: TestClient, bench: Bench) -> None:
    form = {"source_prompt": "a cat on grass", "inversion": '{"steps": 4}'}
    for target in ("a dog on grass", "a cat on sand"):
        job = worked(bench, http.post("/edit", files={"image": png()}, data={**form, "prompt": target}))
        assert job.status == "succeeded", job.error


def test_every_method_is_refused_at_once_or_succeeds(
    http: TestClient, bench: Bench, models: engine.Backbone
) -> None:
    image = worked(bench, http.post("/invert", files={"image": png()}, data={"prompt": "a cat", "steps": 2}))
    for name, method in EDITS.items():
        asked = {"image_id": image.image_id, "prompt": "a dog", "method": name}
        answer = http.post("/edit", json=asked)
        if not method.needs_of_model <= models.offers:
            assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_by_model")
        elif name != "prompt-interpolation":  # it needs another inversion
            job = worked(bench, answer)
            assert job.status == "succeeded", job.error
