"""The ways to edit there are, by name."""

from engine.edit_plan import Method
from engine.methods.p2p import P2P
from engine.methods.p2plus import P2Plus

METHODS: dict[str, type[Method]] = {"p2p": P2P, "p2plus": P2Plus}

__all__ = ["METHODS", "P2P", "P2Plus"]
