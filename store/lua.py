"""The scripts, as callables."""

from typing import Any

from store import scripts


class Scripts:
    """Some of the scripts, by name; the server is sent one when it does not know it yet."""

    def __init__(self, redis: Any, *names: str) -> None:
        self._known = {name: redis.register_script(getattr(scripts, name)) for name in names}

    def run(self, name: str, *args: str | int | bytes) -> Any:
        """What the script answers to these arguments."""
        return self._known[name](args=list(args))
