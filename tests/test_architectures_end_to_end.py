"""The public architectures at their full size, with random weights, once through the service."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch

from benchmarks.gpu.architectures import Size, write
from engine.memory import free_bytes

pytestmark = pytest.mark.slow

PICTURE = Path(__file__).parents[1] / "examples" / "cat.png"
NEEDED_GB = {(Size.SD15, "auto"): 8, (Size.SDXL, "bfloat16"): 15, (Size.SDXL, "auto"): 24}


@pytest.fixture(scope="module", params=NEEDED_GB, ids="-".join)
def architecture(request: pytest.FixtureRequest) -> tuple[Size, str]:
    """A family, and the dtype that it is served in."""
    family, dtype = request.param
    if free_bytes(torch.device("cpu")) < NEEDED_GB[family, dtype] * 1e9:
        pytest.skip(f"{family} in {dtype} takes {NEEDED_GB[family, dtype]} GB of memory")
    return family, dtype


@pytest.fixture(scope="module")
def environment(architecture: tuple[Size, str], environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment of processes that serve the architecture."""
    family, dtype = architecture
    model = write(family, folder / family)
    served = {"PENTIMENTO_MODEL": str(model), "PENTIMENTO_DTYPE": dtype, "PENTIMENTO_STEP_DEADLINE_S": "3000"}
    return {**environment, **served}


def test_a_full_architecture_inverts_and_edits_a_picture(
    serving: tuple[Any, str], architecture: tuple[Size, str]
) -> None:
    process, url = serving
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        (model,) = client.get("/models").json()
        about = {"prompt": "a cat on grass", "steps": "2"}
        sent = client.post("/invert", files={"image": PICTURE.read_bytes()}, data=about).json()
        asked = {"image_id": sent["image_id"], "prompt": "a dog on grass"}
        job = client.post("/edit", json=asked).json()
        while job["status"] in ("queued", "processing"):
            time.sleep(1)
            job = client.get(f"/jobs/{job['job_id']}").json()
    peak = peak_gb(process.pid)
    print(f"{model['family']}, {model['size']} px, {model['dtype']}: {peak:.1f} GB at most")  # noqa: T201
    assert job["status"] == "succeeded", job
    assert peak < NEEDED_GB[architecture]


def peak_gb(parent: int) -> float:
    """The most memory that the worker's process below `parent` ever had."""
    parents, peaks = {}, []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            text, command = status.read_text(), (status.parent / "cmdline").read_text()
            number = int(status.parent.name)
            parents[number] = int(re.findall(r"PPid:\s+(\d+)", text)[0])
            if "workers.process" in command:
                peaks.append((number, int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0])))

    def above(number: int) -> Iterator[int]:
        while number := parents.get(number, 0):
            yield number

    return max(peak for number, peak in peaks if parent in above(number)) * 1024 / 1e9
