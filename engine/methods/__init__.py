"""The ways to edit there are, by name."""

from engine.edit_plan import Method
from engine.methods.p2p import P2P

METHODS: dict[str, type[Method]] = {"p2p": P2P}

__all__ = ["METHODS", "P2P"]
