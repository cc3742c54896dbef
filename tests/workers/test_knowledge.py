"""What a model's folder says of it, and pictures that are not of its kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import engine
from api_schemas import InvertResult, Knowledge
from parameters import Kind, Recipe
from tests.workers.conftest import Bench, ask, job_of, send
from workers import knowledge
from workers.process import describe
from workers.settings import WorkerSettings


def codes(knows: Knowledge | None, *, sent: tuple[int, int] = (96, 64), **own: float) -> list[str]:
    given = engine.Fidelity(**{"psnr": 40.0, "snr": 20.0, "detail": 1.0, **own})
    return [notice.code for notice in knowledge.doubts(knows, sent=sent, working=(96, 64), own=given)]


def test_a_picture_is_doubted_for_its_size_and_for_what_the_autoencoder_makes_of_it() -> None:
    knows = Knowledge(lowest_psnr=24, lowest_snr=7, lowest_detail=0.6)
    assert codes(knows, sent=(384, 256), psnr=23.6, snr=6.6, detail=0.55) == []
    assert codes(knows, sent=(390, 260)) == ["much_larger_than_model"]
    for worse in ({"psnr": 23.4}, {"snr": 6.4}, {"detail": 0.53}):
        assert codes(knows, **worse) == ["poor_reconstruction"]
        assert codes(Knowledge(), **worse) == codes(None, **worse) == []


def test_a_flat_picture_and_fine_texture_are_seen_through() -> None:
    rng = np.random.default_rng(0)
    values = 128 + 40 * rng.standard_normal((64, 64, 1)).repeat(3, 2)
    texture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    flat = texture.point(lambda value: 128 + (value - 128) // 20)
    smooth = texture.filter(ImageFilter.BoxBlur(2))
    for picture, blank in ((texture, smooth), (flat, Image.new("RGB", (64, 64), (128, 128, 128)))):
        assert engine.fidelity(picture, picture) == engine.Fidelity(psnr=100, snr=100, detail=1)
        seen = engine.fidelity(picture, blank)
        assert seen.detail < 0.3
        assert seen.snr < 4
    assert engine.fidelity(flat, blank).psnr > 40
    assert engine.fidelity(blank, blank) == engine.Fidelity(psnr=100, snr=100, detail=1)


def test_a_folder_that_says_nothing_or_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    assert knowledge.read(tmp_path) is None
    (tmp_path / knowledge.FILE).write_text('{"words": 7}')
    assert knowledge.read(tmp_path) is None


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
    edit = bench.work(ask(bench.shared, job.image_id, prompt="a dog on grass"))
    assert edit.warnings == job.warnings  # who sends a picture with its edit sees no other job


def test_the_worker_tells_what_auto_is_to_choose(settings: WorkerSettings) -> None:
    told = describe(engine.load("miniature"), settings)
    assert told.auto is not None
    assert set(told.auto) <= set(Kind)
    assert told.auto["background"].inversion == "edit-friendly"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"swap": {}}',
        '{"swap": {"method": "magic"}}',
        '{"swap": {"method": "p2p", "params": {"tau_c": 5}}}',
        '{"swap": {"method": "p2p", "inversion": "magic"}}',
        '{"swap": {"method": "p2p", "inversion": "encode"}}',
        '{"swap": {"method": "uniedit", "inversion": "uni-inv", "guidance_scale": 3}}',
        '{"removed": {"method": "p2p", "paint": "ground"}}',
    ],
)
def test_a_table_that_cannot_be_used_is_none(tmp_path: Path, content: str) -> None:
    assert knowledge.recipes(tmp_path) is None
    (tmp_path / knowledge.RECIPES).write_text(content)
    assert knowledge.recipes(tmp_path) is None
    (tmp_path / knowledge.RECIPES).write_text('{"swap": {"method": "p2p", "mask": "changed"}}')
    assert knowledge.recipes(tmp_path) == {"swap": Recipe(method="p2p", mask="changed")}
