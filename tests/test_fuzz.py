"""Whatever is sent to it, the service says only what its description says, and never fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from api_schemas import EditResult, Job

CAT = Path(__file__).parent.parent / "examples" / "cat.png"
# What a schema cannot say: whether bytes are a picture, whether words are in a prompt.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "415", "422", "429"]
"""


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    """As many requests as it takes."""
    more = {"PENTIMENTO_HOME": str(folder / "home"), "PENTIMENTO_RATE_LIMIT": "1000000", "NO_COLOR": "1"}
    return {**os.environ, **more}


@pytest.fixture(scope="module")
def known(serving: tuple[subprocess.Popen[str], str]) -> dict[str, str]:
    """The path parameters of things that are there."""
    with httpx2.Client(
        base_url=serving[1], timeout=90, headers={"Prefer": "wait=60"}, trust_env=False
    ) as http:
        form = {"prompt": "a cat on grass", "steps": "2"}
        inverted = http.post("/invert", data=form, files={"image": CAT.read_bytes()})
        image = Job.model_validate_json(inverted.content).image_id
        edited = http.post("/edit", json={"image_id": image, "prompt": "a dog on grass"})
        job = Job.model_validate_json(edited.content)
    assert isinstance(job.result, EditResult)
    assert job.result.inversion is not None
    digest, record = Path(job.result.images[0].url).stem, job.result.inversion.id
    return {"image_id": image, "job_id": job.id, "record_id": record, "digest": digest}


def fuzzed(url: str, folder: Path, *options: str, config: str = CONFIG) -> int:
    """How many requests passed all checks; every one that did not fails."""
    file, report = folder / "schemathesis.toml", folder / "report.json"
    file.write_text(config)
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(file), "run"]
    always = ["--checks", "all", "--seed", "1", "--report", "json", "--report-json-path", str(report)]
    always += ["--request-timeout", "90", "--max-response-time", "90"]  # `Prefer` may ask to wait for 60 s
    done = subprocess.run(
        [*command, f"{url}/openapi.json", *always, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    cases = json.loads(report.read_text())["test_cases"]
    assert cases["with_failures"] == cases["errored"] == 0
    return int(cases["generated"])


def fixed(known: dict[str, str]) -> str:
    """The same, and path parameters that name what is there."""
    return (
        CONFIG + "[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items())
    )


def test_five_hundred_examples(serving: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    assert fuzzed(serving[1], tmp_path, "-n", "10") >= 500


@pytest.mark.slow
def test_two_thousand_examples(
    serving: tuple[subprocess.Popen[str], str], known: dict[str, str], tmp_path: Path
) -> None:
    kept = ("--exclude-method", "DELETE", "--phases", "examples,coverage,fuzzing")
    there = fuzzed(serving[1], tmp_path, *kept, "-n", "100", config=fixed(known))
    assert there + fuzzed(serving[1], tmp_path, "-n", "100") >= 2000
