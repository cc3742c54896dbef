"""Edits of the miniature whose results are kept as golden values: every inverter with every method.

Every parameter that has a model-dependent or a measured default is given, so that another default changes no
value. A switch added to a method later is to be given here too, at the value that keeps the results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import engine
from miniature import WEIGHTS
from miniature.scenes import Scene
from miniature.things import Thing

FOLDER = Path(__file__).parent

SCENES = {
    "square": Scene(things=(Thing(object="cat"),), background="grass", seed=3),
    "wide": Scene(
        things=(Thing(object="car", colour="red", x=-0.35, size=0.5), Thing(object="dog", x=0.35, size=0.5)),
        background="sand",
        seed=5,
        width=96,
    ),
    "tall": Scene(things=(Thing(object="star", colour="yellow"),), background="night sky", seed=8, height=80),
}
PROMPTS = {
    "square": "a cat on grass",
    "wide": "a red car and a dog on sand",
    "tall": "a yellow star in the night sky",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A picture, its inversion, edits of it by name, and how far values may be from those kept."""

    scene: str
    inverter: str
    steps: int
    params: Mapping[str, Any]
    edits: Mapping[str, engine.Edit]
    latents: float = 1e-4
    pictures: int = 1


_P2P: dict[str, Any] = {
    "edit": "auto",
    "tau_c": 0.4,
    "tau_s": 0.6,
    "tau_v": 0.5,
    "value_prompt": None,
    "reweight": {},
    "blend_words": None,
    "subtract_words": (),
    "blend_threshold": 0.4,
    "blend_start": 0.2,
    "blend_in": "latent",
    "padding": "end",
    "reweight_window": 1.0,
    "blend_maps": "own",
}


def _p2p(*prompt: str, scale: float = 3.0, **params: Any) -> engine.Edit:
    return engine.Edit(prompt=prompt, method=engine.P2P(**(_P2P | params)), guidance_scale=scale)


def _p2plus(*prompt: str, scale: float = 3.0, tau_u: float = 0.5, **params: Any) -> engine.Edit:
    method = engine.P2Plus(**(_P2P | params), tau_u=tau_u)
    return engine.Edit(prompt=prompt, method=method, guidance_scale=scale)


_FAITHFUL = {"guidance_scale": 2.0, "inner_steps": 3, "keep_mapping": False}

CASES = {
    "ddim-square": Case(
        scene="square",
        inverter="ddim",
        steps=5,
        params={},
        edits={
            "p2p-replace-blend": _p2p("a dog on grass", edit="replace", blend_words=["cat", "dog"]),
            "p2plus-refine-reweight": _p2plus(
                "a pixel art picture of a cat on grass",
                edit="refine",
                reweight={"pixel art": 2.0, "grass": -0.5},
            ),
        },
    ),
    "direct-wide": Case(
        scene="wide",
        inverter="direct",
        steps=6,
        params={},
        edits={
            "p2p-three-targets": _p2p(
                "a blue car and a dog on sand",
                "a red car and a dog and a cat on green grass",
                "a car and a dog on sand",
                scale=4.0,
                tau_c={"default": 0.8, "blue": 0.2, "cat": [0.5, 1.0]},
                tau_s=[0.0, 0.4],
                blend_words="changed",
                subtract_words=["dog"],
                blend_in="picture",
            ),
            "p2plus-value-prompt": _p2plus(
                "a red car and a lion on sand", value_prompt="a blue car and a tiger on snow", tau_u=0.8
            ),
        },
    ),
    "direct-tall": Case(
        scene="tall",
        inverter="direct",
        steps=4,
        params={},
        edits={
            "p2p-unguided": _p2p("a yellow heart in the night sky", scale=1.0, tau_s=1.0),
            "p2plus-blend": _p2plus(
                "a pink star in the night sky", blend_words=["star"], blend_threshold=0.6, blend_start=0.4
            ),
        },
    ),
    "stylediffusion-square": Case(
        scene="square",
        inverter="stylediffusion",
        steps=5,
        params={"guidance_scale": 3.0, "inner_steps": 3},
        edits={
            "p2p-refine": _p2p("a red cat on grass", edit="refine", reweight={"red": 2.0}),
            "p2plus-value-prompt": _p2plus("a dog on grass", value_prompt="a tiger on snow", tau_v=0.8),
        },
    ),
    "stylediffusion-faithful-tall": Case(
        scene="tall",
        inverter="stylediffusion-faithful",
        steps=4,
        params=_FAITHFUL | {"learning_rate": 1e-5},
        edits={
            "p2p-replace": _p2p("a blue star in the night sky", scale=2.0, edit="replace", tau_v=[0.0, 0.8]),
            "p2plus-blend": _p2plus(
                "a yellow heart in the night sky", scale=2.0, blend_words="changed", blend_in="picture"
            ),
        },
    ),
    # Adam's first steps are as long as its rate, however small the gradient, which magnifies rounding.
    "stylediffusion-faithful-square": Case(
        scene="square",
        inverter="stylediffusion-faithful",
        steps=4,
        params=_FAITHFUL | {"learning_rate": 1e-2},
        edits={
            "p2p-replace": _p2p("a dog on grass", scale=2.0),
            "p2plus-refine": _p2plus("a red cat on grass", scale=2.0),
        },
        latents=1e-3,
        pictures=2,
    ),
}


def weights() -> str:
    """A hash of the weights that the values depend on."""
    digest = hashlib.sha256()
    for part in ("text_encoder", "unet", "vae", "image_encoder"):
        digest.update((next((WEIGHTS / part).glob("*.safetensors"))).read_bytes())
    return digest.hexdigest()


def inverted(models: engine.Backbone, case: Case, image: Image.Image) -> engine.SourceRecord:
    """The picture of a case, inverted."""
    prompt = PROMPTS[case.scene]
    return engine.invert(
        models, image, prompt=prompt, method=case.inverter, steps=case.steps, params=case.params
    )


def of_record(models: engine.Backbone, record: engine.SourceRecord) -> dict[str, Tensor]:
    """What is kept of an inversion: the trajectory's middle and end, and the reconstruction."""
    middle = len(record.trajectory) // 2
    return {
        "trajectory": record.trajectory[[middle, -1]],
        "reconstruction": pixels(engine.reconstruct(models, record)),
    }


def of_edit(models: engine.Backbone, record: engine.SourceRecord, asked: engine.Edit) -> dict[str, Tensor]:
    """What is kept of an edit: x0 as the last step estimates it, the pictures, the source, the masks."""
    seen: list[Tensor] = []

    def on_progress(progress: engine.Progress) -> None:
        if progress.phase == "edit" and progress.latent is not None:
            seen.append(progress.latent)

    result = engine.edit(models, record, asked, on_progress=on_progress)
    masks = [pixels(mask) for mask in result.masks if mask is not None]
    return {
        "latents": seen[-1].cpu(),
        "pictures": torch.stack([pixels(image) for image in result.images]),
        "source": pixels(result.source),
        **({"masks": torch.stack(masks)} if masks else {}),
    }


def stored(name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The golden values of a case and their metadata."""
    path = FOLDER / f"{name}.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        metadata: dict[str, str] = file.metadata()
    return load_file(path), metadata


def pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image))
