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
from engine.errors import UnknownModel, out_of_memory
from engine.pretrained import UNREADABLE, quiet

_BY_ENCODER = {"clip_l": "", "clip_g": "_2"}


def add(model: Backbone, loras: Sequence[tuple[Path, float]], embeddings: Sequence[Path]) -> None:
    """Fuse LoRAs into the weights of a model, and teach its text encoders new words: each file's name.

    Raises:
        UnknownModel: a file cannot be read, or is for another architecture.
    """
    if not loras and not embeddings:
        return
    if not isinstance(model, StableDiffusion):
        raise UnknownModel(model.spec.name, f"{model.family} takes no LoRAs and no embeddings here")
    pipeline = _pipeline(model)
    for file, weight in loras:
        with _named(model, file, "LoRA"), quiet():
            _fuse(pipeline, file, weight)
    for file in embeddings:
        with _named(model, file, "textual-inversion embedding"), quiet():
            _teach(pipeline, file)
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
    place = {"weight_name": file.name} if file.is_file() else {}
    folder = file.parent if file.is_file() else file
    pipeline.load_lora_weights(str(folder), **place, use_safetensors=True, adapter_name="added")
    if not pipeline.get_list_adapters():
        raise ValueError("nothing in it fits a layer of the model")
    pipeline.fuse_lora(components=list(pipeline.get_list_adapters()), lora_scale=weight)
    pipeline.unload_lora_weights()


def _teach(pipeline: Any, file: Path) -> None:
    weights, token = load_file(file), f"<{file.stem}>"
    if weights.keys() <= _BY_ENCODER.keys():
        for name, suffix in _BY_ENCODER.items():
            parts = {kind: getattr(pipeline, f"{kind}{suffix}") for kind in ("text_encoder", "tokenizer")}
            pipeline.load_textual_inversion(weights[name], token=token, **parts)
    else:
        pipeline.load_textual_inversion(weights, token=token)


@contextmanager
def _named(model: Backbone, file: Path, what: str) -> Iterator[None]:
    if file.is_file() and file.suffix != ".safetensors":
        raise UnknownModel(model.spec.name, f"{file} is a pickle, which can run code: convert it")
    try:
        yield
    except UNREADABLE as error:
        if out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:300]
        raise UnknownModel(model.spec.name, f"{file} is no {what} for {model.family}: {reason}") from error
