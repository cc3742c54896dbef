"""The training set of further training: scenes of both samplers as latents, with several captions each."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTokenizer

from miniature.paraphrase import Caption, own_caption, paraphrase
from miniature.recipe.denoiser import LATENT_SIDE
from miniature.render import RECOLOURABLE
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

SCENES = 10_000  # of the wider world, each rendered `RENDERS` times, and as many renders of the plain one
RENDERS = 2
CAPTIONS = 4
_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Rows of the plain sampler first, then those of the wider one; moments in bfloat16, not yet scaled."""

    mean: Tensor  # (n, C, h, w)
    std: Tensor
    ids: Tensor  # (n, captions, tokens), int16
    spoken: Tensor  # (n, captions, 2, tokens): the tokens that name each thing
    covered: Tensor  # (n, 2, h, w): the places it covers
    demanding: Tensor  # (n,): two objects, or one that comes in several colours
    wide: Tensor  # (n,): drawn by the wider sampler


def kept(folder: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer, device: str, scenes: int) -> Corpus:
    """The corpus of so many wider scenes and as many renders of plain ones, kept in ``folder``."""
    path = folder / f"corpus-{scenes}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        corpus = make(list(drawn(scenes)), vae, tokenizer, device)
        save_file(
            {name: tensor.contiguous() for name, tensor in vars(corpus).items()}, path.with_suffix(".tmp")
        )
        os.replace(path.with_suffix(".tmp"), path)
    return Corpus(**load_file(path, device=device))


def drawn(scenes: int) -> Iterator[tuple[Scene, bool]]:
    """Scenes with whether they are of the wider world; each of those is rendered on several textures."""
    for seed in range(scenes * RENDERS):
        yield sample(seed), False
    for seed in range(scenes):
        scene = sample_wide(seed)
        for render in range(RENDERS):
            yield replace(scene, seed=scene.seed + render * scenes, wording=scene.wording + 5 * render), True


@torch.no_grad()
def make(
    rows: Sequence[tuple[Scene, bool]], vae: AutoencoderKL, tokenizer: CLIPTokenizer, device: str
) -> Corpus:
    means, stds, ids, spoken, covered = [], [], [], [], []
    for start in track(range(0, len(rows), _AT_ONCE), "corpus"):
        some = [scene for scene, _ in rows[start : start + _AT_ONCE]]
        images = np.stack([np.asarray(scene.render()) for scene in some])
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast(device, torch.bfloat16):
            posterior = vae.encode(pixels.to(device)).latent_dist
        means.append(posterior.mean.bfloat16())
        stds.append(posterior.std.bfloat16())
        given = [caption for scene in some for caption in captions(scene)]
        numbers, names = tokens(tokenizer, given)
        ids.append(numbers.to(torch.int16).unflatten(0, (-1, CAPTIONS)))
        spoken.append(names.unflatten(0, (-1, CAPTIONS)))
        covered.append(torch.stack([places(scene) for scene in some]))
    return Corpus(
        mean=torch.cat(means),
        std=torch.cat(stds),
        ids=torch.cat(ids),
        spoken=torch.cat(spoken),
        covered=torch.cat(covered),
        demanding=torch.tensor(
            [len(s.things) > 1 or any(t.object in RECOLOURABLE for t in s.things) for s, _ in rows]
        ),
        wide=torch.tensor([wide for _, wide in rows]),
    )


def captions(scene: Scene) -> list[Caption]:
    """The scene's own caption first and last, paraphrases between."""
    rng = np.random.default_rng((scene.seed, 5))
    own = own_caption(scene)
    return [own, *(paraphrase(scene, rng) for _ in range(CAPTIONS - 2)), own]


def tokens(tokenizer: CLIPTokenizer, given: Sequence[Caption]) -> tuple[Tensor, Tensor]:
    """Padded ids (n, tokens), and which of them name each of two things (n, 2, tokens)."""
    read = tokenizer(
        [caption.text for caption in given],
        padding="max_length",
        truncation=True,
        return_tensors="pt",
        return_offsets_mapping=True,
    )
    first, last = read.offset_mapping.unbind(-1)  # both 0 for the start, the end and the padding
    spoken = torch.zeros(len(given), 2, read.input_ids.shape[1], dtype=torch.bool)
    for row, caption in enumerate(given):
        for index, (begin, end) in enumerate(caption.spans):
            spoken[row, index] = (first[row] < end) & (last[row] > begin)
    return read.input_ids, spoken


def places(scene: Scene) -> Tensor:
    """The latent places that each of up to two things covers, (2, h, w)."""
    covered = torch.zeros(2, LATENT_SIDE, LATENT_SIDE, dtype=torch.bool)
    for index in range(len(scene.things)):
        mask = torch.from_numpy(scene.object_mask(index))[None].float()
        covered[index] = F.adaptive_avg_pool2d(mask, LATENT_SIDE)[0] > 0.5
    return covered
