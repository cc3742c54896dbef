"""A model that cannot be loaded: reported once, in words, where a person and where a machine looks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hub import HubError
from hub.pulling import OnProgress
from service.app import create_app
from service.settings import ServiceSettings
from store import Store
from workers.process import main


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """The miniature with its largest file cut off."""
    folder = shutil.copytree("miniature/weights", tmp_path / "damaged")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return folder


def test_readyz_says_why_and_the_worker_is_not_started_again(
    shared: Store, damaged: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENTIMENTO_REDIS_URL", shared.settings.redis_url)
    monkeypatch.setenv("PENTIMENTO_MODEL", str(damaged))
    assert main([]) == os.EX_CONFIG
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith(f"the model {damaged} cannot be loaded: ")
    with TestClient(create_app(shared, ServiceSettings()), base_url="http://127.0.0.1") as http:
        assert f"worker: {said}" in http.get("/readyz").json()["detail"]


def test_what_nobody_foresaw_ends_the_worker_in_words_too(
    shared: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENTIMENTO_REDIS_URL", shared.settings.redis_url)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: out\nof luck")

    monkeypatch.setattr("workers.process.engine.load", fail)
    assert main([]) == os.EX_CONFIG
    assert capfd.readouterr().err.splitlines()[-1] == (
        "the model miniature cannot be loaded: CUDA error: out of luck"
    )


def test_serve_says_why_and_ends(damaged: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PENTIMENTO_HOME": str(tmp_path / "home"), "PENTIMENTO_MODEL": str(damaged)}
    command = [sys.executable, "-m", "pentimento", "serve", "--port", "0"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert f"the model {damaged} cannot be loaded" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_readyz_says_how_far_a_download_is(
    shared: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENTIMENTO_REDIS_URL", shared.settings.redis_url)
    monkeypatch.setenv("PENTIMENTO_MODEL", "some/ink")
    told: list[str | None] = []

    def pull(place: str, *, token: str | None, on_progress: OnProgress) -> None:
        for done in (0, 1_500_000_000, 4_000_000_000):
            on_progress(done, 4_000_000_000)
            told.append(shared.presence.fault())
        raise HubError(f"{place} is gated")

    monkeypatch.setattr("workers.process.hub.pull", pull)
    monkeypatch.setattr("workers.process.hub.here", lambda place: None)
    assert main([]) == os.EX_CONFIG
    assert told[0] == "downloading some/ink: 0.0 MB of 4.00 GB"
    assert told[-1] == "downloading some/ink: 4.00 GB of 4.00 GB"
    said = "the model some/ink cannot be loaded: some/ink is gated"
    assert (capfd.readouterr().err.splitlines()[-1], shared.presence.fault()) == (said, said)
