"""Why `pentimento serve` can refuse to start or give up."""


class ServeError(Exception):
    """Serving is not possible; the message tells a person what to do."""
