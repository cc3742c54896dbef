"""M_t: from what a picture looks like to the values of cross-attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.errors import InvalidParameter

_SLOPE = 0.01
_STACKED = "mapping."


class TokenMapping(nn.Module):
    """M_t of StyleDiffusion: vision features to the scale and shift of the value input.

    Convolutions of width 1 over the *tokens*, vision tokens -> 2 tokens, [2 tokens -> 2 tokens, norm,
    LeakyReLU], 2 tokens -> 2 tokens; the output is gamma, beta (tokens, width) each, by which the embedding
    c of a prompt becomes c * gamma + beta. The reference's batch norm, in training at a batch of 1, is the
    norm of each token over the width. A tower of another width than the text's is read through a linear map.

    Li et al. 2023, https://arxiv.org/abs/2303.15649, section 3.2.
    """

    def __init__(self, *, vision: tuple[int, int], text: tuple[int, int]) -> None:
        super().__init__()
        (seen, seen_width), (tokens, width) = vision, text
        self.widen = nn.Identity() if seen_width == width else nn.Linear(seen_width, width)
        self.layers = nn.Sequential(
            nn.Conv1d(seen, 2 * tokens, 1),
            nn.Conv1d(2 * tokens, 2 * tokens, 1),
            nn.InstanceNorm1d(2 * tokens, affine=True),
            nn.LeakyReLU(_SLOPE),
            nn.Conv1d(2 * tokens, 2 * tokens, 1),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Gamma and beta, (1, tokens, width) each, for features (1, vision tokens, vision width)."""
        gamma, beta = self.layers(self.widen(features)).chunk(2, dim=1)
        return gamma, beta


def seeded(seed: int, *, vision: tuple[int, int], text: tuple[int, int]) -> TokenMapping:
    """A fresh mapping, the same for every call with the same seed; the global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TokenMapping(vision=vision, text=text)


def stacked(mappings: Sequence[TokenMapping]) -> dict[str, Tensor]:
    """The weights of a mapping per step as tensors of a record, (N, ...) each, named "mapping.<weight>"."""
    states = [mapping.state_dict() for mapping in mappings]
    return {f"{_STACKED}{name}": torch.stack([state[name] for state in states]) for name in states[0]}


def unstacked(learned: Mapping[str, Tensor]) -> tuple[TokenMapping, ...]:
    """M_t of every denoising step, from the learned tensors of a record that kept them.

    Raises:
        InvalidParameter: it did not.
    """
    weights = {
        name.removeprefix(_STACKED): tensor for name, tensor in learned.items() if name.startswith(_STACKED)
    }
    if not weights:
        raise InvalidParameter("keep_mapping", False, "true: this inversion kept no networks")
    _, tokens, width = learned["gamma"].shape
    widen = weights.get("widen.weight")
    vision = weights["layers.0.weight"].shape[2], width if widen is None else widen.shape[2]
    mappings = tuple(seeded(0, vision=vision, text=(tokens, width)) for _ in learned["gamma"])
    for step, mapping in enumerate(mappings):
        mapping.load_state_dict({name: tensor[step] for name, tensor in weights.items()})
    return mappings


def film(text: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """The value input c * gamma + beta, in the dtype of the embedding c."""
    return (text.float() * gamma + beta).to(text.dtype)
