"""What type checkers see of an installed package, from its wheel and from an editable install."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
from pentimento import Client, Edit, Edited, Job, Picture

client = Client()
edit: Edit = client.edit("cat.png", "a dog", source_prompt="a cat", seed=3)
made: Edited = edit.wait()
job: Job = made.job
wrong: int = made.images
client.edit("cat.png", "a dog", sed=3)
"""


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment with this package, and with what ours has beside it."""
    folder = tmp_path_factory.mktemp(request.param)
    sources = folder / "sources"
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "weights", "docs", "shared")
    shutil.copytree(ROOT, sources, ignore=ignored)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    here = Path(pytest.__file__).parent.parent
    [packages] = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(f"{here}\n")
    how = ["-e"] if request.param == "editable" else []
    subprocess.run([*pip, "--no-build-isolation", *how, str(sources)], check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_types_are_found(installed: Path, tmp_path: Path, checker: str) -> None:
    if checker == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright needs node")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    options = ["--strict", "--python-executable"] if checker == "mypy" else ["--pythonpath"]
    command = [sys.executable, "-m", checker, *options, str(installed), str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    wrong = [line for line in done.stdout.splitlines() if "script.py:" in line and "error" in line]
    assert [line.split("script.py:")[1].split(":")[0] for line in wrong] == ["8", "9"], done.stdout
