"""Every command of the README does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.showing import PICTURE, painted, sheet
from miniature import WEIGHTS
from miniature.pictures import psnr
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(text for text in blocks if containing in text)


def picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder to work in that has the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def test_the_curl_lines_paint_the_first_picture(
    serving: tuple[subprocess.Popen[str], str], environment: dict[str, str], tmp_path: Path
) -> None:
    made = painted(tmp_path, serving[1], environment)
    assert list(made) == ["fox", "wood", "watercolour"]
    fox, wood, watercolour = judge(load_judge(WEIGHTS), list(made.values()))
    assert (fox.objects[0], fox.background) == ("fox", "grass")
    assert (wood.objects[0], wood.background) == ("cat", "wood")
    assert (watercolour.objects[0], watercolour.background, watercolour.style) == (
        "cat",
        "grass",
        "watercolour",
    )
    assert psnr(sheet(made), picture(PICTURE)) > 35, "run `python -m benchmarks.showing`"


def test_the_shell_commands(
    serving: tuple[subprocess.Popen[str], str], environment: dict[str, str], desk: Path
) -> None:
    edit, jobs = block("sh", "pentimento edit").splitlines()
    run = {"cwd": desk, "check": True, "capture_output": True, "text": True, "timeout": 300}
    run["env"] = environment | {
        "PENTIMENTO_URL": serving[1],
        "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
    }
    subprocess.run(edit, shell=True, **run)
    assert picture(desk / "dog.png").size == (64, 64)
    listed = subprocess.run(jobs, shell=True, **run).stdout
    assert "edit" in listed
    assert "invert" in listed


@pytest.mark.parametrize("containing", ["Client()", "engine.load", "sample(7)"])
def test_the_python_lines(
    containing: str, serving: tuple[subprocess.Popen[str], str], environment: dict[str, str], desk: Path
) -> None:
    command = [sys.executable, "-c", block("python", containing)]
    found = environment | {"PENTIMENTO_URL": serving[1]}
    subprocess.run(command, cwd=desk, env=found, check=True, timeout=300)
