"""Every command of the documentation does what it says."""

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook, WebhookVerificationError

from api_schemas import Job

ROOT = Path(__file__).parent.parent
# By page, what each of its blocks is to have made.
MADE: dict[str, list[set[str]]] = {
    "docs/api.md": [
        {"dog.png"},
        set(),
        {"dog.png"},
        {"dog.png"},
        set(),
        {"painted.png"},
        {"dog.webp", "dog.jpg"},
        {"mask.png", "dog.png"},
        set(),
        {"dog.png", "where_is_the_dog.png"},
        {
            "dog.png",
            "style.png",
            "fox.png",
            "words/source-cat.png",
            "words/dog-dog.png",
            "words/dog-grass.png",
        },
        set(),
        set(),
        {"openapi.json", "made/pyproject.toml", "models.py"},
    ],
    "docs/client.md": [
        {"dog.png"},
        {"dog.png", "grass.png", "pet-1.webp", "pet-2.webp"},
        {"dog.jpg", "fox.jpg"},
        set(),
        {
            "fox.png",
            "again.png",
            "dog.webp",
            "mask.png",
            "masked.png",
            "painted.png",
            "small.png",
            "further.png",
        },
    ],
    "docs/provenance.md": [{"dog.png"}],
    "docs/upgrade.md": [set()],
}
ELSEWHERE = {
    "README.md": "tests/test_readme.py",
    "docs/architecture.md": "tests/test_plugins.py",
    "docs/backup.md": "test_a_backup_brings_everything_back",
    "docs/models.md": "needs the hub; tests/pentimento and tests/hub have one of their own",
    "benchmarks/README.md": "needs a GPU, and the wheels for a machine without network",
    "miniature/README.md": "trains for hours; tests/miniature has each of its steps",
}


def blocks(name: str) -> list[tuple[str, str]]:
    """The language and the text of every block of a page that can be run."""
    return re.findall(r"```(sh|bash|python)\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


def cases() -> Iterator[Any]:
    """Every block and what it makes; those that learn an inversion take their time."""
    for name, expected in MADE.items():
        for at, (block, made) in enumerate(zip(blocks(name), expected, strict=True)):
            marks = [pytest.mark.slow] if "stylediffusion" in block[1] else []
            yield pytest.param(block, made, id=f"{Path(name).name}-{at}", marks=marks)


def test_no_block_of_any_page_is_left_out() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    pages = {name for name in listed.stdout.split() if blocks(name)}
    assert pages == MADE.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(("block", "made"), list(cases()))
def test_the_commands(
    serving: tuple[subprocess.Popen[str], str],
    environment: dict[str, str],
    tmp_path: Path,
    block: tuple[str, str],
    made: set[str],
) -> None:
    (tmp_path / "cat.png").symlink_to(ROOT / "examples" / "cat.png")
    language, text = block
    script = text.replace("http://127.0.0.1:8000", serving[1])
    command = ["bash", "-eu", "-c"] if language == "sh" else [sys.executable, "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    surroundings = environment | {"PENTIMENTO_URL": serving[1], "PATH": path}
    subprocess.run([*command, script], cwd=tmp_path, env=surroundings, check=True, timeout=300)
    there = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if not file.is_symlink()}
    assert made <= there
    for name in made:
        if Path(name).suffix in (".png", ".jpg", ".webp"):
            with Image.open(tmp_path / name) as picture:
                assert picture.size == (64, 64)


def test_a_webhook_is_checked_as_documented() -> None:
    [text] = [text for _, text in blocks("docs/client.md") if "def received" in text]
    there: dict[str, Any] = {}
    exec(text, there)
    secret, sent = f"whsec_{b64encode(b'secret' * 4).decode()}", datetime.now(UTC)
    body = json.dumps(Job.model_config["json_schema_extra"]["examples"][0])
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", sent, body),
    }
    assert there["received"](body.encode(), headers, secret).kind == "invert"
    with pytest.raises(WebhookVerificationError):
        there["received"](body.replace("invert", "edit").encode(), headers, secret)


@pytest.mark.slow
def test_a_backup_brings_everything_back(folder: Path, environment: dict[str, str], tmp_path: Path) -> None:
    keep, restore = (text for _, text in blocks("docs/backup.md"))
    (tmp_path / "cat.png").symlink_to(ROOT / "examples" / "cat.png")

    def run(home: Path, script: str) -> str:
        surroundings = environment | {"PENTIMENTO_HOME": str(home)}
        command = ["bash", "-eu", "-c", script]
        done = subprocess.run(
            command, cwd=tmp_path, env=surroundings, check=True, capture_output=True, text=True
        )
        return done.stdout

    def served(home: Path, *words: str) -> str:
        command = [sys.executable, "-m", "pentimento"]
        surroundings = environment | {"PENTIMENTO_HOME": str(home)}
        begun = subprocess.Popen(
            [*command, "serve", "--port", "0"], env=surroundings, stdout=subprocess.PIPE, text=True
        )
        assert begun.stdout is not None
        try:
            url = begun.stdout.readline().split()[-1]
            asked = [*command, *words, "--url", url]
            done = subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, text=True)
            return done.stdout
        finally:
            begun.terminate()
            begun.wait(60)
            begun.stdout.close()

    before, after = tmp_path / "before", tmp_path / "after"
    image = served(before, "invert", "cat.png", "-p", "a cat on grass", "--steps", "4").strip()
    run(before, keep)
    run(after, restore)
    assert served(after, "edit", image, "a dog on grass", "-o", "dog.png") == "dog.png\n"
    with Image.open(tmp_path / "dog.png") as picture:
        assert picture.size == (64, 64)
