"""Parameters of an installed package, as the service and the command line offer them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

MODULE = """
from parameters import EditParameters, Window

class Sketch(EditParameters):
    '''Sketch: an edit from outside.'''

    name = "sketch"
    needs = frozenset({"lines"})
    tau_k: Window = 0.25
"""
ASKING = """
from api_schemas import EditRequest, InvertOptions
from service import checks
from service.errors import ServiceError
from typer.testing import CliRunner
from pentimento.cli import app

asked = {"image_id": "img_" + "a" * 26, "prompt": "a dog", "method": "sketch", "params": {"tau_k": [0, 0.5]}}
request = EditRequest.model_validate(asked)
assert request.params.tau_k == (0, 0.5)
assert "sketch" in EditRequest.model_json_schema()["properties"]["method"]["enum"]
try:
    checks.check_edit(InvertOptions(prompt="a cat"), request, None)
except ServiceError as error:
    assert error.problem.code == "incompatible_inversion", error
else:
    raise AssertionError("direct gives no lines")
shown = CliRunner().invoke(app, ["edit", "--help"]).stdout
assert "--tau-k" in shown, shown
print("found")
"""


@pytest.mark.parametrize(
    ("module", "status", "said"),
    [(MODULE, 0, "found"), ("import nowhere_to_be_found", 1, "package sketches cannot be used")],
)
def test_the_parameters_of_an_installed_package_are_offered(
    tmp_path: Path, module: str, status: int, said: str
) -> None:
    (tmp_path / "outside_sketch.py").write_text(module)
    info = tmp_path / "sketches-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sketches\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pentimento.parameters]\nsketch = outside_sketch:Sketch\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    ran = subprocess.run(
        [sys.executable, "-c", ASKING], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == status, ran.stderr
    assert said in ran.stdout + ran.stderr
