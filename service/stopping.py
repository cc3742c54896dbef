"""The end of the process, known in time: the server itself reports it only after the last answer."""

import asyncio
from functools import partial
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.datastructures import State

from service.connections import BoundedProtocol, ConnectionLimits, sweep

_TICKS_A_SECOND: Final = 10


def config(app: FastAPI, host: str, port: int, limits: ConnectionLimits) -> uvicorn.Config:
    """How the server serves this application."""
    protocol: Any = partial(BoundedProtocol, limits=limits)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.idle_s,
        timeout_graceful_shutdown=8,
        access_log=False,
        log_config=None,
    )


class Server(uvicorn.Server):
    """A server that says at a signal that it drains, and ends `drain_s` later, or at the next signal.

    Until then it takes connections as ever, so that a load balancer has time to take this process out.
    `state.draining` is set from the first signal on, `state.stopping` from the end of the wait, so that long
    answers end early.
    """

    def __init__(self, config: uvicorn.Config, state: State, drain_s: float) -> None:
        super().__init__(config)
        self._state, self._drain_s = state, drain_s

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % _TICKS_A_SECOND == 0:
            sweep(self.server_state.connections)
        return await super().on_tick(counter)

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
