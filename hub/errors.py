"""The error of models whose files cannot be had."""


class HubError(Exception):
    """A model's files cannot be had; says why, and what would help."""
