"""LoRAs and textual-inversion embeddings, laid over a loaded model by diffusers' own loaders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from engine.backbones import Backbone
from engine.backbones.sdxl import StableDiffusionXL
from engine.backbones.unet import StableDiffusion
from engine.errors import UnknownModel
from engine.pretrained import quiet, readable

_BY_ENCODER = {"clip_l": "", "clip_g": "_2"}
_USUAL = ("pytorch_lora_weights.safetensors", "learned_embeds.safetensors")


def file_of(model: str, place: Path) -> Path:
    """The file of an addition: the place itself, or the one in a folder, which may have others beside the one
    of diffusers' usual name.

    Raises:
        UnknownModel: the folder has no safetensors, or several; `model` is for the error.
    """
    if not place.is_dir():
        return place
    found = sorted(place.glob("*.safetensors"))
    chosen = [file for file in found if file.name in _USUAL] or found
    if not chosen:
        raise UnknownModel(model, f"there is no .safetensors file in {place}; pickles can run code when read")
    if len(chosen) > 1:
        names = ", ".join(file.name for file in chosen)
        raise UnknownModel(model, f"name one of the files in {place}: {names}")
    return chosen[0]


def add(model: Backbone, loras: Sequence[tuple[Path, float]], embeddings: Sequence[tuple[Path, str]]) -> None:
    """Fuse LoRAs, files and weights, into a model, and add words, files and names, to its text encoders.

    Raises:
        UnknownModel: a file cannot be read, or is for another architecture.
    """
    if not loras and not embeddings:
        return
    if not isinstance(model, StableDiffusion):
        raise UnknownModel(model.spec.name, f"{model.family} takes no LoRAs and no embeddings here")
    pipeline = _pipeline(model)
    for file, weight in loras:
        with _read(model, file, "LoRA"):
            _fuse(pipeline, file, weight)
    for file, word in embeddings:
        with _read(model, file, "textual-inversion embedding"):
            _add_word(pipeline, file, f"<{word}>")
    for part in (model.network, model.text_encoder):
        part.eval().requires_grad_(False)


def _pipeline(model: StableDiffusion) -> Any:
    # Whole pipelines take long to import, and most models need none.
    from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    parts = {
        "unet": model.network,
        "vae": model.vae,
        "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False),  # a pipeline changes others
        "tokenizer": model.tokenizer,
        "text_encoder": model.text_encoder,
    }
    if isinstance(model, StableDiffusionXL):
        more = {"tokenizer_2": model.tokenizer_2, "text_encoder_2": model.text_encoder_2}
        return StableDiffusionXLPipeline(**parts, **more, add_watermarker=False)
    less = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return StableDiffusionPipeline(**parts, **less)


def _fuse(pipeline: Any, file: Path, weight: float) -> None:
    pipeline.load_lora_weights(
        str(file.parent), weight_name=file.name, use_safetensors=True, adapter_name="added"
    )
    if not pipeline.get_list_adapters():
        raise ValueError("nothing in it fits a layer of the model")
    pipeline.fuse_lora(components=list(pipeline.get_list_adapters()), lora_scale=weight)
    pipeline.unload_lora_weights()


def _add_word(pipeline: Any, file: Path, token: str) -> None:
    weights = load_file(file)
    if weights.keys() <= _BY_ENCODER.keys():
        for name, suffix in _BY_ENCODER.items():
            parts = {kind: getattr(pipeline, f"{kind}{suffix}") for kind in ("text_encoder", "tokenizer")}
            pipeline.load_textual_inversion(weights[name], token=token, **parts)
    else:
        pipeline.load_textual_inversion(weights, token=token)


@contextmanager
def _read(model: Backbone, file: Path, what: str) -> Iterator[None]:
    if file.suffix != ".safetensors":
        raise UnknownModel(model.spec.name, f"{file} is a pickle, which can run code: convert it")
    with readable(model.spec.name, f"{file} is no {what} for {model.family}"), quiet():
        yield
