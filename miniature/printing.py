"""Where the programs that measure print their tables."""

from typing import Final

from rich.console import Console

_WIDE: Final = 140


def open_console() -> Console:
    """As wide as the terminal is; where there is none, as wide as tables need to keep their words whole."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDE)
