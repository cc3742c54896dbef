"""The API behind a real socket, for what only shows there: streams, waiting, clients that leave."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from api_schemas import JobEvent
from service.app import create_app
from service.connections import ConnectionLimits
from service.settings import ServiceSettings
from service.stopping import Server, config
from store import Store


@dataclass(frozen=True, kw_only=True)
class Live:
    """A running server."""

    url: str
    server: Server
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread

    def stop(self, within_s: float) -> None:
        """End it as SIGTERM does, and see that it ends in time."""
        self.loop.call_soon_threadsafe(self.server.handle_exit, signal.SIGTERM, None)
        self.thread.join(within_s)
        assert not self.thread.is_alive()


@contextmanager
def serving(
    shared: Store, settings: ServiceSettings | None = None, limits: ConnectionLimits | None = None
) -> Iterator[Live]:
    """The API on this store and a free port."""
    app = create_app(shared, settings or ServiceSettings())
    server = Server(config(app, "127.0.0.1", 0, limits or ConnectionLimits()), app.state, 0)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    live = Live(url=f"http://{host}:{port}", server=server, loop=loop, thread=thread)
    try:
        yield live
    finally:
        if thread.is_alive():
            live.stop(10)
        loop.close()


class Told(NamedTuple):
    """One event as a client reads it."""

    name: str
    id: str
    data: JobEvent


def told(lines: Iterator[str]) -> Iterator[Told]:
    """The events of a stream; comments are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Told(fields["event"], fields["id"], JobEvent.model_validate_json(fields["data"]))
            fields = {}
