"""What a wheel carries, and what an image needs to build one."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = sorted(
    pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
)


def test_every_package_tells_that_it_is_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["*"]


@pytest.mark.parametrize("image", ["api", "worker"])
def test_an_image_has_the_files_that_the_project_names(image: str) -> None:
    lines = (ROOT / "deploy" / f"Dockerfile.{image}").read_text()
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", lines, re.MULTILINE) for name in line.split()}
    named = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml"}
    assert {name.partition("/")[0] for name in named} <= copied
