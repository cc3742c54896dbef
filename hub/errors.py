"""What is wrong with a model's files, in words."""


class HubError(Exception):
    """They cannot be had; says why, and what would help."""
