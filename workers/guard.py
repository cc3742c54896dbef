"""The end of a process that hangs."""

import faulthandler
import sys
from time import monotonic


class Guard:
    """Ends the process, with a traceback, once `deadline_s` pass between two signs of life.

    The watch is kept by a thread of faulthandler that needs no interpreter lock, so it also ends a
    kernel that never returns.
    """

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._armed = 0.0

    def alive(self) -> None:
        """A sign of life; cheap enough for every step."""
        if monotonic() - self._armed > min(1.0, self._deadline_s / 10):
            faulthandler.dump_traceback_later(self._deadline_s, exit=True, file=sys.__stderr__ or sys.stderr)
            self._armed = monotonic()

    def rest(self) -> None:
        """Nothing is being computed."""
        faulthandler.cancel_dump_traceback_later()
        self._armed = 0.0
