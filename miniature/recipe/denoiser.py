"""Stage 3: the text-conditional U-Net, which predicts the noise in latents (Rombach et al. 2022, 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from numpy.typing import NDArray
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from engine.backbones.sites import modules_of
from miniature.recipe.clip import token_ids
from miniature.recipe.data import Scenes, batch_indices
from miniature.recipe.fit import fit
from miniature.render import OBJECTS, RECOLOURABLE
from miniature.scenes import sample

STEPS = 7500
BATCH = 64
UNCONDITIONAL = 0.1
WORDS_ONLY = 0.6
MIN_SNR = 5.0
LATENT_SIDE = 16
LOCALISE = 0.02
LOCALISE_FROM = 2250


def scheduler() -> DDIMScheduler:
    """Stable Diffusion 1.x's noise schedule, its offset written out."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
        prediction_type="epsilon",
    )


def build(latent_channels: int, text_width: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=(64, 128, 192),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=text_width,
        attention_head_dim=(2, 4, 6),  # diffusers' name for the number of heads
    )


@dataclass(frozen=True, kw_only=True)
class Latents:
    """The training set as the U-Net sees it; moments in bfloat16 to stay in memory."""

    mean: Tensor  # (n, C, h, w), not yet scaled
    std: Tensor
    text: Tensor  # (n, tokens, width)
    words: Tensor  # (n,): start token and words, without the end token
    empty: Tensor  # (tokens, width), the empty prompt
    spoken: Tensor  # (n, 2, tokens), the tokens that say an object
    covered: Tensor  # (n, 2, h, w), the places it covers
    demanding: Tensor  # (n,): two objects, or one that comes in several colours, take longest to learn

    @property
    def scaling_factor(self) -> float:
        return float(1 / self.mean[:4000].float().std())


def encoded(
    scenes: Scenes,
    vae: AutoencoderKL,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    folder: Path,
    device: str,
) -> Latents:
    """`encode`, kept in ``folder`` for a resumed run."""
    path = folder / "latents.safetensors"
    if not path.exists():
        latents = encode(scenes, vae, text_encoder, tokenizer, device)
        save_file({name: tensor.contiguous() for name, tensor in vars(latents).items()}, path)
    return Latents(**load_file(path, device=device))


@torch.no_grad()
def encode(
    scenes: Scenes, vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, device: str
) -> Latents:
    ids = token_ids(tokenizer, scenes.captions)
    means, stds, texts = [], [], []
    for start in track(range(0, len(ids), 100), "latents"):
        rows = np.arange(start, min(start + 100, len(ids)))
        with torch.autocast(device, torch.bfloat16):
            posterior = vae.encode(scenes.pixels(rows).to(device)).latent_dist
            texts.append(text_encoder(ids[rows].to(device)).last_hidden_state.bfloat16())
        means.append(posterior.mean.bfloat16())
        stds.append(posterior.std.bfloat16())
    spoken, covered, demanding = _places(tokenizer, ids)
    return Latents(
        mean=torch.cat(means),
        std=torch.cat(stds),
        text=torch.cat(texts),
        words=(ids != tokenizer.eos_token_id).sum(-1).to(device),
        empty=text_encoder(token_ids(tokenizer, [""]).to(device)).last_hidden_state[0],
        spoken=spoken.to(device),
        covered=covered.to(device),
        demanding=demanding.to(device),
    )


def _places(tokenizer: CLIPTokenizer, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For the two objects a scene may have: the tokens that say them and the latent places they cover.

    And for the scene, whether it is demanding.
    """
    pieces = {name: tokenizer(name, add_special_tokens=False).input_ids for name in OBJECTS}
    spoken = torch.zeros(len(ids), 2, ids.shape[1], dtype=torch.bool)
    covered = torch.zeros(len(ids), 2, LATENT_SIDE, LATENT_SIDE, dtype=torch.bool)
    demanding = torch.zeros(len(ids), dtype=torch.bool)
    for seed, row in enumerate(track(ids.tolist(), "places")):
        scene, after = sample(seed), 0
        demanding[seed] = len(scene.things) > 1 or scene.things[0].object in RECOLOURABLE
        for index, thing in enumerate(scene.things):
            name_ids = pieces[thing.object]
            at = next(i for i in range(after, len(row)) if row[i : i + len(name_ids)] == name_ids)
            after = at + len(name_ids)
            spoken[seed, index, at:after] = True
            mask = torch.from_numpy(scene.object_mask(index))[None].float()
            covered[seed, index] = F.adaptive_avg_pool2d(mask, LATENT_SIDE)[0] > 0.5
    return spoken, covered, demanding


class Watching:
    """Unfused attention, 1.4x faster than the fused one on a processor here; keeps its last map."""

    def __init__(self) -> None:
        self.probs: Tensor | None = None

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            attn.head_to_batch_dim(project(x))
            for project, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        self.probs = attn.get_attention_scores(query, key)
        output: Tensor = attn.to_out[0](attn.batch_to_head_dim(self.probs @ value))
        return output


def astray(maps: Sequence[Tensor], spoken: Tensor, covered: Tensor) -> Tensor:
    """How far the words for objects look away from them, for each scene and object; shape (n, 2).

    ``maps`` (n * heads, places, tokens), one for each layer of the latent's size; ``spoken`` (n, 2, tokens);
    ``covered`` (n, 2, h, w). The share of a word's attention that misses its object, squared (Wang et al.
    2024, TokenCompose, equation 3), and how unevenly the rest covers it.
    """
    n = len(spoken)
    mean = torch.stack([probs.float().unflatten(0, (n, -1)).mean(1) for probs in maps]).mean(0)
    looks = spoken.float() @ mean.transpose(1, 2)  # (n, 2, places)
    inside = covered.flatten(2).float()
    count = inside.sum(-1).clamp(min=1)
    hit = (looks * inside).sum(-1)
    missed = 1 - hit / looks.sum(-1).clamp(min=1e-6)
    level = (hit / count).clamp(min=1e-6)[..., None]
    uneven = (((looks - level) / level).square() * inside).sum(-1) / count
    return missed.square() + 0.1 * uneven


def batch(step: int, demanding: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Half of the scenes drawn from all, and half from the demanding ones."""
    some = batch_indices("denoiser", step, BATCH // 2, total)
    more = batch_indices("demanding", step, BATCH - len(some), len(demanding))
    return np.concatenate([some, demanding[more]])


def train(latents: Latents, folder: Path, device: str, steps: int = STEPS) -> UNet2DConditionModel:
    torch.manual_seed(3)
    unet = build(latents.mean.shape[1], latents.text.shape[2]).to(device)
    processors = {name: Watching() for name in unet.attn_processors}
    unet.set_attn_processor(dict(processors))
    finest = [
        processors[f"{site.name}.processor"]
        for site in modules_of(unet)
        if site.kind == "cross" and site.factor == 1
    ]
    alphas = scheduler().alphas_cumprod.to(device)
    scale, random = latents.scaling_factor, torch.Generator(device)
    positions = torch.arange(latents.text.shape[1], device=device)
    demanding = np.flatnonzero(latents.demanding.cpu().numpy())

    def loss_of(step: int) -> Tensor:
        random.manual_seed(step)
        rows = torch.from_numpy(batch(step, demanding, len(latents.mean))).to(device)
        mean, std = latents.mean[rows].float(), latents.std[rows].float()
        clean = scale * (mean + std * torch.randn(mean.shape, generator=random, device=device))
        noise = torch.randn(mean.shape, generator=random, device=device)
        t = torch.randint(1000, (BATCH,), generator=random, device=device)
        a = alphas[t][:, None, None, None]

        chance = torch.rand(2, BATCH, 1, 1, generator=random, device=device)
        # The end token and the padding after it sum up the whole prompt. Often taking them away teaches the
        # cross-attention to look at the words themselves, which is what editing words relies on.
        summary = positions[None, :, None] >= latents.words[rows][:, None, None]
        blank = (chance[0] < UNCONDITIONAL) | (summary & (chance[1] < WORDS_ONLY))
        text = torch.where(blank, latents.empty, latents.text[rows].float())

        with torch.autocast(device, torch.bfloat16):
            predicted = unet(a.sqrt() * clean + (1 - a).sqrt() * noise, t, text).sample
        snr = (a / (1 - a)).flatten()
        weight = snr.clamp(max=MIN_SNR) / snr  # Hang et al. 2023, equation 8
        loss = (weight * (predicted.float() - noise).square().mean((1, 2, 3))).mean()
        if step < LOCALISE_FROM:
            return loss
        spoken, covered = latents.spoken[rows], latents.covered[rows]
        there = spoken.any(-1) & covered.flatten(2).any(-1) & (chance[0, :, 0] >= UNCONDITIONAL)
        maps = [seen.probs for seen in finest if seen.probs is not None]
        return loss + LOCALISE * (astray(maps, spoken, covered) * there).sum() / there.sum().clamp(min=1)

    return fit("denoiser", unet, loss_of, folder=folder, steps=steps, lr=1e-3, average=0.9985)
