"""The service as a process: what it loads, where it listens, how it ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from service.app import create_app
from service.settings import RemoteRefused, ServiceSettings, is_loopback
from store import Store, StoreSettings


def test_the_service_starts_without_torch() -> None:
    code = (
        "import sys, service.app, service.__main__\n"
        "service.app.create_app()\n"
        "heavy = {'torch', 'numpy', 'diffusers', 'transformers', 'engine', 'workers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org", ""])
def test_refuses_to_listen_beyond_loopback(shared: Store, host: str) -> None:
    settings = ServiceSettings(host=host)
    with pytest.raises(RemoteRefused, match="API keys"):
        create_app(shared, settings)
    create_app(shared, settings.model_copy(update={"allow_remote": True}))
    shared.apikeys.add("shop")
    create_app(shared, settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_loopback_is_recognised(host: str) -> None:
    assert is_loopback(host)


def test_the_process_refuses_another_address_in_words(settings: StoreSettings) -> None:
    ended = run_beyond_loopback(settings.redis_url)
    assert ended.returncode == 2
    assert "there are no API keys" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_process_does_not_guess_whether_there_are_keys(tmp_path: Path) -> None:
    ended = run_beyond_loopback(f"unix://{tmp_path}/none.sock")
    assert ended.returncode == 1
    assert "cannot be asked" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_with_a_key_the_process_listens_beyond_loopback(shared: Store) -> None:
    _, token = shared.apikeys.add("shop")
    command = [sys.executable, "-m", "service", "--host", "0.0.0.0", "--port", "0"]
    ours = {
        "PENTIMENTO_REDIS_URL": shared.settings.redis_url,
        "PENTIMENTO_ALLOWED_HOSTS": "pentimento.example",
    }
    environment = {**os.environ, **ours}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = next(found[1] for line in process.stderr if (found := re.search(r"0\.0\.0\.0:(\d+)", line)))
        url = f"http://127.0.0.1:{port}/jobs"
        named = {"Host": "pentimento.example"}
        assert httpx2.get(url, headers=named).status_code == 401
        assert httpx2.get(url, headers={**named, "Authorization": f"Bearer {token}"}).status_code == 200
        process.terminate()
        assert process.wait(30) == 0


def run_beyond_loopback(redis_url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", "--host", "0.0.0.0", "--port", "0"]
    environment = {**os.environ, "PENTIMENTO_REDIS_URL": redis_url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_sigterm_ends_the_process_cleanly(settings: StoreSettings) -> None:
    environment = {
        **os.environ,
        "PENTIMENTO_REDIS_URL": settings.redis_url,
        "PENTIMENTO_STORE": settings.store,
    }
    command = [sys.executable, "-m", "service", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running" in line:
                process.terminate()
        assert process.wait(30) == 0
