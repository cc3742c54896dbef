"""Clients that others wrote, or generate from the description, at work against the running service."""

import base64
import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image
from ruff import find_ruff_bin

from miniature import WEIGHTS
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge

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


@pytest.fixture(scope="module")
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as client:
        yield client


def picture(made: str | None) -> Image.Image:
    assert made is not None
    return Image.open(io.BytesIO(base64.b64decode(made)))


@pytest.mark.slow
def test_openais_client_edits_a_picture_without_a_word_about_it(openai_client: openai.OpenAI) -> None:
    answer = openai_client.images.edit(image=CAT, prompt="a fox on grass", size="64x64")
    assert answer.data is not None
    made = picture(answer.data[0].b64_json)
    assert (made.format, made.size) == ("PNG", (64, 64))
    assert judge(load_judge(WEIGHTS), [made.convert("RGB")])[0].objects[0] == "fox"


@pytest.mark.slow
def test_openais_client_has_pictures_painted(openai_client: openai.OpenAI, url: str) -> None:
    answer = openai_client.images.generate(
        prompt="a cat on grass", n=2, size="64x48", output_format="webp", output_compression=80
    )
    assert answer.data is not None
    made = [picture(each.b64_json) for each in answer.data]
    assert [(each.format, each.size) for each in made] == [("WEBP", (64, 48))] * 2
    assert made[0].tobytes() != made[1].tobytes()
    named = openai_client.images.generate(prompt="a cat on grass", size="64x48", response_format="url")
    assert named.data is not None
    assert named.data[0].url is not None
    fetched = httpx2.get(named.data[0].url, trust_env=False)
    assert Image.open(io.BytesIO(fetched.content)).size == (64, 48)


@pytest.mark.slow
def test_types_for_typescript_are_generated_and_told_apart_by_method(described: Path, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    place = folder / "typescript"
    place.mkdir()
    packages = ("openapi-typescript@7", "typescript@5")
    subprocess.run([npm, "install", "--no-audit", "--no-fund", *packages], cwd=place, check=True)
    programs = place / "node_modules" / ".bin"
    options = ("--default-non-nullable", "false")  # a field with a default may be left out
    assert "arning" not in run(programs / "openapi-typescript", described, *options, "-o", place / "api.ts")
    (place / "use.ts").write_text(
        'import type { components } from "./api";\n'
        'type Edit = components["schemas"]["EditRequest"];\n'
        'const asked = { image_id: "img_x", prompt: "a dog" };\n'
        'export const right: Edit = { ...asked, method: "pnp", params: { tau_f: 0.5 } };\n'
        "// @ts-expect-error: plain has no tau_f\n"
        'export const wrong: Edit = { ...asked, method: "plain", params: { tau_f: 0.5 } };\n'
    )
    run(programs / "tsc", "--noEmit", "--strict", place / "use.ts")
