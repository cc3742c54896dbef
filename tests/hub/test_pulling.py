"""Models brought from a hub on this machine: whole, again from where it broke off, and refused in words."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

import hub
from hub import HubError, Wanted, chosen
from pentimento.cli import app
from tests.hub.fake import SHA, FakeHub, fake_hub

FILES = {
    "README.md": b"---\nlicense: other\nlicense_name: ink-1\n---\nA card.",
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": bytes(200_000),
    "unet/diffusion_pytorch_model.fp16.safetensors": bytes(100),
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "vae/diffusion_pytorch_model.fp16.safetensors": bytes(50),
    "vae/diffusion_pytorch_model.bin": b"pickle",
    "ink.ckpt": b"pickle",
    "ink.safetensors": bytes(300_000),
}
NEEDED = sorted(
    {
        *("README.md", "model_index.json", "unet/config.json"),
        *("unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors"),
    }
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    repository = tmp_path / "repository"
    for name, content in FILES.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_bytes(content)
    with fake_hub() as found:
        found.repositories["some/ink"] = repository
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", found.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield found


class Hurried:
    """The module `time` for whoever pauses between two tries: nobody else's time goes by faster."""

    def __getattr__(self, name: str) -> Any:
        return (lambda _: None) if name == "sleep" else getattr(time, name)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub's client try again without a pause."""
    for module in ("file_download", "utils._http"):
        monkeypatch.setattr(sys.modules[f"huggingface_hub.{module}"], "time", Hurried())


def test_a_model_is_brought_whole_and_only_what_it_needs(server: FakeHub) -> None:
    seen: list[tuple[int, int]] = []
    folder = hub.pull("some/ink", on_progress=lambda done, total: seen.append((done, total)))

    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert [name for name in found if not name.startswith(".")] == NEEDED
    size = sum(len(FILES[name]) for name in NEEDED)
    assert seen[0] == (0, size)
    assert seen[-1] == (size, size)
    assert hub.here("some/ink") == folder
    assert hub.licence_of(folder) == "ink-1"
    server.asked.clear()
    hub.pull("some/ink")
    assert not [path for command, path, _ in server.asked if command == "GET" and "safetensors" in path]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    server.cut_after = 60_000
    folder = hub.pull("some/ink")

    assert (folder / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size == 200_000
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for _, _, wanted in server.asked if wanted]
    assert starts == sorted(starts)
    assert starts[0] >= 50_000


def test_a_download_that_broke_off_brings_only_what_is_missing(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    server.cut_after = 0
    with pytest.raises(HubError, match="cannot be reached"):
        hub.pull("some/ink")
    assert hub.here("some/ink") is None
    server.cut_after = None
    server.asked.clear()
    folder = hub.pull("some/ink")

    assert hub.here("some/ink") == folder
    brought = [path for command, path, _ in server.asked if command == "GET" and "/resolve/" in path]
    assert brought
    assert all(path.endswith(".safetensors") for path in brought)


def test_a_revision_that_is_whole_stays_so_while_another_is_brought(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    folder = hub.pull("some/ink")
    server.revision = SHA[::-1]
    (server.repositories["some/ink"] / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"1" * 99)
    server.cut_after = 0
    with pytest.raises(HubError, match="cannot be reached"):
        hub.pull("some/ink")

    assert hub.here(f"some/ink@{SHA}") == folder
    assert hub.here(f"some/ink@{server.revision}") is None


def test_what_cannot_be_had_is_said_in_words(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.gated.add("some/ink")
    with pytest.raises(HubError, match=r"gated: accept its terms .* HF_TOKEN"):
        hub.pull("some/ink")
    assert hub.pull("some/ink", token=server.token)
    with pytest.raises(HubError, match="is not on the hub, or private"):
        hub.pull("some/other")
    server.gated.clear()
    with pytest.raises(HubError, match="some/ink has no revision v9"):
        hub.pull("some/ink@v9")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(HubError, match=r"needs .* more and .* has 0.0 MB left"):
        hub.pull(f"some/ink@{SHA}")


def test_without_a_network_it_says_so(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        hub.pull("some/ink")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="cannot be reached"):
        hub.pull("some/ink")


def test_the_commands_pull_list_show_and_remove(server: FakeHub) -> None:
    run = CliRunner()

    def asked(*words: str) -> str:
        return run.invoke(app, ["models", *words]).output

    assert "no models are here" in asked("list")
    assert "bytes: 0.2 MB" in asked("show", "some/ink")
    assert "snapshots" in asked("pull", f"some/ink@{SHA}")
    assert "StableDiffusionPipeline" in asked("list")
    assert "licence: ink-1" in asked("show", f"some/ink@{SHA}")
    assert asked("remove", "some/ink").startswith("removed some/ink")
    assert "some/ink is not here" in asked("remove", "some/ink")
    assert run.invoke(app, ["models", "pull", "some/other"]).exit_code == 1


def test_an_addition_is_its_safetensors() -> None:
    files = [
        Wanted(name=name, size=1) for name in ("ink.safetensors", "ink.pt", "config.json", "images/x.png")
    ]

    assert {file.name for file in chosen(files)} == {"ink.safetensors", "config.json"}


def test_a_name_speaks_of_what_lies_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    name = f"{tmp_path / 'own'} + lora:some/ink:0.5 + vae:other/vae@v1 + embedding:{tmp_path}"

    assert hub.places(name) == ["some/ink", "other/vae@v1"]
    assert hub.places("miniature") == []
