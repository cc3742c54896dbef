"""What a model's folder says of it, and pictures that are not of its kind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import engine
from api_schemas import InvertResult, Knowledge
from tests.workers.conftest import Bench, job_of, send
from workers import knowledge
from workers.process import describe
from workers.settings import WorkerSettings


def codes(sent: tuple[int, int], psnr: float, knows: Knowledge | None) -> list[str]:
    found = knowledge.doubts(knows, sent=sent, working=Image.new("RGB", (96, 64)), own_psnr=psnr)
    return [notice.code for notice in found]


def test_a_picture_is_doubted_for_its_size_and_for_what_the_autoencoder_makes_of_it() -> None:
    knows = Knowledge(lowest_psnr=24)
    assert codes((384, 256), 24, knows) == []
    assert codes((390, 260), 24, knows) == ["much_larger_than_model"]
    assert codes((96, 64), 22.9, knows) == ["poor_reconstruction"]
    assert codes((96, 64), 5, Knowledge()) == codes((96, 64), 5, None) == []


def test_a_folder_that_says_nothing_or_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    assert knowledge.read(tmp_path) is None
    (tmp_path / knowledge.FILE).write_text('{"words": 7}')
    assert knowledge.read(tmp_path) is None
    assert knowledge.family(tmp_path) == "Stable Diffusion"


@pytest.mark.parametrize(
    ("pipeline", "width", "family"),
    [
        ("StableDiffusionPipeline", 768, "Stable Diffusion 1"),
        ("StableDiffusionPipeline", 1024, "Stable Diffusion 2"),
        ("StableDiffusionPipeline", 64, "Stable Diffusion"),
        ("StableDiffusionXLPipeline", 2048, "Stable Diffusion XL"),
    ],
)
def test_the_family_is_told_by_the_folder(tmp_path: Path, pipeline: str, width: int, family: str) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": width}))
    assert knowledge.family(tmp_path) == family


def test_the_worker_tells_what_its_model_knows(settings: WorkerSettings) -> None:
    told = describe(engine.load("miniature"), settings)
    assert told.demo
    assert told.knows is not None
    assert {"cat", "balloon"} <= set(told.knows.objects)
    assert told.knows.lowest_psnr


@pytest.mark.parametrize("method", ["direct", "ddim"])
def test_doubts_come_with_the_inversion_and_again_when_it_is_known(
    make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(knowledge, "read", lambda folder: Knowledge(lowest_psnr=99))
    bench = make_bench()
    job = bench.work(send(bench.shared, method=method))
    assert isinstance(job.result, InvertResult), job.error
    assert [warning.code for warning in job.result.warnings] == ["poor_reconstruction"]
    assert job.warnings == job.result.warnings
    image = bench.shared.images.get(job.image_id)
    assert image is not None
    assert image.result is not None
    assert image.result.warnings == job.result.warnings
    again = send(bench.shared, method=method)
    assert again.id != job.id
    assert job_of(bench.shared, again.id).warnings == job.warnings
