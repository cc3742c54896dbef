"""The parts of a model as they lie in its folder: read whole and from safetensors, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers.utils import logging

from engine import checkpoints
from engine.errors import UnknownModel, out_of_memory

_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError, SafetensorError)
_POINTER = b"version https://git-lfs"
_PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth")
_WEIGHTS = re.compile(r"(?:diffusion_pytorch_)?model(?:\.(\w+))?\.safetensors")
_INDEX = re.compile(r"(?:diffusion_pytorch_)?model\.safetensors\.index(?:\.(\w+))?\.json")


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The parts of a model, a folder each in `folder`; `name` is for errors, `revision` hashes their content.

    `elsewhere` are the folders of parts that lie in another place. Weights of parts that `single` names are
    in those files, in the layout of the original code; configurations are in the folder all the same, with
    these `changes`. CLIP's tokenizers need not be there beside such a file.

    Raises, wherever something is read:
        UnknownModel: the part is missing, is not whole, or is of another kind; says which file and why.
    """

    name: str
    folder: Path
    revision: str
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    single: Mapping[str, Path] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def place(self, part: str) -> Path:
        """The folder of a part."""
        return self.elsewhere.get(part, self.folder / part)

    def missing(self, parts: Sequence[str]) -> list[str]:
        """Those of these parts that are not there."""
        return [
            part
            for part in parts
            if not self.place(part).is_dir() and not (self.single and part.startswith("tokenizer"))
        ]

    def config(self, part: str, file: str = "config.json") -> dict[str, Any]:
        """A part's configuration, as it is written."""
        path = self.place(part) / file
        self._check_pointers(path)
        with readable(self.name, f"{path} cannot be read"):
            found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise UnknownModel(self.name, f"{path} is no configuration")
        return {**found, **self.changes.get(part, {})}

    def network(self, kind: Any, part: str, dtype: Any) -> Any:
        """The network of a part, in eval mode and frozen."""
        if part in self.single:
            return self._from_single(kind, part, dtype)
        folder = self.place(part)
        self._check_weights(part, folder)
        options = {"torch_dtype" if "diffusers" in kind.__module__ else "dtype": dtype}
        with readable(self.name, f"{folder} cannot be read as {kind.__name__}"):
            return whole(kind, folder, variant=_variant(folder), use_safetensors=True, **options)

    def tokenizer(self, kind: Any, part: str) -> Any:
        """The tokenizer of a part, from vocab.json and merges.txt or from tokenizer.json alone."""
        place = self.place(part)
        if self.single and not place.is_dir():
            return checkpoints.clip_tokenizer(kind, self.config(part.replace("tokenizer", "text_encoder")))
        self._check_pointers(*sorted(place.glob("*")))
        with readable(self.name, f"{place} cannot be read as a tokenizer"):
            return kind.from_pretrained(place)

    def _from_single(self, kind: Any, part: str, dtype: Any) -> Any:
        file = self.single[part]
        with readable(self.name, f"the {part} of {file.name} cannot be read as {kind.__name__}"), quiet():
            network = checkpoints.network(kind, file, self.place(part), dtype)
            return network.eval().requires_grad_(False)

    def refuse(self, part: str, reason: str, file: str = "config.json") -> UnknownModel:
        """The error that a part does not fit, with its file."""
        return UnknownModel(self.name, f"{part}/{file}: {reason}")

    def _check_weights(self, part: str, folder: Path) -> None:
        self._check_pointers(*sorted(folder.glob("*")))
        if not any(folder.glob("*.safetensors*")):
            pickles = [path.name for pattern in _PICKLES for path in sorted(folder.glob(pattern))]
            if pickles:
                raise UnknownModel(
                    self.name,
                    f"{part} has its weights in {pickles[0]} alone, a pickle, which can run code when it is "
                    "read: convert it to safetensors",
                )

    def _check_pointers(self, *paths: Path) -> None:
        for path in paths:
            if path.is_file() and path.stat().st_size < 1024:
                with path.open("rb") as file:
                    if file.read(len(_POINTER)) == _POINTER:
                        raise UnknownModel(
                            self.name,
                            f"{path} is a Git LFS pointer and not the file itself: run `git lfs pull` there",
                        )


@contextmanager
def readable(model: str, fault: str) -> Iterator[None]:
    """Turn the errors of libraries that cannot read a file or part into `UnknownModel`.

    Its reason is the `fault`, such as "the vae cannot be read", and the first words of their error. Errors of
    the engine and running out of memory pass.
    """
    try:
        yield
    except _UNREADABLE as error:
        if out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UnknownModel(model, f"{fault}: {reason}") from error


def whole(kind: Any, place: Path | str, **options: Any) -> Any:
    """A network in eval mode, its weights frozen and complete; libraries would draw missing ones at random.

    Raises:
        ValueError, OSError: it is missing or incomplete; and more, for which see `readable`.
    """
    if kind.__module__.startswith("transformers"):  # whose own error names neither the weight nor its shapes
        options["ignore_mismatched_sizes"] = True
    with quiet():
        network, info = kind.from_pretrained(place, output_loading_info=True, **options)
    if missing := sorted(info["missing_keys"]):
        raise ValueError(f"{Path(place).name} lacks {len(missing)} weights, such as {missing[0]}")
    if other := info.get("mismatched_keys"):
        weight, found, expected = min(other)
        raise ValueError(
            f"{Path(place).name} has weights of other shapes than its config.json says, such as {weight}: "
            f"{tuple(found)} and not {tuple(expected)}"
        )
    return network.eval().requires_grad_(False)


def _variant(folder: Path) -> str | None:
    """The variant to read of a folder whose weights come in variants alone: fp16 before others."""
    found = {match[1] for path in folder.glob("*") for match in [_WEIGHTS.fullmatch(path.name)] if match}
    found |= {match[1] for path in folder.glob("*") for match in [_INDEX.fullmatch(path.name)] if match}
    return None if not found or None in found else min(found, key=lambda name: (name != "fp16", name))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence progress bars and reports of unused weights, which a file of all of CLIP always has."""
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    other = diffusers_logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        diffusers_logging.set_verbosity(other)
        if shown:
            logging.enable_progress_bar()
