"""The end of a process that hangs."""

import faulthandler
import sys
from time import monotonic
from typing import Final

_ROWS: Final = 4
_SLACK: Final = 10


class Guard:
    """Ends the process, with a traceback, once the time for a step passes between two signs of life.

    The watch is kept by a thread of faulthandler that needs no interpreter lock, so it also ends a
    kernel that never returns. `deadline_s` is for a step of up to four rows of the denoiser; more rows have
    more time, and a device that is known to be slow ten times what it has needed for as many.
    """

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._armed = 0.0
        self._time_s = 0.0

    def alive(self, rows: float = 0.0, row_s: float = 0.0) -> None:
        """A sign of life; cheap enough for every step.

        `rows` are those of the largest step to come, `row_s` the seconds that a row has taken here.
        """
        time_s = self.time_for(rows, row_s)
        if time_s != self._time_s or monotonic() - self._armed > min(1.0, self._deadline_s / 10):
            faulthandler.dump_traceback_later(time_s, exit=True, file=sys.__stderr__ or sys.stderr)
            self._armed, self._time_s = monotonic(), time_s

    def time_for(self, rows: float, row_s: float) -> float:
        """Seconds that a step of so many rows may take."""
        return max(self._deadline_s, self._deadline_s * rows / _ROWS, _SLACK * rows * row_s)

    def rest(self) -> None:
        """Nothing is being computed."""
        faulthandler.cancel_dump_traceback_later()
        self._armed = self._time_s = 0.0
