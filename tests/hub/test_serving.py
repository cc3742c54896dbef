"""`pentimento serve` of a model that is not here yet."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.engine.conftest import save_model
from tests.hub.fake import fake_hub

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """The environment of processes that serve a model of a hub on this machine."""
    repository = save_model(folder / "repository")
    (repository / "README.md").write_text("---\nlicense: openrail++\n---\n")
    with fake_hub() as hub:
        hub.repositories["some/tiny"] = repository
        places = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "models")}
        yield {**environment, **places, "PENTIMENTO_MODEL": "some/tiny"}


def test_it_says_how_large_the_model_is_and_serves_it(
    serving: tuple[subprocess.Popen[str], str], folder: Path
) -> None:
    _, url = serving
    (model,) = httpx2.get(f"{url}/models", trust_env=False).json()

    assert (model["name"], model["licence"], model["size"]) == ("some/tiny", "openrail++", 32)
    assert "some/tiny is not here yet: bringing 0." in (folder / "stderr").read_text()
