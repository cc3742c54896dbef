"""The embedded store as one process at a time may use it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pentimento.serve.embedded import EmbeddedStore, find_server, private_folder
from pentimento.serve.errors import ServeError
from pentimento.serve.processes import Supervisor

_TIMEOUT_S = 60.0


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """While entered, no other process starts the store of this home. Raises ServeError if one has."""
    private_folder(home)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ServeError(
                f"another `pentimento serve` uses {home}; stop it, or set PENTIMENTO_HOME to another folder"
            ) from None
        yield


def start_store(embedded: EmbeddedStore, supervisor: Supervisor) -> None:
    """Start the store and wait until it answers. Raises ServeError if it does not."""
    embedded.end_orphan()
    child = supervisor.start(embedded.program())
    try:
        supervisor.wait(embedded.answers, _TIMEOUT_S, lambda: "the store does not answer")
    except ServeError as error:
        raise ServeError(f"{error}{embedded.repair_hint(child.tail())}") from None


@contextmanager
def embedded_store(home: Path) -> Iterator[str]:
    """The URL of the store that `pentimento serve` runs in this home, or of one that runs while entered.

    Raises ServeError.
    """
    embedded = EmbeddedStore(home, find_server())
    if embedded.answers():
        yield embedded.url
        return
    with only_one(home):
        supervisor = Supervisor(stopping=lambda: False, remark=lambda _: None)
        try:
            start_store(embedded, supervisor)
            yield embedded.url
        finally:
            supervisor.stop()
            embedded.remove_temporary()
