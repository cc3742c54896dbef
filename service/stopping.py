"""The end of the process, known in time: the server itself only tells once every answer has been sent."""

import asyncio
from types import FrameType

import uvicorn
from starlette.datastructures import State


class Server(uvicorn.Server):
    """A server that says at a signal that it drains, and ends `drain_s` later, or at the next signal.

    Until then it takes connections as ever, so that whoever spreads requests over several processes has time
    to leave this one out. `state.draining` is set from the first signal on, `state.stopping` from the end of
    the wait, so that long answers end early.
    """

    def __init__(self, config: uvicorn.Config, state: State, drain_s: float) -> None:
        super().__init__(config)
        self._state, self._drain_s = state, drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler, in the thread of the event loop."""
        if self._drain_s and not self._state.draining.is_set():
            self._state.draining.set()
            loop = asyncio.get_running_loop()
            loop.call_soon_threadsafe(loop.call_later, self._drain_s, self._drained, sig, frame)
        else:
            self._end(sig, frame)

    def _drained(self, sig: int, frame: FrameType | None) -> None:
        if not self._state.stopping.is_set():
            self._end(sig, frame)

    def _end(self, sig: int, frame: FrameType | None) -> None:
        self._state.draining.set()
        self._state.stopping.set()
        super().handle_exit(sig, frame)
