"""Tensors of a device, moved to main memory and back."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class HostMemory(Protocol):
    """Copies tensors of a device to main memory and back, to the bit."""

    def nbytes(self, tensor: Tensor) -> int:
        """Bytes of main memory that a tensor takes."""
        ...

    def take(self, tensor: Tensor) -> Tensor:
        """A copy in main memory; raises RuntimeError where there is no room."""
        ...

    def give(self, kept: Tensor, device: torch.device) -> Tensor:
        """A copy on the device."""
        ...


class PinnedMemory:
    """Page-locked memory: copies between it and a GPU run while both compute.

    Copies are ordered by the current stream, and torch reuses no memory that one still reads. Its allocator
    rounds sizes up to powers of two. Strides are kept, since kernels are chosen by them.
    """

    def nbytes(self, tensor: Tensor) -> int:
        """Bytes rounded up to a power of two, as the allocator does."""
        return 1 << max(tensor.nbytes - 1, 0).bit_length()

    def take(self, tensor: Tensor) -> Tensor:
        """A copy in main memory, complete once the current stream has reached it."""
        return torch.empty_like(tensor, device="cpu", pin_memory=True).copy_(tensor, non_blocking=True)

    def give(self, kept: Tensor, device: torch.device) -> Tensor:
        """A copy on the device, complete before later work on the current stream."""
        return kept.to(device, non_blocking=True)
