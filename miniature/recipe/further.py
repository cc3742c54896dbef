"""Training further: the U-Net and the text encoder together, from weights or a checkpoint, for a time."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPTextModel

from engine.backbones.sites import modules_of
from miniature.recipe import checkpoint
from miniature.recipe.corpus import CAPTIONS, Corpus
from miniature.recipe.data import batch_indices
from miniature.recipe.denoiser import LOCALISE, MIN_SNR, UNCONDITIONAL, Watching, astray, scheduler
from miniature.recipe.fit import average_in

AVERAGE = 0.999
WARM_UP = 100
TAIL = 0.2
LR = 1e-4


class Painter(nn.Module):
    """What is trained: the two networks that turn a prompt and noise into a picture's latents."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel) -> None:
        super().__init__()
        self.unet, self.text = unet, text
        processors = {name: Watching() for name in unet.attn_processors}
        unet.set_attn_processor(dict(processors))
        self._finest = [
            processors[f"{site.name}.processor"]
            for site in modules_of(unet)
            if site.kind == "cross" and site.factor == 1
        ]

    def embeddings(self, ids: Tensor) -> Tensor:
        """The text encoder's states of token ids (n, tokens), shape (n, tokens, width)."""
        states: Tensor = self.text(ids).last_hidden_state
        return states

    def forward(self, noisy: Tensor, t: Tensor, text: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The predicted noise, and the finest cross-attention maps (n * heads, places, tokens)."""
        predicted: Tensor = self.unet(noisy, t, text).sample
        return predicted.float(), [seen.probs for seen in self._finest if seen.probs is not None]


def painter_of(folder: Path) -> Painter:
    """The U-Net and the text encoder of a package, in float32."""
    # Unfused attention is the faster one on a processor at this size; see docs/adr/0002.
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", attn_implementation="eager")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    return Painter(unet, text)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the loss is made of; `miniature.recipe.ablation` measures what each part of it is worth.

    ``words_only`` is the share of prompts whose end and padding tokens are those of the empty prompt.
    """

    min_snr: float = MIN_SNR
    unconditional: float = UNCONDITIONAL
    words_only: float = 0.0
    localise: float = LOCALISE


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast: ``seconds`` of training at a batch size and a highest learning rate."""

    seconds: float
    batch: int = 32
    lr: float = LR
    checkpoint_s: float = 600.0

    def rate(self, step: int, spent: float) -> float:
        """The learning rate when so many of the seconds are spent."""
        return self.lr * rate(step, spent / self.seconds)


def rate(step: int, done: float, tail: float = TAIL) -> float:
    """Warm-up, constant, and a cosine over the last part of the run (Hu et al. 2024, 4.1); at most 1."""
    left = max(0.0, 1 - done) / tail if tail else 1.0
    return min(1.0, (step + 1) / WARM_UP) * (0.5 - 0.5 * math.cos(math.pi * min(1.0, left)))


def groups_of(corpus: Corpus) -> dict[str, NDArray[np.int64]]:
    """The rows of the wider world, those of the plain one, and the demanding ones among these."""
    wide, demanding = corpus.wide.cpu().numpy(), corpus.demanding.cpu().numpy()
    groups = {"wide": wide, "plain": ~wide, "demanding": ~wide & demanding}
    return {name: np.flatnonzero(chosen) for name, chosen in groups.items()}


def rows_of(step: int, size: int, groups: dict[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """A batch: half of it from the wider world, a quarter plain, a quarter demanding."""
    share = {"wide": size - size // 4 * 2, "plain": size // 4, "demanding": size // 4}
    return np.concatenate(
        [group[batch_indices(name, step, share[name], len(group))] for name, group in groups.items()]
    )


def loss_at(
    step: int,
    painter: Painter,
    corpus: Corpus,
    rows: Tensor,
    empty: Tensor,
    scale: float,
    recipe: Recipe = Recipe(),
) -> Tensor:
    """The weighted squared error of the predicted noise, and how far attention misses the objects.

    ``rows`` (n,) of the corpus make the batch, ``empty`` (tokens,) is the empty prompt and ``scale`` the
    autoencoder's scaling factor. By the default recipe one prompt in ten is the empty one, and prompts are
    otherwise what the tokenizer makes of them, end and padding included, as Stable Diffusion was trained. All
    that is random comes from the step.
    """
    device, n = corpus.mean.device, len(rows)
    random = torch.Generator(device)
    random.manual_seed(step)
    mean, std = corpus.mean[rows].float(), corpus.std[rows].float()
    clean = scale * (mean + std * torch.randn(mean.shape, generator=random, device=device))
    noise = torch.randn(mean.shape, generator=random, device=device)
    t = torch.randint(1000, (n,), generator=random, device=device)
    a = scheduler().alphas_cumprod.to(device)[t][:, None, None, None]

    caption = torch.randint(CAPTIONS, (n,), generator=random, device=device)
    blank = torch.rand(n, generator=random, device=device) < recipe.unconditional
    cut = torch.rand(n, generator=random, device=device) < recipe.words_only
    ids = torch.where(blank[:, None], empty, corpus.ids[rows, caption].long())
    with torch.autocast(device.type, torch.bfloat16):
        text = painter.embeddings(ids)
        if recipe.words_only:
            summary = cut[:, None] & (ids == empty[-1])  # the end token is the padding too
            text = torch.where(summary[..., None], painter.embeddings(empty[None]), text)
        predicted, maps = painter(a.sqrt() * clean + (1 - a).sqrt() * noise, t, text)
    snr = (a / (1 - a)).flatten()
    weight = snr.clamp(max=recipe.min_snr) / snr  # Hang et al. 2023, equation 8
    loss = (weight * (predicted - noise).square().mean((1, 2, 3))).mean()
    if not recipe.localise:
        return loss
    spoken, covered = corpus.spoken[rows, caption], corpus.covered[rows]
    there = spoken.any(-1) & covered.flatten(2).any(-1) & ~blank[:, None]
    return loss + recipe.localise * (astray(maps, spoken, covered) * there).sum() / there.sum().clamp(min=1)


class Training:
    """A painter under training, with its optimiser and its moving average.

    ``batch`` rows of the corpus make a step; runs of another ``draw`` take others, with other noise.
    """

    def __init__(
        self,
        painter: Painter,
        corpus: Corpus,
        empty: Tensor,
        scale: float,
        batch: int,
        recipe: Recipe = Recipe(),
        draw: int = 0,
    ) -> None:
        device = corpus.mean.device
        self.painter = painter.to(device).train()
        self.optimizer = torch.optim.AdamW(
            painter.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.averaged = {name: value.detach().clone() for name, value in painter.state_dict().items()}
        self._corpus, self._groups = corpus, groups_of(corpus)
        self._empty, self._scale = empty.to(device), scale
        self._batch, self._recipe, self._from = batch, recipe, draw * 10**6

    def step(self, number: int, rate: float) -> float:
        """Take the step of this number, from which all that is random comes; returns its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        at = self._from + number
        rows = torch.from_numpy(rows_of(at, self._batch, self._groups)).to(self._empty.device)
        loss = loss_at(at, self.painter, self._corpus, rows, self._empty, self._scale, self._recipe)
        loss.backward()
        nn.utils.clip_grad_norm_(self.painter.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        average_in(self.averaged, self.painter.state_dict(), min(AVERAGE, (number + 1) / (number + 10)))
        return loss.item()


def train(
    painter: Painter,
    corpus: Corpus,
    empty: Tensor,
    scale: float,
    plan: Plan,
    path: Path,
    report: Callable[[int, float, Mapping[str, Tensor]], None],
) -> None:
    """Train for the plan's time, from the checkpoint at ``path`` where there is one.

    Writes it every ``checkpoint_s`` seconds and at the end; each time, ``report`` gets the step, the smoothed
    loss and the averaged weights.
    """
    training = Training(painter, corpus, empty, scale, plan.batch)
    step = 0
    if path.exists():
        training.averaged, step = checkpoint.restore(path, painter, training.optimizer)
    if corpus.mean.device.type == "cuda":
        painter.unet.compile()
    first, smooth = step, math.nan
    begun = saved = time.monotonic()
    over = False
    while not over:
        loss = training.step(step, plan.rate(step - first, time.monotonic() - begun))
        step += 1
        smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
        over = time.monotonic() - begun >= plan.seconds
        if over or time.monotonic() - saved >= plan.checkpoint_s:
            checkpoint.save(path, painter, training.averaged, training.optimizer, step)
            report(step, smooth, training.averaged)
            saved = time.monotonic()
