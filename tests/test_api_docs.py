"""Every command of docs/api.md does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
MADE = [
    {"dog.png"},
    set(),
    {"dog.webp", "dog.jpg"},
    {"dog.png", "where_is_the_dog.png"},
    {"dog.png", "style.png", "fox.png", "words/source-cat.png", "words/dog-dog.png", "words/dog-grass.png"},
    set(),
    set(),
]


@pytest.mark.parametrize(("block", "made"), list(zip(BLOCKS, MADE, strict=True)), ids=range(len(BLOCKS)))
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
