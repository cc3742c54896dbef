"""At the published settings the engine gives what plain implementations of the published code give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from benchmarks import published
from benchmarks.published import (
    diffedit,
    direct_edit,
    edit_friendly,
    masactrl,
    negative_prompt,
    null_text,
    plug_and_play,
    prompt_to_prompt,
    prompt_tuning,
    sdedit,
    uniedit,
)
from benchmarks.published.prompt_to_prompt import Refinement
from engine.noise_mask import NoiseMask, contrast, noise_mask
from miniature.pairs import Pair
from miniature.scenes import Scene, Thing
from tests.benchmarks.published.conftest import STEPS

SCALE = 4.0
WIDE = Scene(things=(Thing(object="cat"),), background="grass", seed=3, width=96)
PROMPT = "a cat on grass"
LONGER = "a watercolour of a red cat on the green grass"


@pytest.fixture
def decoded(models: Any) -> Iterator[list[Tensor]]:
    """The latents that are decoded, as they come."""
    seen: list[Tensor] = []
    factor = models.vae.config.scaling_factor
    hook = models.vae.post_quant_conv.register_forward_pre_hook(lambda _, args: seen.append(args[0] * factor))
    yield seen
    hook.remove()


@pytest.fixture(scope="module")
def direct(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="direct", steps=STEPS)


def agree(ours: Tensor, theirs: Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def test_ddim_inversion(diffusers_parts: published.Parts, direct: engine.SourceRecord) -> None:
    latent = diffusers_parts.encode(WIDE.render())
    agree(direct.trajectory, published.invert(diffusers_parts, latent, PROMPT, STEPS))


REFINED: Mapping[str, dict[str, Any]] = {
    "longer": {"target": LONGER},
    "shorter": {"target": "a cat"},
    "weighed": {"target": LONGER, "reweight": {"red": 2.0, "grass": -0.5}, "tau_c": 0.6},
    "blended": {"target": LONGER, "blend_words": (["cat"], ["cat"]), "blend_threshold": 0.6},
    "all": {
        "target": LONGER,
        "reweight": {"red": 3.0},
        "tau_s": 0.4,
        "blend_words": (["cat", "grass"], ["cat", "grass"]),
        "blend_threshold": 0.7,
    },
}


@pytest.mark.parametrize("name", REFINED)
def test_refinement_with_the_published_switches(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
    name: str,
) -> None:
    asked = Refinement(
        **{"tau_c": 0.4, "tau_s": 0.6, **REFINED[name]},
        source=PROMPT,
        guidance_scale=SCALE,
        blend_factor=models.spec.blend_factor,
    )
    method = engine.P2P(
        edit="refine",
        tau_c=asked.tau_c,
        tau_s=asked.tau_s,
        reweight=dict(asked.reweight),
        reweight_window="tau_c",
        padding="absolute",
        blend_words=tuple(asked.blend_words[1]) if asked.blend_words else None,
        blend_threshold=asked.blend_threshold,
        blend_start=asked.blend_start,
        blend_maps="edited",
        blend_in="latent",
    )
    engine.edit(models, direct, engine.Edit(prompt=asked.target, method=method, guidance_scale=SCALE))
    trajectory = direct.trajectory
    theirs = prompt_to_prompt.edit(diffusers_parts, trajectory[-1:], asked, steps=STEPS, path=trajectory)
    agree(torch.cat(decoded), theirs)


def test_a_refinement_of_a_painted_picture(
    models: engine.Backbone, diffusers_parts: published.Parts, decoded: list[Tensor]
) -> None:
    """The paper's own setting: source and target sampled side by side from one noise."""
    painted = engine.paint(
        models, prompt=PROMPT, steps=STEPS, params=engine.Painted(seed=3, guidance_scale=SCALE)
    )
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, painted, engine.Edit(prompt=LONGER, method=method))
    asked = Refinement(source=PROMPT, target=LONGER, tau_c=0.8, tau_s=0.4, guidance_scale=SCALE)
    agree(
        torch.cat(decoded),
        prompt_to_prompt.edit(diffusers_parts, painted.trajectory[-1:], asked, steps=STEPS),
    )


@pytest.fixture(scope="module")
def aligned(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="aligned", steps=STEPS)


def test_aligned_sampling(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    aligned: engine.SourceRecord,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    assert torch.equal(aligned.trajectory, direct.trajectory)
    asked = engine.Edit(prompt=LONGER, method=engine.Plain(), guidance_scale=SCALE)
    engine.edit(models, aligned, asked)
    theirs = direct_edit.sample(diffusers_parts, aligned.trajectory, LONGER, guidance_scale=SCALE)
    agree(decoded[-1], theirs)


def test_aligned_refinement(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    aligned: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(source=PROMPT, target=LONGER, guidance_scale=SCALE, tau_c=0.4, tau_s=0.6)
    method = engine.P2P(edit="refine", tau_c=0.4, tau_s=0.6, padding="absolute")
    engine.edit(models, aligned, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    path = aligned.trajectory
    theirs = prompt_to_prompt.edit(
        diffusers_parts, path[-1:], asked, steps=STEPS, path=path, shifts=direct_edit.shifts(path)
    )
    agree(torch.cat(decoded), theirs)


@pytest.fixture(scope="module")
def null(models: engine.Backbone, pair: Pair) -> engine.SourceRecord:
    return engine.invert(
        models,
        pair.image,
        prompt=pair.source.caption,
        method="null-text",
        steps=STEPS,
        params={"guidance_scale": SCALE, "inner_steps": 4, "learning_rate": 1e-2},
    )


def test_null_text(diffusers_parts: published.Parts, null: engine.SourceRecord, pair: Pair) -> None:
    theirs = null_text.optimise(
        diffusers_parts, null.trajectory, pair.source.caption, guidance_scale=SCALE, inner_steps=4
    )
    assert sum(len(losses) for losses in theirs.losses) > STEPS
    # Adam magnifies rounding, so this holds only while both make the same calls, one row each.
    (ours,) = null.learned.values()
    agree(ours, theirs.embeddings)


def test_edits_with_null_text(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    null: engine.SourceRecord,
    pair: Pair,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(
        source=pair.source.caption, target=f"a red {pair.source.caption}", guidance_scale=SCALE
    )
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, null, engine.Edit(prompt=asked.target, method=method, guidance_scale=SCALE))
    (uncond,) = null.learned.values()
    theirs = prompt_to_prompt.edit(diffusers_parts, null.trajectory[-1:], asked, steps=STEPS, uncond=uncond)
    agree(torch.cat(decoded), theirs)


@pytest.fixture(scope="module")
def negative(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="negative-prompt", steps=STEPS)


@pytest.mark.parametrize("quantile", [None, 0.7])
def test_negative_prompt(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
    quantile: float | None,
) -> None:
    assert torch.equal(negative.trajectory, direct.trajectory)
    method, targets = engine.Plain(proximal=quantile), (LONGER, "a dog on grass")
    engine.edit(models, negative, engine.Edit(prompt=targets, method=method, guidance_scale=SCALE))
    for ours, target in zip(decoded[-2:], targets, strict=True):
        theirs = negative_prompt.sample(
            diffusers_parts,
            negative.trajectory[-1:],
            PROMPT,
            target,
            steps=STEPS,
            guidance_scale=SCALE,
            quantile=quantile,
        )
        agree(ours, theirs)


@pytest.mark.parametrize(("rate", "start", "radius"), [(1.0, 0.6, 1), (0.5, 0.4, 2), (0.1, 0.0, 0)])
def test_inversion_guidance(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    decoded: list[Tensor],
    rate: float,
    start: float,
    radius: int,
) -> None:
    method = engine.Plain(
        proximal=0.7,
        inversion_guidance=rate,
        inversion_guidance_start=start,
        inversion_guidance_dilation=radius,
    )
    engine.edit(models, negative, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    path = negative.trajectory
    pull = negative_prompt.Pull(
        path=path, recon_lr=rate, recon_t=round(1000 * (1 - start)) + 1, dilate_mask=radius
    )
    asked = {"steps": STEPS, "guidance_scale": SCALE, "quantile": 0.7}
    unpulled = negative_prompt.sample(diffusers_parts, path[-1:], PROMPT, LONGER, **asked)
    theirs = negative_prompt.sample(diffusers_parts, path[-1:], PROMPT, LONGER, **asked, pull=pull)
    agree(decoded[-1], theirs)
    assert (theirs - unpulled).abs().max() > 0.01


def test_refinement_with_negative_prompt(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(source=PROMPT, target=LONGER, guidance_scale=SCALE)
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, negative, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    uncond = diffusers_parts.embed([PROMPT]).expand(STEPS, -1, -1)
    theirs = prompt_to_prompt.edit(
        diffusers_parts, negative.trajectory[-1:], asked, steps=STEPS, uncond=uncond
    )
    agree(torch.cat(decoded), theirs)


def test_prompt_tuning(
    models: engine.Backbone, diffusers_parts: published.Parts, pair: Pair, decoded: list[Tensor]
) -> None:
    prompt, params = pair.source.caption, {"guidance_scale": SCALE, "inner_steps": 3, "learning_rate": 1e-2}
    record = engine.invert(
        models, pair.image, prompt=prompt, method="prompt-tuning", steps=STEPS, params=params
    )
    (ours,) = record.learned.values()
    theirs = prompt_tuning.optimise(
        diffusers_parts, record.trajectory, prompt, guidance_scale=SCALE, inner_steps=3
    )
    agree(ours, theirs)
    for eta in (0.85, 0.3):
        method = engine.PromptInterpolation(eta=eta)
        engine.edit(models, record, engine.Edit(prompt="a dog on grass", method=method))
        edited = prompt_tuning.edit(
            diffusers_parts,
            record.trajectory[-1:],
            ours,
            "a dog on grass",
            eta=eta,
            guidance_scale=SCALE,
        )
        agree(decoded[-1], edited)


@pytest.mark.parametrize("last_noise", [True, False])
@pytest.mark.parametrize("skip", [0.0, 0.4])
def test_edit_friendly(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    last_noise: bool,
    skip: float,
) -> None:
    record = engine.invert(
        models,
        pair.image,
        prompt=pair.source.caption,
        method="edit-friendly",
        steps=STEPS,
        params={"guidance_scale": 3.5, "seed": 3, "last_noise": last_noise},
    )
    path = torch.cat([latent, record.trajectory[1:]])
    maps = edit_friendly.invert(
        diffusers_parts, path, pair.source.caption, guidance_scale=3.5, last_noise=last_noise
    )
    agree(record.learned["noise_maps"].flip(0), maps, 1e-3)
    asked = engine.Edit(prompt=pair.target.caption, method=engine.Plain(skip=skip), guidance_scale=6.0)
    engine.edit(models, record, asked)
    theirs = edit_friendly.edit(
        diffusers_parts,
        path,
        maps,
        pair.target.caption,
        start=STEPS - int(skip * STEPS),
        guidance_scale=6.0,
    )
    agree(decoded[-1], theirs)


@pytest.mark.parametrize(("alpha", "schedule"), [(1.0, "constant"), (0.75, "linear"), (1.0, "exponential")])
def test_plug_and_play(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    null_path: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    alpha: float,
    schedule: str,
) -> None:
    record = engine.invert(models, pair.image, prompt="", method="direct", steps=STEPS)
    agree(record.trajectory, null_path)
    method = engine.PlugAndPlay(
        tau_f=0.8, tau_a=0.6, negative_prompt_alpha=alpha, negative_prompt_schedule=schedule
    )
    negative = pair.source.caption
    asked = engine.Edit(
        prompt=pair.target.caption, method=method, guidance_scale=SCALE, negative_prompt=negative
    )
    engine.edit(models, record, asked)
    theirs = plug_and_play.edit(
        diffusers_parts,
        null_path,
        pair.target.caption,
        guidance_scale=SCALE,
        feature_steps=4,
        attention_steps=3,
        negative_prompt=negative,
        negative_prompt_alpha=alpha,
        negative_prompt_schedule={"exponential": "exp"}.get(schedule, schedule),
    )
    agree(decoded[-1], theirs)


def test_diffedit_mask(
    models: engine.Backbone, diffusers_parts: published.Parts, latent: Tensor, pair: Pair
) -> None:
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method="encode", steps=STEPS)
    noise = torch.randn(4, *latent.shape[1:], generator=torch.Generator().manual_seed(3))
    theirs = diffedit.difference(
        diffusers_parts, latent, pair.source.caption, pair.target.caption, noise, steps=STEPS
    )
    settings = NoiseMask(noises=len(noise))
    (ours,) = contrast(models, record, [pair.target.caption], settings, seed=3)
    agree(ours, theirs)
    (mask,) = noise_mask(models, record, [pair.target.caption], settings, seed=3)
    assert torch.equal(mask, theirs > 0.5)


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_sdedit(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    strength: float,
) -> None:
    record = engine.invert(models, pair.image, prompt="", method="encode", steps=STEPS)
    method = engine.SDEdit(strength=strength)
    engine.edit(
        models, record, engine.Edit(prompt=pair.target.caption, method=method, guidance_scale=SCALE, seed=7)
    )
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(7))
    theirs = sdedit.edit(
        diffusers_parts,
        latent,
        pair.target.caption,
        noise,
        steps=STEPS,
        strength=strength,
        guidance_scale=SCALE,
    )
    agree(decoded[-1], theirs)


@pytest.mark.parametrize(("method", "prompt"), [("ddim", ""), ("direct", "a cat on grass")])
def test_masactrl(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    pair: Pair,
    decoded: list[Tensor],
    method: str,
    prompt: str,
) -> None:
    record = engine.invert(models, pair.image, prompt=prompt, method=method, steps=STEPS)
    asked = engine.MasaCtrl(tau_kv=(0.4, 1.0), layer_start=0.5)
    engine.edit(models, record, engine.Edit(prompt=pair.target.caption, method=asked, guidance_scale=SCALE))
    theirs = masactrl.edit(
        diffusers_parts,
        record.trajectory[-1:],
        prompt,
        pair.target.caption,
        steps=STEPS,
        first_step=2,
        first_layer=4,
        guidance_scale=SCALE,
        path=record.trajectory if method == "direct" else None,
    )
    agree(torch.cat(decoded), theirs)


def test_uniedit(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
) -> None:
    prompts = pair.source.caption, pair.target.caption
    record = engine.invert(models, pair.image, prompt=prompts[0], method="uni-inv", steps=10)
    agree(record.trajectory, uniedit.invert(diffusers_parts, latent, 10))
    method = engine.UniEdit(alpha=0.6, omega=3.0)
    engine.edit(models, record, engine.Edit(prompt=prompts[1], method=method))
    theirs = uniedit.edit(diffusers_parts, record.trajectory, *prompts, alpha=0.6, omega=3.0)
    agree(decoded[-1], theirs)


def test_diffedit(
    models: engine.Backbone, diffusers_parts: published.Parts, pair: Pair, decoded: list[Tensor]
) -> None:
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method="direct", steps=STEPS)
    asked = engine.Edit(
        prompt=pair.target.caption, method=engine.DiffEdit(strength=0.8), guidance_scale=SCALE, seed=3
    )
    engine.edit(models, record, asked)
    path = record.trajectory
    noise = torch.randn(10, *path.shape[1:], generator=torch.Generator().manual_seed(3))
    found = diffedit.difference(
        diffusers_parts, path[:1], pair.source.caption, pair.target.caption, noise, steps=STEPS
    )
    theirs = diffedit.edit(
        diffusers_parts, path, pair.target.caption, found > 0.5, strength=0.8, guidance_scale=SCALE
    )
    agree(decoded[-1], theirs)
