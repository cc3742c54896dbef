"""A method, an inverter and a guidance from an outside package, as docs/architecture.md has them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parent.parent
PARAMETERS = """\
from parameters import EditParameters, InversionParameters
"""
ENGINE = """\
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.inverters import Inversion, Inverter, Source
from engine.methods import Method, guided
from engine.noise import noised, seeded_noise
from engine.plan import EditPlan, Setting
from engine.progress import OnProgress
from engine.schedule import Schedule
from outside.parameters import Growing, Noised
"""
ENTRY_POINTS = """\
[pentimento.parameters]
growing = outside.parameters:Growing
noised = outside.parameters:Noised
[pentimento.methods]
growing = outside.engine:GrowingMethod
[pentimento.inverters]
noised = outside.engine:NoisedInverter
"""


def install(folder: Path, *, method: str = "") -> Path:
    """Put the package of the documents where Python finds packages; `method` replaces its method's code."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)
    growing, growing_method, noised, noised_inverter = blocks
    package, about = folder / "outside", folder / "outside-1.0.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").touch()
    (package / "parameters.py").write_text("\n\n".join((PARAMETERS, growing, noised)))
    (package / "engine.py").write_text("\n\n".join((ENGINE, method or growing_method, noised_inverter)))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


EDIT = """\
import engine, parameters
from PIL import Image
model = engine.load("miniature")
image = Image.open("examples/cat.png")
record = engine.invert(model, image, prompt="a cat on grass", method="noised", steps=4)
growing = parameters.EDITS["growing"]()
changed = engine.edit(model, record, engine.Edit(prompt="a dog on grass", method=growing))
plain = engine.edit(model, record, engine.Edit(prompt="a dog on grass", method=engine.Plain()))
print(changed.images[0].size, changed.images[0].tobytes() != plain.images[0].tobytes())
"""


def test_an_installed_package_adds_to_the_engine(tmp_path: Path) -> None:
    done = python(install(tmp_path), EDIT)
    assert done.stdout == "(64, 64) True\n", done.stderr


def test_a_package_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    done = python(install(tmp_path, method="import no_such_module"), "import engine; list(engine.METHODS)")
    assert "BrokenPlugin: the package outside cannot be used" in done.stderr
    assert "no_such_module" in done.stderr


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment of the served processes, with the package in it."""
    path = [str(install(folder / "site")), environment.get("PYTHONPATH", "")]
    return {**environment, "PYTHONPATH": ":".join(filter(None, path))}


def test_it_is_served(serving: tuple[subprocess.Popen[str], str]) -> None:
    _, url = serving
    with httpx2.Client(base_url=url, trust_env=False, timeout=120) as client:
        methods = {method["name"]: method for method in client.get("/methods").json()}
        assert methods["growing"]["summary"] == "Guidance that grows over the run."
        assert methods["noised"]["kind"] == "invert"
        wait = {"Prefer": "wait=60"}
        picture = (ROOT / "examples" / "cat.png").read_bytes()
        about = {"prompt": "a cat on grass", "method": "noised", "steps": "4"}
        job = client.post("/invert", files={"image": picture}, data=about, headers=wait).json()
        assert job["status"] == "succeeded", job
        asked = {"image_id": job["image_id"], "prompt": "a dog on grass", "method": "growing"}
        edit = client.post("/edit", json=asked, headers=wait).json()
        assert edit["status"] == "succeeded", edit
        refused = client.post("/edit", json={**asked, "inversion": {"method": "encode"}})
        assert (refused.status_code, refused.json()["code"]) == (422, "incompatible_inversion")
