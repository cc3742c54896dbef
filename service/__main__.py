"""`python -m service`: the API as a process."""

import argparse
import signal
import sys
from contextlib import suppress

from redis.exceptions import RedisError

from service.app import create_app
from service.connections import ConnectionLimits, provide_descriptors
from service.settings import RemoteRefused, ServiceSettings
from service.stopping import Server, config
from store import logs, tracing


def main() -> int:
    """Serve until SIGINT or SIGTERM; options win over the environment."""
    settings = ServiceSettings()
    parser = argparse.ArgumentParser(prog="python -m service", description="Serve Pentimento's API.")
    parser.add_argument("--host", default=settings.host, help="the address to listen on (%(default)s)")
    parser.add_argument("--port", default=settings.port, type=int, help="the port (%(default)s)")
    options = parser.parse_args()
    settings = settings.model_copy(update={"host": options.host, "port": options.port})
    logs.configure()
    tracing.configure("pentimento-api")
    try:
        app = create_app(settings=settings)
    except RemoteRefused as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except RedisError as error:
        sys.stderr.write(f"whether there are API keys cannot be asked: {error}\n")
        return 1
    # uvicorn stops gracefully and then raises the signal again; a stop that was asked for is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    limits = ConnectionLimits(
        connections=provide_descriptors(settings.max_connections), idle_s=settings.keep_alive_s
    )
    server = Server(config(app, settings.host, settings.port, limits), app.state, settings.drain_s)
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
