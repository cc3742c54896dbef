"""Finding and loading models."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import torch

import hub
from engine import checkpoints, fingerprints
from engine.additions import add, file_of
from engine.backbones import DTYPES, FAMILIES, Backbone
from engine.errors import InvalidParameter, UnknownModel, memory_errors
from engine.pretrained import ModelFiles, readable
from engine.probing import probe
from engine.spec import REGISTRY, ModelSpec
from engine.vision import PARTS as VISION_PARTS

_DENOISERS = ("unet", "transformer")


def load(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> Backbone:
    """Load "miniature", a model of the Hugging Face hub, a diffusers folder, or a single-file checkpoint.

    A name may go on with what is laid over the model, as `ModelName` says. The dtype "auto" is bfloat16 or
    else float16 on CUDA, and float32 elsewhere.

    Raises:
        UnknownModel: it is not found, of no family that the engine knows, or cannot be run; says why.
        InvalidParameter: no such device or dtype.
        OutOfMemory: it does not fit the device.
    """
    if not isinstance(dtype, str) or dtype not in (*DTYPES, "auto"):
        raise InvalidParameter("dtype", dtype, f"one of auto, {', '.join(DTYPES)}")
    at = _device(device)
    try:
        asked = hub.ModelName.parse(str(name))
    except ValueError as error:
        raise UnknownModel(str(name), str(error)) from error
    spec = replace(REGISTRY.get(hub.split(asked.base)[0], ModelSpec(name=asked.base)), name=str(name))
    files = _files(asked, spec)
    family = _family(files)
    if missing := files.missing(family.parts):
        raise UnknownModel(
            spec.name, f"this is a {family.__name__}, and there is no {', '.join(missing)} in {files.folder}"
        )
    loras = [(file_of(spec.name, _place(spec.name, place)), weight) for place, weight in asked.loras]
    embeddings = [(file_of(spec.name, _place(spec.name, place)), _word(place)) for place in asked.embeddings]
    files = replace(files, revision=_revision(files, family, loras, embeddings))
    with memory_errors():
        model = family.load(files, spec=spec, device=at, dtype=DTYPES.get(dtype) or _dtype(at))
        add(model, loras, embeddings)
        probe(model)
    return model


def _files(asked: hub.ModelName, spec: ModelSpec) -> ModelFiles:
    """Where the parts of a model lie, before its family is known."""
    base = Path(asked.base).expanduser()
    if base.is_file():
        if base.suffix != ".safetensors":
            reason = "it is no folder and no .safetensors file; pickles (.ckpt, .bin) can run code when read"
            raise UnknownModel(spec.name, reason)
        with readable(spec.name, f"{base} cannot be read"):
            folder, changes = checkpoints.configurations(base), checkpoints.changes(base)
        single = dict.fromkeys(("unet", "vae", "text_encoder", "text_encoder_2"), base)
        files = ModelFiles(name=spec.name, folder=folder, revision="", single=single, changes=changes)
    else:
        files = ModelFiles(name=spec.name, folder=_folder(spec, asked.base), revision="")
    if asked.vae is None:
        return files
    vae = _place(spec.name, asked.vae)
    single = {part: file for part, file in files.single.items() if part != "vae"}
    if vae.is_file():
        return replace(files, single={**single, "vae": vae})
    return replace(files, single=single, elsewhere={"vae": vae / "vae" if (vae / "vae").is_dir() else vae})


def _place(name: str, place: str) -> Path:
    """A file or folder of this place, or that of a hub id."""
    path = Path(place).expanduser()
    return path if path.exists() else _downloaded(name, place)


def _word(place: str) -> str:
    """The word that an embedding stands for: the name of its file, folder or repository."""
    lies_here = Path(place).expanduser().exists()
    return Path(place if lies_here else hub.split(place)[0]).name.removesuffix(".safetensors")


def _revision(
    files: ModelFiles,
    family: type[Backbone],
    loras: list[tuple[Path, float]],
    embeddings: list[tuple[Path, str]],
) -> str:
    """The fingerprint of a model, and of what is laid over it."""
    own = fingerprints.of_parts(files.folder, (*family.parts, *VISION_PARTS))
    others = sorted({**files.elsewhere, **files.single}.items())
    more = [f"{part} {fingerprints.of_place(place)}" for part, place in others if part in family.parts]
    more += [f"lora {fingerprints.of_place(place)} {weight}" for place, weight in loras]
    more += [f"embedding {word} {fingerprints.of_place(place)}" for place, word in embeddings]
    return hashlib.sha256("\n".join((own, *more)).encode()).hexdigest() if more else own


def _folder(spec: ModelSpec, base: str) -> Path:
    if base == "miniature":
        package = importlib.util.find_spec(base)
        places = (package.submodule_search_locations if package else None) or []
        for place in places:
            if (Path(place) / "weights" / "model_index.json").is_file():
                return Path(place) / "weights"
        raise UnknownModel(spec.name, "its weights are not installed")
    return _place(spec.name, base)


def _downloaded(name: str, place: str) -> Path:
    """The folder of a model of the hub, brought here if it is not here yet."""
    if place.startswith(("/", ".", "~")) or place.endswith(".safetensors"):
        raise UnknownModel(name, f"there is no file or folder {place}")
    try:
        return hub.here(place) or hub.pull(place)
    except hub.HubError as error:
        known = ", ".join(REGISTRY)
        reason = f"{place} is no file or folder, not one of {known}, and: {error}"
        raise UnknownModel(name, reason) from error


def _family(files: ModelFiles) -> type[Backbone]:
    """The family whose denoiser lies in the folder."""
    for part in _DENOISERS:
        if (files.folder / part / "config.json").is_file():
            config = files.config(part)
            if found := [family for family in FAMILIES.values() if family.recognises(config)]:
                return found[-1]
            known = ", ".join(sorted({family.denoiser for family in FAMILIES.values()}))
            raise UnknownModel(files.name, f"its denoiser is {config.get('_class_name')}; known are {known}")
    raise UnknownModel(
        files.name, f"there is no {' or '.join(_DENOISERS)} with a config.json in {files.folder}"
    )


def _dtype(device: torch.device) -> torch.dtype:
    """The fastest dtype of a device, of those the one that overflows least."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidParameter("device", name, "a device of this machine, such as cpu or cuda:0") from error
    return device
