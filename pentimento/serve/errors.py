"""Why `pentimento serve` can refuse to start or give up."""


class ServeError(Exception):
    """Serving is not possible; the message says what to do."""
