"""Where Pentimento keeps its data on this machine."""

import os
from pathlib import Path


def home() -> Path:
    """The data folder: $PENTIMENTO_HOME, else ~/.local/share/pentimento."""
    chosen = os.environ.get("PENTIMENTO_HOME") or "~/.local/share/pentimento"
    return Path(chosen).expanduser().absolute()
