"""Serves what all worker processes measured, the ended ones included. Never imports torch."""

import shutil
import tempfile
from types import TracebackType
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


class Exporter:
    """A folder where processes with this `environment` keep their figures, and a server of their sums.

    Raises OSError if the address cannot be listened on.
    """

    def __init__(self, host: str, port: int) -> None:
        self._folder = tempfile.mkdtemp(prefix="pentimento-measures-")
        self.environment = {_VARIABLE: self._folder}
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=self._folder)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError:
            shutil.rmtree(self._folder)
            raise

    def __enter__(self) -> "Exporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def forget(self, pid: int) -> None:
        """The process has ended: what it did still counts, the memory it had does not."""
        mark_process_dead(pid, self._folder)
