"""The end of the process, known in time: the server itself only tells once every answer has been sent."""

import asyncio
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """A server that sets `stopping` as soon as a signal asks it to end, so that long answers end early."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler, in the thread of the event loop."""
        self._stopping.set()
        super().handle_exit(sig, frame)
