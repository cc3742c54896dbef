"""Every command of the documentation does what it says."""

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook, WebhookVerificationError

from api_schemas import Job

ROOT = Path(__file__).parent.parent
MADE: dict[str, list[set[str]]] = {
    "api.md": [
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
    ],
    "client.md": [
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
}


def blocks(name: str) -> list[tuple[str, str]]:
    """The language and the text of every block of a page."""
    return re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)


CASES = [
    pytest.param(block, made, id=f"{name}-{at}")
    for name in MADE
    for at, (block, made) in enumerate(zip(blocks(name), MADE[name], strict=True))
]


@pytest.mark.parametrize(("block", "made"), CASES)
def test_the_commands(
    serving: tuple[subprocess.Popen[str], str],
    environment: dict[str, str],
    tmp_path: Path,
    block: tuple[str, str],
    made: set[str],
) -> None:
    (tmp_path / "cat.png").symlink_to(ROOT / "examples" / "cat.png")
    language, text = block
    # Learning in three steps is as good as in thirty to see that the commands work.
    script = re.sub(r"(steps[= ])30", r"\g<1>3", text.replace("http://127.0.0.1:8000", serving[1]))
    command = ["bash", "-eu", "-c"] if language == "sh" else [sys.executable, "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    surroundings = environment | {"PENTIMENTO_URL": serving[1], "PATH": path}
    subprocess.run([*command, script], cwd=tmp_path, env=surroundings, check=True, timeout=300)
    there = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if not file.is_symlink()}
    assert made <= there
    for name in made:
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (64, 64)


def test_a_webhook_is_checked_as_documented() -> None:
    [text] = [text for _, text in blocks("client.md") if "def received" in text]
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
