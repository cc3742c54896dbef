import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api_schemas import (
    Accepted,
    EditedImage,
    EditResult,
    Knowledge,
    Metrics,
    ModelInfo,
    Timings,
)
from service.app import create_app
from service.settings import ServiceSettings
from store import Store
from store.names import NAMES
from tests.results import inverted

NO_IMAGE = "img_" + "a" * 26
Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def http(shared: Store) -> Iterator[TestClient]:
    """The API without any worker, of which one was there before: jobs stay queued."""
    served_before(shared)
    with TestClient(create_app(shared, ServiceSettings()), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def start(shared: Store) -> Iterator[Start]:
    """Start the API as a process; its URL comes with it."""
    begun: list[subprocess.Popen[str]] = []

    def begin(more: Mapping[str, str] = MappingProxyType({})) -> tuple[subprocess.Popen[str], str]:
        ours = {
            "PENTIMENTO_REDIS_URL": shared.settings.redis_url,
            "PENTIMENTO_STORE": shared.settings.store,
        }
        environment = {**os.environ, **ours, **more}
        command = [sys.executable, "-m", "service", "--port", "0"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stderr is not None
        lines = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
        return process, next(found[0] for found in lines if found)

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def png() -> bytes:
    """A small picture."""
    return png_of((40, 32))


def png_of(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def invert(http: TestClient, png: bytes, **fields: Any) -> Accepted:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass", **fields})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return Accepted.model_validate(answer.json())


def edit(http: TestClient, image_id: str, prompt: str = "a dog on grass", **fields: Any) -> Any:
    return http.post("/edit", json={"image_id": image_id, "prompt": prompt, **fields})


def edited(image_id: str) -> EditResult:
    metrics = Metrics(psnr=20, ssim=0.8)
    picture = EditedImage(prompt="a dog on grass", url=f"/images/{image_id}/results/x.png", metrics=metrics)
    timings = Timings(queued=0, source=0, edit=1, save=0)
    return EditResult(image_id=image_id, images=[picture], source_cached=True, timings=timings)


def begin(shared: Store, job_id: str) -> Any:
    claim = shared.jobs.begin(job_id, "test", 30)
    assert claim is not None
    return claim


def ready(http: TestClient, shared: Store, png: bytes, **fields: Any) -> str:
    accepted = invert(http, png, **fields)
    shared.jobs.succeed(begin(shared, accepted.job_id), inverted(accepted.image_id))
    return accepted.image_id


def served_before(shared: Store) -> None:
    """Store a model as a worker publishes it that has ended since."""
    serve(shared, token_limit=77)
    shared.presence.retire("worker")


def never_served(shared: Store) -> None:
    """Forget every model that a worker published."""
    shared.redis.delete(NAMES["MODELS"])


def serve(
    shared: Store,
    token_limit: int = 16,
    name: str = "miniature",
    knows: Knowledge | None = None,
    offers: list[str] | None = None,
) -> None:
    model = ModelInfo(
        name=name, size=64, token_limit=token_limit, guidance_scale=3, knows=knows, offers=offers
    )
    shared.presence.publish("worker", model, 30)
