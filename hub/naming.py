"""Names of models: a base, and LoRAs, an autoencoder and embeddings added to it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

_JOINT = " + "
_KINDS = ("lora", "vae", "embedding")


@dataclass(frozen=True, kw_only=True)
class ModelName:
    """A model and its additions: LoRAs with their weights, another VAE, textual-inversion embeddings.

    Written "BASE + lora:PLACE:0.8 + vae:PLACE + embedding:PLACE"; places are files, folders or hub ids.
    """

    base: str
    loras: tuple[tuple[str, float], ...] = ()
    vae: str | None = None
    embeddings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ModelName:
        """Parse a name; raises `ValueError`, which says what is wrong with it."""
        base, *additions = text.split(_JOINT)
        loras: list[tuple[str, float]] = []
        vaes: list[str] = []
        embeddings: list[str] = []
        for addition in map(str.strip, additions):
            kind, _, place = addition.partition(":")
            if kind not in _KINDS or not place:
                raise ValueError(f"{addition!r} is none of {', '.join(f'{each}:PLACE' for each in _KINDS)}")
            if kind == "lora":
                loras.append(_weighted(place))
            else:
                (vaes if kind == "vae" else embeddings).append(place)
        if len(vaes) > 1:
            raise ValueError("there are two autoencoders")
        vae = vaes[0] if vaes else None
        return cls(base=base.strip(), loras=tuple(loras), vae=vae, embeddings=tuple(embeddings))


def _weighted(place: str) -> tuple[str, float]:
    before, colon, after = place.rpartition(":")
    try:
        weight = float(after) if colon else None
    except ValueError:
        weight = None
    if weight is None:
        return place, 1.0
    if not isfinite(weight):
        raise ValueError(f"the weight of the LoRA {before} is {after}, expected a finite number")
    return before, weight
