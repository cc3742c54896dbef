"""The files that a model needs of a repository."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_PARTS = re.compile(
    r"(scheduler|text_encoder(_[23])?|tokenizer(_[23])?|unet|transformer|vae|image_encoder|feature_extractor)$"
)
_SMALL = (".json", ".txt", ".model")
_TOP = ("model_index.json", "README.md", "knows.json", "auto.json", "config.json")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file and its bytes."""

    name: str
    size: int


def chosen(files: Iterable[Wanted]) -> list[Wanted]:
    """Configurations, tokenizers and safetensors of every part: the plain weights, else those in fp16.

    A repository without parts is taken for an addition, such as a LoRA or an autoencoder: all its safetensors
    and its configuration.
    """
    given = list(files)
    by_part: dict[str, list[Wanted]] = {}
    top: list[Wanted] = []
    for file in given:
        path = PurePosixPath(file.name)
        if len(path.parts) == 2 and _PARTS.fullmatch(path.parts[0]):
            by_part.setdefault(path.parts[0], []).append(file)
        elif len(path.parts) == 1 and (path.name in _TOP or path.suffix == ".safetensors"):
            top.append(file)
    small = [file for file in top if not file.name.endswith(".safetensors")]
    if not by_part:
        return top
    return small + [file for part in sorted(by_part) for file in _of_part(by_part[part])]


def _of_part(files: list[Wanted]) -> list[Wanted]:
    weights = [file for file in files if ".safetensors" in file.name]
    others = [file for file in files if file not in weights and file.name.endswith(_SMALL)]
    plain = [file for file in weights if _variant(file.name) is None]
    found = {variant for file in weights if (variant := _variant(file.name))}
    first = min(found, key=lambda name: (name != "fp16", name), default=None)
    kept = plain or [file for file in weights if _variant(file.name) == first]
    return others + kept


def _variant(name: str) -> str | None:
    """The variant that a file of weights is of, None for the plain ones."""
    base = PurePosixPath(name).name
    if re.fullmatch(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors(\.index\.json)?", base):
        return None
    found = re.search(r"\.(?:safetensors\.index\.)?(\w+?)(?:-\d+-of-\d+)?\.(?:safetensors|json)$", base)
    return found[1] if found else "other"
