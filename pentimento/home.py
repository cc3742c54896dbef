"""Where Pentimento keeps its data on this machine."""

import os
from pathlib import Path


def home() -> Path:
    """The data folder: $PENTIMENTO_HOME, else $XDG_DATA_HOME/pentimento, else ~/.local/share/pentimento."""
    if chosen := os.environ.get("PENTIMENTO_HOME"):
        return Path(chosen).expanduser().resolve()
    share = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(share).expanduser() / "pentimento"
