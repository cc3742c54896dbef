"""CLIP's projection of the text, fitted to towers that are already trained.

``python -m miniature.recipe.projection FOLDER`` writes it into a package. A text encoder that was trained
further without the image encoder has no projection that fits it, but the projection is linear: with both
towers frozen it is found within a minute (Radford et al. 2021, the loss of figure 3).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from PIL import Image
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from miniature.recipe.clip import PROJECTION, token_ids
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

FILE: Final = "text_projection.safetensors"
SCENES: Final = 6000
STEPS: Final = 3000
BATCH: Final = 256
_AT_ONCE: Final = 100


class Towers:
    """CLIP's two towers as a package holds them, frozen; features are float32."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder").eval()
        self.vision = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder").eval()

    @torch.no_grad()
    def of_texts(self, texts: Sequence[str]) -> Tensor:
        """The last layer at the end token, (n, width): what the projection reads."""
        parts = [
            self.text(token_ids(self.tokenizer, list(texts[at : at + _AT_ONCE]))).pooler_output
            for at in range(0, len(texts), _AT_ONCE)
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def of_images(self, images: Sequence[Image.Image]) -> Tensor:
        """Unit vectors, (n, projection)."""
        side = self.vision.config.image_size
        pixels = [np.asarray(image.convert("RGB").resize((side, side))) for image in images]
        rows = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts = [self.vision(some).image_embeds for some in rows.split(_AT_ONCE)]
        return F.normalize(torch.cat(parts), dim=-1)


def fit(towers: Towers, scenes: Sequence[Scene], steps: int) -> nn.Linear:
    """The projection that tells best which caption belongs to which scene."""
    texts = towers.of_texts([scene.caption for scene in scenes])
    images = torch.cat(
        [
            towers.of_images([scene.render() for scene in scenes[at : at + _AT_ONCE]])
            for at in track(range(0, len(scenes), _AT_ONCE), "projection")
        ]
    )
    projection = nn.Linear(texts.shape[1], PROJECTION, bias=False)
    nn.init.orthogonal_(projection.weight, generator=torch.Generator().manual_seed(0))
    scale = nn.Parameter(torch.tensor(2.7))
    optimizer = torch.optim.AdamW([projection.weight, scale], lr=3e-3, weight_decay=0.01)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    names = torch.tensor(np.unique([scene.caption for scene in scenes], return_inverse=True)[1])
    random = np.random.default_rng(0)
    for _ in range(steps):
        rows = torch.from_numpy(random.integers(0, len(scenes), BATCH))
        logits = scale.exp().clamp(max=100) * F.normalize(projection(texts[rows]), dim=-1) @ images[rows].T
        twins = (names[rows][:, None] == names[rows][None]) & ~torch.eye(BATCH, dtype=torch.bool)
        logits = logits.masked_fill(twins, -1e4)
        truth = torch.arange(BATCH)
        loss = (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return projection.eval().requires_grad_(False)


def similarity(
    towers: Towers, projection: nn.Linear, texts: Sequence[str], images: Sequence[Image.Image]
) -> Tensor:
    """Cosine of every text with every image, (texts, images)."""
    return F.normalize(projection(towers.of_texts(texts)), dim=-1) @ towers.of_images(images).T


def load(folder: Path) -> nn.Linear:
    """The projection that lies in a package.

    Raises:
        FileNotFoundError: it has none.
    """
    weight = load_file(folder / FILE)["text_projection.weight"]
    projection = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    projection.load_state_dict({"weight": weight})
    return projection.eval().requires_grad_(False)


def save(projection: nn.Linear, folder: Path) -> None:
    """Write it beside the other parts, under CLIP's name for it."""
    save_file({"text_projection.weight": projection.weight.detach().contiguous()}, folder / FILE)


def write(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The package to fit a projection for.")
    ],
) -> None:
    """Fit the projection of the text to a package's towers and write it there."""
    scenes = [*(sample(seed) for seed in range(SCENES)), *(sample_wide(seed) for seed in range(SCENES // 2))]
    save(fit(Towers(folder), scenes, STEPS), folder)


if __name__ == "__main__":
    typer.run(write)
