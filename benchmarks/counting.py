"""What a piece of work asks of a model, counted by hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(kw_only=True)
class Counts:
    """Rows that went forward and backward through the U-Net, and pictures through the other parts."""

    unet_forward: int = 0
    unet_backward: int = 0
    vision: int = 0
    vae_encode: int = 0
    vae_decode: int = 0


@contextmanager
def counted(*, unet: Any, vision: Any, vae: Any) -> Iterator[Counts]:
    """Count for as long as this lasts; `vision` None is not counted."""
    counts = Counts()

    def after_unet(_: Any, args: tuple[Any, ...], output: Any) -> None:
        rows = len(args[0])
        counts.unet_forward += rows
        if output.sample.requires_grad:
            output.sample.register_hook(lambda gradient: backward(gradient, rows))

    def backward(_: Tensor, rows: int) -> None:
        counts.unet_backward += rows

    def add(name: str) -> Any:
        def after(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            first = args[0] if args else next(iter(kwargs.values()))
            setattr(counts, name, getattr(counts, name) + len(first))

        return after

    hooks = [unet.register_forward_hook(after_unet)]
    for module, name in ((vision, "vision"), (vae.encoder, "vae_encode"), (vae.decoder, "vae_decode")):
        if module is not None:
            hooks.append(module.register_forward_hook(add(name), with_kwargs=True))
    with ExitStack() as stack:
        for hook in hooks:
            stack.callback(hook.remove)
        yield counts
