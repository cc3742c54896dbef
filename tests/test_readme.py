"""Every command of the README does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from miniature import WEIGHTS
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
    serving: tuple[subprocess.Popen[str], str], environment: dict[str, str], desk: Path
) -> None:
    script = block("sh", "curl").replace("http://127.0.0.1:8000", serving[1])
    subprocess.run(["bash", "-eu", "-c", script], cwd=desk, env=environment, check=True, timeout=300)
    painted = {path.stem: picture(path) for path in desk.glob("*.png")}
    assert set(painted) == {"swap", "refine", "reweight"}
    swap, refine, _ = judge(load_judge(WEIGHTS), [painted[name] for name in ("swap", "refine", "reweight")])
    assert swap.objects[0] == "fox"
    assert swap.background == refine.background == "grass"
    assert refine.objects[0] == "cat"
    assert refine.style == "watercolour"


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
