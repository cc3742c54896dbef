"""The product as a stranger meets it: real processes, the real model, nothing shared with the test."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image, ImageDraw

WEIGHTS = Path(__file__).parent.parent / "miniature" / "weights"

pytestmark = pytest.mark.skipif(
    not os.environ.get("PENTIMENTO_MODEL") and not (WEIGHTS / "unet").is_dir(),
    reason="the miniature has no weights here and PENTIMENTO_MODEL names no other model",
)


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


def test_serve_invert_edit_stop(
    folder: Path, environment: dict[str, str], serving: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = serving

    def pentimento(*words: str) -> str:
        command = [sys.executable, "-m", "pentimento", *words, "--url", url]
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    picture = Image.new("RGB", (96, 64), "green")
    ImageDraw.Draw(picture).ellipse((30, 15, 66, 51), fill="orange")
    picture.save(folder / "cat.png")

    image_id = pentimento("invert", "cat.png", "--prompt", "a cat on grass", "--steps", "6").strip()
    assert pentimento("edit", image_id, "a dog on grass", "-o", "dog.png") == "dog.png\n"
    dog = Image.open(io.BytesIO((folder / "dog.png").read_bytes()))
    result = httpx2.get(f"{url}/images/{image_id}", trust_env=False).json()["result"]
    working = Image.open(io.BytesIO(httpx2.get(url + result["source_url"], trust_env=False).content))
    assert dog.format == "PNG"
    assert dog.size == working.size == (result["width"], result["height"])
    assert dog.tobytes() != working.tobytes()

    again = json.loads(pentimento("edit", image_id, "a dog on grass", "-o", "again.png", "--json"))
    assert again["result"]["source_cached"] is True
    assert (folder / "again.png").read_bytes() == (folder / "dog.png").read_bytes()
    jobs = json.loads(pentimento("jobs", "--json"))
    assert [(job["kind"], job["status"]) for job in jobs] == [
        ("edit", "succeeded"),
        ("edit", "succeeded"),
        ("invert", "succeeded"),
    ]

    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "", "more than one line on stdout"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/healthz", trust_env=False)
    assert not (folder / "home" / "redis" / "redis.sock").exists()
