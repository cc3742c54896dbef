"""Networks as they lie in folders and on the hub: read whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.utils import logging

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)
"""What the libraries raise where there is nothing to read, or something else."""


def whole(kind: Any, place: Path | str, **options: Any) -> Any:
    """A network in eval mode, its weights frozen; the libraries would make missing ones up.

    Raises:
        UNREADABLE: there is none, or not all of it.
    """
    with _quiet():
        network, info = kind.from_pretrained(place, output_loading_info=True, **options)
    if missing := sorted(info["missing_keys"]):
        raise ValueError(f"{Path(place).name} lacks {len(missing)} weights, such as {missing[0]}")
    return network.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without bars, and without reports that a file holds more than was asked for, as that of all of CLIP."""
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
