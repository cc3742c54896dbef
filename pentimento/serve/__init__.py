"""`pentimento serve`: store, worker, API and keeper as child processes of one command."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx2

from pentimento.serve.embedded import EmbeddedStore, find_server
from pentimento.serve.errors import ServeError
from pentimento.serve.processes import Program, Supervisor
from pentimento.serve.storing import embedded_store, only_one, start_store

__all__ = ["Options", "ServeError", "embedded_store", "serve"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORKER_GRACE_S = 40.0  # its own supervisor kills what has not stopped after 35 s


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to serve: port 0 takes a free one; without a Redis URL an embedded store is started."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    redis_url: str | None = None
    devices: str | None = None
    ready_timeout_s: float = 600.0


def serve(options: Options, announce: Callable[[str], None], remark: Callable[[str], None]) -> None:
    """Start everything, announce the URL once it is ready, and run until SIGINT or SIGTERM.

    `announce` gets the URL exactly once; `remark` gets lines for a person. Whatever was started is stopped
    before this returns or raises ServeError.
    """
    with _stop_signals() as stopping, only_one(options.home):
        port = _free_port(options.host, options.port)
        supervisor = Supervisor(stopping, remark)
        embedded = None
        try:
            redis_url = options.redis_url
            if redis_url is None:
                embedded = EmbeddedStore(options.home, find_server())
                start_store(embedded, supervisor)
                redis_url = embedded.url
            env = {
                "PENTIMENTO_REDIS_URL": redis_url,
                "PENTIMENTO_STORE": os.environ.get("PENTIMENTO_STORE", str(options.home / "store")),
                "PYTHONUNBUFFERED": "1",
            }
            supervisor.start(_worker(options, env))
            supervisor.start(_api(options, port, env))
            supervisor.start(_keeper(options, env))
            host = f"[{options.host}]" if ":" in options.host else options.host
            url = f"http://{host}:{port}"
            readiness = _Readiness(f"{url}/readyz")
            if supervisor.wait(readiness, options.ready_timeout_s, lambda: readiness.reason, every_s=0.25):
                announce(url)
                supervisor.watch()
        finally:
            if stopping():
                remark("stopping")
            supervisor.stop()
            if embedded:
                embedded.remove_temporary()


def _python(*words: str) -> tuple[str, ...]:
    # -P keeps a folder named `service` in the current directory from being taken for ours.
    return (sys.executable, "-P", "-m", *words)


def _worker(options: Options, env: Mapping[str, str]) -> Program:
    devices = ("--devices", options.devices) if options.devices else ()
    return Program(
        name="worker",
        argv=_python("workers", *devices),
        log=options.home / "logs" / "worker.log",
        env=env,
        grace_s=_WORKER_GRACE_S,
    )


def _api(options: Options, port: int, env: Mapping[str, str]) -> Program:
    return Program(
        name="api",
        argv=_python("service", "--host", options.host, "--port", str(port)),
        log=options.home / "logs" / "api.log",
        env=env,
    )


def _keeper(options: Options, env: Mapping[str, str]) -> Program:
    return Program(
        name="keeper", argv=_python("service.keeper"), log=options.home / "logs" / "keeper.log", env=env
    )


class _Readiness:
    """Asks /readyz; remembers in words what is still missing."""

    def __init__(self, url: str) -> None:
        self.reason = "the API does not answer yet"
        self._url = url
        self._http = httpx2.Client(timeout=2.0, trust_env=False)

    def __call__(self) -> bool:
        try:
            answer = self._http.get(self._url)
        except httpx2.HTTPError:
            return False
        if answer.status_code == 200:
            self._http.close()
            return True
        try:
            self.reason = str(answer.json().get("detail", answer.text))
        except ValueError:
            self.reason = answer.text
        return False


def _free_port(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or "unusable"
            raise ServeError(f"{host}:{port} cannot be used ({reason}); choose another with --port") from None
        return int(probe.getsockname()[1])


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
