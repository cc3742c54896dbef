"""How a model is found and loaded."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from engine.backbones import DTYPES, FAMILIES, Backbone
from engine.errors import InvalidParameter, UnknownModel, memory_errors
from engine.pretrained import ModelFiles
from engine.probing import probe
from engine.spec import REGISTRY, ModelSpec
from engine.vision import PARTS as VISION_PARTS

_DENOISERS = ("unet", "transformer")


def load(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> Backbone:
    """Load "miniature", a model of the Hugging Face hub by its id, or one in a diffusers folder.

    Raises:
        UnknownModel: there is none, or it is of no family that the engine knows.
        InvalidParameter: no such device or dtype.
        OutOfMemory: it does not fit the device.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InvalidParameter("dtype", dtype, f"one of {', '.join(DTYPES)}")
    spec = REGISTRY.get(str(name), ModelSpec(name=str(name)))
    folder = _folder(spec)
    family = _family(spec, folder)
    if missing := [part for part in family.parts if not (folder / part).is_dir()]:
        raise UnknownModel(
            spec.name, f"this is a {family.__name__}, and there is no {', '.join(missing)} in {folder}"
        )
    files = ModelFiles(name=spec.name, folder=folder, revision=fingerprint(folder, family.parts))
    with memory_errors():
        model = family.load(files, spec=spec, device=_device(device), dtype=DTYPES[dtype])
        probe(model)
    return model


def fingerprint(folder: Path, parts: Sequence[str]) -> str:
    """Hash what tells one model from another: the names and every byte of the files of its parts."""
    digest = hashlib.sha256()
    folders = [folder / part for part in (*parts, *VISION_PARTS)]
    for path in sorted(path for part in folders for path in part.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def _folder(spec: ModelSpec) -> Path:
    if spec.name == "miniature":
        package = importlib.util.find_spec(spec.name)
        places = (package.submodule_search_locations if package else None) or []
        for place in places:
            if (Path(place) / "weights" / "model_index.json").is_file():
                return Path(place) / "weights"
        raise UnknownModel(spec.name, "its weights are not installed")
    if Path(spec.name).is_dir():
        return Path(spec.name)
    parts = sorted({part for family in FAMILIES.values() for part in family.parts})
    try:
        return Path(
            snapshot_download(
                spec.name,
                revision=spec.revision,
                allow_patterns=[
                    "model_index.json",
                    "knows.json",
                    *(f"{part}/*" for part in (*parts, *VISION_PARTS)),
                ],
                ignore_patterns=["*.bin", "*.ckpt", "*.msgpack", "*.fp16.*", "*.non_ema.*"],
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        known = ", ".join(REGISTRY)
        raise UnknownModel(spec.name, f"neither a folder, nor on the hub, nor one of {known}") from error


def _family(spec: ModelSpec, folder: Path) -> type[Backbone]:
    """The family whose denoiser lies in the folder."""
    for part in _DENOISERS:
        config = folder / part / "config.json"
        if config.is_file():
            read = ModelFiles(name=spec.name, folder=folder, revision="").config(part)
            if found := [family for family in FAMILIES.values() if family.recognises(read)]:
                return found[-1]
            known = ", ".join(sorted({family.denoiser for family in FAMILIES.values()}))
            raise UnknownModel(spec.name, f"its denoiser is {read.get('_class_name')}; known are {known}")
    raise UnknownModel(spec.name, f"there is no {' or '.join(_DENOISERS)} with a config.json in {folder}")


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidParameter("device", name, "a device of this machine, such as cpu or cuda:0") from error
    return device
