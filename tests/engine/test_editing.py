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
from engine import P2P, Edit, P2Plus, Plain, PlugAndPlay, Progress, codec
from engine.backbones.unet import StableDiffusion
from engine.inverters import INVERTERS
from parameters import EditParameters, for_pictures

BLENDED = P2P(blend_words=["cat", "dog"], subtract_words=["grass"], reweight={"dog": 2, "grass": -1})
WITH_PATH = [name for name, kind in for_pictures().items() if "path" in kind.gives]
METHOD_IDS = ["p2p", "blended", "plain", "pnp"]
QUICK = {name: {"inner_steps": 2} for name in ("null-text", "stylediffusion", "stylediffusion-faithful")}


def reconstruction(model: engine.Backbone, image: Image.Image) -> Image.Image:
    return codec.decode(model, codec.encode(model, codec.fit(model, image)))[0]


def furthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any channel of any pixel."""
    return int(np.abs(np.array(one, int) - np.array(other, int)).max())


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("size", [(32, 32), (32, 48), (300, 200)])
@pytest.mark.parametrize("method", [P2P(), BLENDED, Plain(), PlugAndPlay()], ids=METHOD_IDS)
def test_the_source_of_a_direct_edit_is_the_vaes_reconstruction(
    model: engine.Backbone, picture: Callable[..., Image.Image], size: tuple[int, int], method: EditParameters
) -> None:
    image = picture(*size)
    record = engine.invert(model, image, prompt="a cat on grass", steps=3)

    result = engine.edit(model, record, Edit(prompt="a dog on grass", method=method))

    expected = reconstruction(model, image)
    assert same(result.source, expected)
    assert same(engine.reconstruct(model, record), expected)
    assert result.images[0].size == expected.size
    assert not same(result.images[0], expected)


def test_other_architectures_work_throughout(
    deep: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    image = picture(75, 50)
    record = engine.invert(deep, image, prompt="a cat on grass", steps=3)

    for method in (BLENDED, P2Plus(tau_u=0.5), Plain(skip=0.4), PlugAndPlay()):
        result = engine.edit(deep, record, Edit(prompt="a dog on grass", method=method))

        assert result.source.size == (64, 48)
        assert same(result.source, reconstruction(deep, image))
        assert not same(result.images[0], result.source)


def test_outside_the_mask_the_latents_decode_to_the_source(
    model: engine.Backbone, record: engine.SourceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[torch.Tensor] = []
    decode = codec.decode_one

    def noting(model: engine.Backbone, latent: torch.Tensor) -> Image.Image:
        decoded.append(latent)
        return decode(model, latent)

    monkeypatch.setattr(codec, "decode_one", noting)

    result = engine.edit(model, record, Edit(prompt="a dog on grass", method=BLENDED))

    mask = result.masks[0]
    assert mask is not None
    assert (mask.mode, mask.size) == ("L", (32, 32))
    opened = torch.from_numpy(np.array(mask.resize((8, 8), Image.Resampling.NEAREST))) > 0
    source, target = decoded
    assert opened.any()
    assert not opened.all()
    assert torch.equal(target[:, ~opened], source[:, ~opened])
    assert not torch.equal(target[:, opened], source[:, opened])


def test_no_blend_no_mask(model: engine.Backbone, record: engine.SourceRecord) -> None:
    assert engine.edit(model, record, Edit(prompt=("a dog on grass", "a cat"))).masks == (None, None)


@pytest.mark.parametrize("method", WITH_PATH)
def test_the_same_request_gives_the_same_bytes_whatever_ran_before(
    model: engine.Backbone, image: Image.Image, picture: Callable[..., Image.Image], method: str
) -> None:
    edit = Edit(prompt=("a dog on grass", "a red cat on grass"), method=P2P(blend_words="changed"))

    def once() -> list[bytes]:
        params = QUICK.get(method)
        record = engine.invert(model, image, prompt="a cat on grass", method=method, steps=3, params=params)
        result = engine.edit(model, record, edit)
        files = record.pack()
        pictures = [*result.images, result.source, *(mask for mask in result.masks if mask)]
        return [*(files[name] for name in sorted(files)), *(one.tobytes() for one in pictures)]

    first = once()
    other = engine.invert(model, picture(48, 32, 7), prompt="a ball", steps=4)
    engine.edit(model, other, Edit(prompt="a red ball", method=P2P(reweight={"red": 3})))
    with pytest.raises(KeyboardInterrupt):
        engine.edit(model, other, edit, on_progress=interrupt_in("edit"))

    assert once() == first


def test_a_target_does_not_depend_on_its_company(model: engine.Backbone, record: engine.SourceRecord) -> None:
    targets = ("a dog on grass", "a red cat on grass", "a fox on grass")
    p2p = P2P(tau_c={"default": 0.6, "red": 0.2}, reweight={"dog": 2}, blend_words=["cat"])
    for method in (p2p, Plain(skip=0.4), PlugAndPlay(blend_words=["grass"])):
        together = engine.edit(model, record, Edit(prompt=targets, method=method)).images

        for index, image in enumerate(together):
            alone = engine.edit(model, record, Edit(prompt=targets, method=method, only=index))
            assert len(alone.images) == len(alone.masks) == 1
            assert furthest(alone.images[0], image) <= 1


def test_a_packed_record_edits_as_the_one_it_came_from(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    edit = Edit(prompt="a dog on grass", method=BLENDED)

    read = engine.SourceRecord.unpack(record.pack())

    assert same(engine.edit(model, read, edit).images[0], engine.edit(model, record, edit).images[0])


def test_guidance_is_the_models_own_unless_asked_otherwise(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    def painted(**options: Any) -> Image.Image:
        return engine.edit(model, record, Edit(prompt="a dog on grass", **options)).images[0]

    assert same(painted(), painted(guidance_scale=model.spec.guidance_scale))
    assert not same(painted(), painted(guidance_scale=1))


def test_a_negative_prompt_is_read_in_place_of_no_words(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    def painted(method: EditParameters, **options: Any) -> Image.Image:
        return engine.edit(model, record, Edit(prompt="a dog on grass", method=method, **options)).images[0]

    for method in (P2P(), Plain()):
        assert same(painted(method), painted(method, negative_prompt=""))
        assert not same(painted(method), painted(method, negative_prompt="a red ball"))
    source = record.prompt
    assert same(painted(PlugAndPlay()), painted(PlugAndPlay(), negative_prompt=source))
    assert not same(painted(PlugAndPlay()), painted(PlugAndPlay(), negative_prompt=""))


def test_a_free_source_is_denoised_with_the_targets(model: engine.Backbone, image: Image.Image) -> None:
    record = engine.invert(model, image, prompt="a cat on grass", method="ddim", steps=3)

    result = engine.edit(model, record, Edit(prompt="a cat on grass", method=P2P(tau_c=1.0, tau_s=1.0)))
    unguided = engine.edit(model, record, Edit(prompt="a dog on grass", guidance_scale=1))

    assert furthest(result.images[0], result.source) <= 1
    assert furthest(unguided.source, engine.reconstruct(model, record)) <= 1
    assert not same(result.source, reconstruction(model, image))


def interrupt_in(phase: str, step: int = 1) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if (progress.phase, progress.step) == (phase, step):
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("phase", ["encode", "mask", "edit", "decode"])
def test_progress_may_cancel_and_leaves_no_trace(
    model: engine.Backbone, record: engine.SourceRecord, phase: str
) -> None:
    before = dict(model.network.attn_processors)

    for method in (
        BLENDED.model_copy(update={"diffedit_mask": True, "combine_masks": "or"}),
        PlugAndPlay(blend_words=["grass"], features=True, diffedit_mask=True, combine_masks="or"),
    ):
        with pytest.raises(KeyboardInterrupt):
            engine.edit(
                model,
                record,
                Edit(prompt="a dog on grass", method=method),
                on_progress=interrupt_in(phase),
            )

        assert model.network.attn_processors == before
        assert not any(module._forward_hooks for module in model.network.modules())


def test_an_inversion_may_be_cancelled_in_any_step(model: engine.Backbone, image: Image.Image) -> None:
    for step in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            engine.invert(model, image, prompt="a cat", steps=3, on_progress=interrupt_in("invert", step))


def test_progress_counts_every_phase_to_its_end(model: engine.Backbone, image: Image.Image) -> None:
    heard: list[Progress] = []

    record = engine.invert(model, image, prompt="a cat", steps=2, on_progress=heard.append)
    engine.edit(model, record, Edit(prompt=("a dog", "a red cat")), on_progress=heard.append)

    latents = [one.latent for one in heard if one.latent is not None]
    assert [len(latent) for latent in latents] == [1, 1, 1, 1, 2, 2]
    assert all(latent.shape[1:] == (4, 8, 8) and not latent.requires_grad for latent in latents)
    counts = [("encode", 0, 1), ("encode", 1, 1), ("invert", 1, 2), ("invert", 2, 2)]
    counts += [("encode", 0, 1), ("encode", 1, 1), ("edit", 1, 2), ("edit", 2, 2)]
    counts += [("decode", 0, 3), ("decode", 1, 3), ("decode", 2, 3), ("decode", 3, 3)]
    assert [(one.phase, one.step, one.total) for one in heard] == counts


def test_the_key_is_known_beforehand_and_covers_what_the_record_depends_on(
    model: engine.Backbone,
    deep: engine.Backbone,
    image: Image.Image,
    picture: Callable[..., Image.Image],
    folder: Path,
) -> None:
    asked: dict[str, Any] = {"prompt": "a cat", "method": "direct", "steps": 3}
    key = engine.record_key(model, image, **asked)

    assert engine.invert(model, image, **asked).key == key
    others = [
        engine.record_key(model, picture(32, 32, 1), **asked),
        engine.record_key(model, picture(48, 32), **asked),
        engine.record_key(deep, image, **asked),
        engine.record_key(engine.load(folder, dtype="bfloat16"), image, **asked),
        engine.record_key(model, image, **{**asked, "prompt": "a Cat"}),
        engine.record_key(model, image, **{**asked, "method": "ddim"}),
        engine.record_key(model, image, **{**asked, "steps": 4}),
        engine.record_key(offset_by(model, 0), image, **asked),
        engine.record_key(model, image, **{**asked, "method": "edit-friendly", "params": {"seed": 1}}),
        engine.record_key(model, image, **{**asked, "method": "edit-friendly"}),
    ]
    assert len({key, *others}) == 1 + len(others)


def test_a_default_that_is_given_is_no_other_record(model: engine.Backbone, image: Image.Image) -> None:
    asked: dict[str, Any] = {"prompt": "a cat", "method": "edit-friendly", "steps": 3}
    spelt_out = {"seed": 0, "last_noise": True, "guidance_scale": 3.5}

    assert engine.record_key(model, image, **asked) == engine.record_key(
        model, image, **asked, params=spelt_out
    )
    assert engine.invert(model, image, **asked).params == {"guidance_scale": 3.5}


def offset_by(model: engine.Backbone, offset: int) -> engine.Backbone:
    config = {**model.scheduler.config, "steps_offset": offset}
    assert isinstance(model, StableDiffusion)
    return replace(model, scheduler=type(model.scheduler).from_config(config))


def test_keys_see_the_pixels_after_crop_and_resize(
    model: engine.Backbone, image: Image.Image, picture: Callable[..., Image.Image]
) -> None:
    wider = Image.new("RGB", (34, 32))
    wider.paste(image, (1, 0))

    assert engine.record_key(model, wider, prompt="") == engine.record_key(model, image, prompt="")


@pytest.mark.parametrize("method", WITH_PATH)
def test_models_that_begin_from_noise_alone_are_inverted_and_edited(
    pure: engine.Backbone, image: Image.Image, method: str
) -> None:
    assert pure.schedule(3).levels[-1].a < 1e-6
    record = engine.invert(
        pure, image, prompt="a cat on grass", method=method, steps=3, params=QUICK.get(method)
    )

    result = engine.edit(pure, record, Edit(prompt="a dog on grass", method=BLENDED))

    assert torch.isfinite(record.trajectory).all()
    assert (record.trajectory.dtype, len(result.images)) == (torch.float32, 1)
    if INVERTERS[method].pinned:
        assert furthest(engine.reconstruct(pure, record), reconstruction(pure, image)) <= 1


def test_half_precision_keeps_latents_in_full(folder: Path, image: Image.Image) -> None:
    model = engine.load(folder, dtype="bfloat16")
    record = engine.invert(model, image, prompt="a cat on grass", steps=3)

    result = engine.edit(model, record, Edit(prompt="a dog on grass", method=BLENDED))

    assert record.trajectory.dtype == torch.float32
    assert same(result.source, reconstruction(model, image))
