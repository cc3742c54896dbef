"""The public architectures at their full size, with random weights, once through the service."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import diffusers
import httpx2
import pytest
import torch
import transformers

from engine import checkpoints
from engine.memory import free_bytes

pytestmark = pytest.mark.slow

PICTURE = Path(__file__).parents[1] / "examples" / "cat.png"
KINDS = {
    "unet": diffusers.UNet2DConditionModel,
    "vae": diffusers.AutoencoderKL,
    "text_encoder": transformers.CLIPTextModel,
    "text_encoder_2": transformers.CLIPTextModelWithProjection,
}
NEEDED_GB = {("sd1", "auto"): 8, ("sdxl", "bfloat16"): 15, ("sdxl", "auto"): 24}


def save(family: str, folder: Path) -> Path:
    """Write it as a diffusers folder in float16."""
    given = Path(checkpoints.__file__).parent / family
    torch.manual_seed(0)
    for part in sorted(path.name for path in given.iterdir()):
        if part == "scheduler":
            diffusers.DDIMScheduler.from_pretrained(given / part).save_pretrained(folder / part)
            continue
        kind: Any = KINDS[part]
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float16)
        if hasattr(kind, "load_config"):
            network = kind.from_config(kind.load_config(given / part))
        else:
            network = kind(kind.config_class.from_pretrained(given / part))
            config = json.loads((given / part / "config.json").read_text())
            tokenizer = checkpoints.clip_tokenizer(transformers.CLIPTokenizer, config)
            tokenizer.save_pretrained(folder / part.replace("text_encoder", "tokenizer"))
        torch.set_default_dtype(before)
        network.save_pretrained(folder / part, variant="fp16")
    return folder


@pytest.fixture(scope="module", params=NEEDED_GB, ids="-".join)
def architecture(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A family, and the dtype that it is served in."""
    family, dtype = request.param
    if free_bytes(torch.device("cpu")) < NEEDED_GB[family, dtype] * 1e9:
        pytest.skip(f"{family} in {dtype} takes {NEEDED_GB[family, dtype]} GB of memory")
    return family, dtype


@pytest.fixture(scope="module")
def environment(architecture: tuple[str, str], environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment of processes that serve the architecture."""
    family, dtype = architecture
    model = save(family, folder / family)
    served = {"PENTIMENTO_MODEL": str(model), "PENTIMENTO_DTYPE": dtype, "PENTIMENTO_STEP_DEADLINE_S": "3000"}
    return {**environment, **served}


def test_a_full_architecture_inverts_and_edits_a_picture(
    serving: tuple[Any, str], architecture: tuple[str, str]
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
