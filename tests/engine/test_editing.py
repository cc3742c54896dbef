"""Invert once, edit ever after: the promises of the two functions, on random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import engine
from engine import P2P, Edit, Progress, codec

BLENDED = P2P(blend_words=["cat", "dog"], subtract_words=["grass"], reweight={"dog": 2, "grass": -1})


def reconstruction(models: engine.Models, image: Image.Image) -> Image.Image:
    return codec.decode(models, codec.encode(models, codec.fit(models, image)))[0]


def furthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any channel of any pixel."""
    return int(np.abs(np.array(one, int) - np.array(other, int)).max())


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (32, 48), (300, 200), (64, 32)])
@pytest.mark.parametrize("method", [P2P(), BLENDED], ids=["plain", "blended"])
def test_the_source_of_a_direct_edit_is_the_vaes_reconstruction(
    models: engine.Models, picture: Callable[..., Image.Image], size: tuple[int, int], method: P2P
) -> None:
    image = picture(*size)
    record = engine.invert(models, image, prompt="a cat on grass", steps=3)

    result = engine.edit(models, record, Edit(prompt="a dog on grass", method=method))

    expected = reconstruction(models, image)
    assert same(result.source, expected)
    assert same(engine.reconstruct(models, record), expected)
    assert result.images[0].size == expected.size
    assert not same(result.images[0], expected)


def test_other_architectures_work_throughout(
    deep: engine.Models, picture: Callable[..., Image.Image]
) -> None:
    image = picture(75, 50)
    record = engine.invert(deep, image, prompt="a cat on grass", steps=3)

    result = engine.edit(deep, record, Edit(prompt="a dog on grass", method=BLENDED))

    assert result.source.size == (64, 48)
    assert same(result.source, reconstruction(deep, image))


def test_outside_the_mask_the_latents_decode_to_the_source(
    models: engine.Models, record: engine.SourceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[torch.Tensor] = []
    decode = codec.decode_one

    def noting(models: engine.Models, latent: torch.Tensor) -> Image.Image:
        decoded.append(latent)
        return decode(models, latent)

    monkeypatch.setattr(codec, "decode_one", noting)

    result = engine.edit(models, record, Edit(prompt="a dog on grass", method=BLENDED))

    mask = result.masks[0]
    assert mask is not None
    assert (mask.mode, mask.size) == ("L", (32, 32))
    opened = torch.from_numpy(np.array(mask.resize((8, 8), Image.Resampling.NEAREST))) > 0
    source, target = decoded
    assert opened.any()
    assert not opened.all()
    assert torch.equal(target[:, ~opened], source[:, ~opened])
    assert not torch.equal(target[:, opened], source[:, opened])


def test_no_blend_no_mask(models: engine.Models, record: engine.SourceRecord) -> None:
    assert engine.edit(models, record, Edit(prompt=("a dog on grass", "a cat"))).masks == (None, None)


@pytest.mark.parametrize("method", engine.INVERTERS)
def test_the_same_request_gives_the_same_bytes_whatever_ran_before(
    models: engine.Models, image: Image.Image, picture: Callable[..., Image.Image], method: str
) -> None:
    edit = Edit(prompt=("a dog on grass", "a red cat on grass"), method=P2P(blend_words="changed"))

    def once() -> list[bytes]:
        record = engine.invert(models, image, prompt="a cat on grass", method=method, steps=3)
        result = engine.edit(models, record, edit)
        files = record.pack()
        pictures = [*result.images, result.source, *(mask for mask in result.masks if mask)]
        return [*(files[name] for name in sorted(files)), *(one.tobytes() for one in pictures)]

    first = once()
    other = engine.invert(models, picture(48, 32, 7), prompt="a ball", steps=4)
    engine.edit(models, other, Edit(prompt="a red ball", method=P2P(reweight={"red": 3})))
    with pytest.raises(KeyboardInterrupt):
        engine.edit(models, other, edit, on_progress=interrupt_in("edit"))

    assert once() == first


def test_a_target_does_not_depend_on_its_company(models: engine.Models, record: engine.SourceRecord) -> None:
    targets = ("a dog on grass", "a red cat on grass", "a fox on grass")
    method = P2P(tau_c={"default": 0.6, "red": 0.2}, reweight={"dog": 2}, blend_words=["cat"])

    together = engine.edit(models, record, Edit(prompt=targets, method=method)).images

    for index, image in enumerate(together):
        alone = engine.edit(models, record, Edit(prompt=targets, method=method, only=index))
        assert len(alone.images) == len(alone.masks) == 1
        assert furthest(alone.images[0], image) <= 1


def test_a_packed_record_edits_as_the_one_it_came_from(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    edit = Edit(prompt="a dog on grass", method=BLENDED)

    read = engine.SourceRecord.unpack(record.pack())

    assert same(engine.edit(models, read, edit).images[0], engine.edit(models, record, edit).images[0])


def test_guidance_is_the_models_own_unless_asked_otherwise(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    def painted(**options: Any) -> Image.Image:
        return engine.edit(models, record, Edit(prompt="a dog on grass", **options)).images[0]

    assert same(painted(), painted(guidance_scale=models.spec.guidance_scale))
    assert not same(painted(), painted(guidance_scale=1))


def test_a_free_source_is_denoised_with_the_targets(models: engine.Models, image: Image.Image) -> None:
    record = engine.invert(models, image, prompt="a cat on grass", method="ddim", steps=3)

    result = engine.edit(models, record, Edit(prompt="a cat on grass", method=P2P(tau_c=1.0, tau_s=1.0)))
    unguided = engine.edit(models, record, Edit(prompt="a dog on grass", guidance_scale=1))

    assert furthest(result.images[0], result.source) <= 1
    assert furthest(unguided.source, engine.reconstruct(models, record)) <= 1
    assert not same(result.source, reconstruction(models, image))


def interrupt_in(phase: str, step: int = 1) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if (progress.phase, progress.step) == (phase, step):
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("phase", ["encode", "edit", "decode"])
def test_progress_may_cancel_and_leaves_no_trace(
    models: engine.Models, record: engine.SourceRecord, phase: str
) -> None:
    before = dict(models.unet.attn_processors)

    with pytest.raises(KeyboardInterrupt):
        engine.edit(
            models,
            record,
            Edit(prompt="a dog on grass", method=BLENDED),
            on_progress=interrupt_in(phase),
        )

    assert models.unet.attn_processors == before


def test_an_inversion_may_be_cancelled_in_any_step(models: engine.Models, image: Image.Image) -> None:
    for step in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            engine.invert(models, image, prompt="a cat", steps=3, on_progress=interrupt_in("invert", step))


def test_progress_counts_every_phase_to_its_end(models: engine.Models, image: Image.Image) -> None:
    heard: list[Progress] = []

    record = engine.invert(models, image, prompt="a cat", steps=2, on_progress=heard.append)
    engine.edit(models, record, Edit(prompt=("a dog", "a red cat")), on_progress=heard.append)

    latents = [one.latent for one in heard if one.latent is not None]
    assert [len(latent) for latent in latents] == [1, 1, 1, 1, 2, 2]
    assert all(latent.shape[1:] == (4, 8, 8) and not latent.requires_grad for latent in latents)
    counts = [("encode", 0, 1), ("encode", 1, 1), ("invert", 1, 2), ("invert", 2, 2)]
    counts += [("encode", 0, 1), ("encode", 1, 1), ("edit", 1, 2), ("edit", 2, 2)]
    counts += [("decode", 0, 3), ("decode", 1, 3), ("decode", 2, 3), ("decode", 3, 3)]
    assert [(one.phase, one.step, one.total) for one in heard] == counts


def test_the_key_is_known_beforehand_and_covers_what_the_record_depends_on(
    models: engine.Models,
    deep: engine.Models,
    image: Image.Image,
    picture: Callable[..., Image.Image],
    folder: Path,
) -> None:
    asked: dict[str, Any] = {"prompt": "a cat", "method": "direct", "steps": 3}
    key = engine.record_key(models, image, **asked)

    assert engine.invert(models, image, **asked).key == key
    others = [
        engine.record_key(models, picture(32, 32, 1), **asked),
        engine.record_key(models, picture(48, 32), **asked),
        engine.record_key(deep, image, **asked),
        engine.record_key(engine.load(folder, dtype="bfloat16"), image, **asked),
        engine.record_key(models, image, **{**asked, "prompt": "a Cat"}),
        engine.record_key(models, image, **{**asked, "method": "ddim"}),
        engine.record_key(models, image, **{**asked, "steps": 4}),
        engine.record_key(offset_by(models, 0), image, **asked),
    ]
    assert len({key, *others}) == 1 + len(others)


def offset_by(models: engine.Models, offset: int) -> engine.Models:
    config = {**models.scheduler.config, "steps_offset": offset}
    return replace(models, scheduler=type(models.scheduler).from_config(config))


def test_keys_see_the_pixels_after_crop_and_resize(
    models: engine.Models, image: Image.Image, picture: Callable[..., Image.Image]
) -> None:
    wider = Image.new("RGB", (34, 32))
    wider.paste(image, (1, 0))

    assert engine.record_key(models, wider, prompt="") == engine.record_key(models, image, prompt="")


def test_half_precision_keeps_latents_in_full(folder: Path, image: Image.Image) -> None:
    models = engine.load(folder, dtype="bfloat16")
    record = engine.invert(models, image, prompt="a cat on grass", steps=3)

    result = engine.edit(models, record, Edit(prompt="a dog on grass", method=BLENDED))

    assert record.trajectory.dtype == torch.float32
    assert same(result.source, reconstruction(models, image))
