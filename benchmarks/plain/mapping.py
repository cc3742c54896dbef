"""M_t, the network that is trained at every step."""

from __future__ import annotations

from torch import Tensor, nn


class Mapping(nn.Module):
    """E(x) -> (gamma, beta), by convolutions of width 1 over the *token* axis, as published.

    It starts at random. In training mode, where the published code leaves it, BatchNorm sees a batch of one
    and thereby norms each token of the picture by itself.
    """

    def __init__(self, image_tokens: int, text_tokens: int) -> None:
        super().__init__()
        both = 2 * text_tokens
        self.layers = nn.Sequential(
            nn.Conv1d(image_tokens, both, 1),
            nn.Conv1d(both, both, 1),
            nn.BatchNorm1d(both),
            nn.LeakyReLU(),
            nn.Conv1d(both, both, 1),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and beta, each (1, text tokens, width), of features (1, image tokens, width)."""
        gamma, beta = self.layers(features).chunk(2, dim=1)
        return gamma, beta
