"""The durable product of an inversion."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from engine.errors import RecordCorrupt
from parameters import INVERSIONS

FORMAT = 3

_JSON, _TENSORS = "record.json", "record.safetensors"
_TRAJECTORY, _LEARNED = "trajectory", "learned."


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceRecord:
    """All that an edit needs of an inverted picture; immutable, on the CPU.

    `key` is the content address of what it was made from: equal requests have equal keys. `trajectory`
    (N+1, C, h, w) and `learned` are the `Inversion`'s; `method` and `params`, those that are not the default,
    say how it was made, and with it how edits use it.
    """

    key: str
    revision: str
    dtype: str
    method: str
    prompt: str
    steps: int
    params: Mapping[str, Any]
    trajectory: Tensor
    learned: Mapping[str, Tensor]

    @property
    def guidance_scale(self) -> float | None:
        """The scale that what was learned holds for, or that the picture was painted at, None elsewhere."""
        scale, kind = self.params.get("guidance_scale"), INVERSIONS[self.method]
        return float(scale) if scale is not None and (kind.learns_scale or kind.paints) else None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its latents."""
        height, width = self.trajectory.shape[-2:]
        return height, width

    @property
    def nbytes(self) -> int:
        """Bytes its tensors hold."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    def pack(self) -> dict[str, bytes]:
        """The record as files, by name."""
        tensors = safetensors.torch.save(self._tensors())
        facts = {
            "format": FORMAT,
            "key": self.key,
            "revision": self.revision,
            "dtype": self.dtype,
            "method": self.method,
            "prompt": self.prompt,
            "steps": self.steps,
            "params": dict(self.params),
            "tensors": _sha256(tensors),
        }
        return {_JSON: canonical({**facts, "checksum": _sha256(canonical(facts))}), _TENSORS: tensors}

    @classmethod
    def unpack(cls, files: Mapping[str, bytes]) -> SourceRecord:
        """Read what `pack` wrote.

        Raises:
            RecordCorrupt: a file is missing, or a single bit of one differs.
        """
        if missing := {_JSON, _TENSORS} - set(files):
            raise RecordCorrupt(f"{', '.join(sorted(missing))} is missing")
        facts = _checked_facts(bytes(files[_JSON]))
        if _sha256(files[_TENSORS]) != facts.pop("tensors"):
            raise RecordCorrupt(f"the checksum of {_TENSORS} differs")
        try:
            tensors = safetensors.torch.load(bytes(files[_TENSORS]))
            trajectory = tensors.pop(_TRAJECTORY)
            learned = {name.removeprefix(_LEARNED): tensor for name, tensor in tensors.items()}
            return cls(trajectory=trajectory, learned=learned, **facts)
        except (SafetensorError, KeyError, TypeError) as error:
            raise RecordCorrupt(f"{_TENSORS} cannot be read: {error}") from error

    def _tensors(self) -> dict[str, Tensor]:
        learned = {f"{_LEARNED}{name}": tensor for name, tensor in self.learned.items()}
        return {_TRAJECTORY: self.trajectory, **learned}


def canonical(facts: Mapping[str, Any]) -> bytes:
    """The one way to write these facts as JSON."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def content_key(facts: Mapping[str, Any]) -> str:
    """The content address of a set of facts: the hash of their JSON."""
    return _sha256(canonical({"format": FORMAT, **facts}))


def _checked_facts(raw: bytes) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(raw)
        checksum = facts.pop("checksum")
        intact = checksum == _sha256(canonical(facts)) and raw == canonical({**facts, "checksum": checksum})
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RecordCorrupt(f"{_JSON} cannot be read: {error}") from error
    if not intact:
        raise RecordCorrupt(f"the checksum of {_JSON} differs")
    if facts.pop("format", None) != FORMAT:
        raise RecordCorrupt(f"it is not of format {FORMAT}")
    return facts


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
