"""The command `pentimento`."""

from pentimento.cli.app import app

__all__ = ["app"]
