"""Clients that others wrote, or generate from the description, at work against the running service."""

import importlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from PIL import Image
from ruff import find_ruff_bin

CAT = Path(__file__).parent.parent / "examples" / "cat.png"


@pytest.fixture(scope="module")
def url(serving: tuple[subprocess.Popen[str], str]) -> str:
    return serving[1]


@pytest.fixture(scope="module")
def described(url: str, folder: Path) -> Path:
    """The description of the running service in a file."""
    path = folder / "openapi.json"
    path.write_bytes(httpx2.get(f"{url}/openapi.json", trust_env=False).content)
    return path


def run(*command: str | Path) -> str:
    """What a command printed, to either stream; it must succeed."""
    found = {**os.environ, "PATH": f"{Path(find_ruff_bin()).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=found)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def generated(described: Path, folder: Path) -> Iterator[Any]:
    """The modules of a client that openapi-python-client makes without a warning."""
    program = "from openapi_python_client.cli import app; app()"
    options = ("generate", "--path", described, "--output-path", folder / "made", "--meta", "none")
    assert "arning" not in run(sys.executable, "-c", program, *options, "--fail-on-warning")
    (folder / "made").rename(folder / "pentimento_made")
    sys.path.insert(0, str(folder))
    names = ("client", "models", "types", "api.jobs.edit", "api.jobs.invert", "api.images.result")
    yield SimpleNamespace(
        **{name.rpartition(".")[2]: importlib.import_module(f"pentimento_made.{name}") for name in names}
    )
    sys.path.remove(str(folder))


def test_a_generated_client_is_typed_and_runs_an_edit(generated: Any, url: str) -> None:
    models = generated.models
    with generated.client.Client(base_url=url, timeout=60) as client:
        cat = generated.types.File(payload=io.BytesIO(CAT.read_bytes()), file_name="cat.png")
        form = models.InvertFilesBody(image=cat, prompt="a cat on grass", steps=4)
        accepted = generated.invert.sync(client=client, body=form)
        assert isinstance(accepted, models.Accepted)
        words = models.P2PlusReweight.from_dict({"dog": 1.5})
        asked = models.EditRequestP2Plus(
            method="p2plus",
            image_id=accepted.image_id,
            prompt="a dog on grass",
            params=models.P2Plus(tau_u=0.5, tau_s=[0.1, 0.6], reweight=words),
        )
        job = generated.edit.sync(client=client, body=asked, prefer="wait=60")
        assert isinstance(job, models.Job)
        assert isinstance(job.result, models.EditResult)
        assert (job.job_id, job.progress.percent) == (job.id, 100)
        digest = Path(job.result.images[0].url).name
        answer = generated.result.sync_detailed(job.image_id, digest, client=client)
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (64, 64)
        refused = generated.edit.sync(
            client=client, body=models.EditRequestPlain(method="plain", image_id=accepted.image_id)
        )
        assert isinstance(refused, models.Problem)
        assert refused.code is models.ErrorCode.VALIDATION_ERROR


def test_pydantic_models_are_generated_without_a_warning(described: Path, folder: Path) -> None:
    made = folder / "models.py"
    options = ("--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel")
    style = ("--formatters", "builtin", "--use-annotated", "--input", described, "--output", made)
    said = run(sys.executable, "-W", "error", "-m", "datamodel_code_generator", *options, *style)
    assert said == ""
    spec = spec_from_file_location("made_models", made)
    assert spec is not None
    assert spec.loader is not None
    models = module_from_spec(spec)
    sys.modules["made_models"] = models
    spec.loader.exec_module(models)
    fields = {"image_id": "img_" + "a" * 26, "prompt": "a dog", "method": "pnp", "params": {"tau_f": 0.5}}
    assert type(models.EditRequest.model_validate(fields).root) is models.EditRequestPlugAndPlay
