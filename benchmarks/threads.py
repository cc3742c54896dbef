"""``python -m benchmarks.threads``: what threads that wait cost on a CPU that is not one's own.

Between two parts of a call the threads of torch spin, in case the next part comes at once. A thread that
spins keeps its core from whoever has work: from another worker, or from any other program. The settings are
those of libgomp: how long to spin, or one thread alone, which never waits.
"""

import json as json_module
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Final

import torch
import typer
from rich.table import Table

import engine
from engine.conditioning import Conditioning
from miniature.printing import open_console

_ROWS: Final = 4
_SETTINGS: Final = {
    "as they are": {},
    **{f"spin {count}": {"GOMP_SPINCOUNT": str(count)} for count in (1000, 2000, 5000)},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
_BESIDE: Final = ("nothing", "another worker", "a busy program")
_MEASURE: Final = "import sys; from benchmarks.threads import call_ms; print(call_ms(float(sys.argv[1])))"
_BUSY: Final = "while True: pass"


@torch.inference_mode()
def call_ms(seconds: float) -> float:
    """The median milliseconds of a U-Net call of 4 rows, called for so many seconds."""
    models = engine.load("miniature")
    config, level = models.network.config, models.schedule(1).levels[1]
    latent = torch.zeros(_ROWS, config.in_channels, config.sample_size, config.sample_size)
    context = torch.zeros(_ROWS, models.token_limit, config.cross_attention_dim)
    text = Conditioning(keys=("",) * _ROWS, context=context)
    models.predict(latent, level, text)
    took: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end:
        began = perf_counter()
        models.predict(latent, level, text)
        took.append(1000 * (perf_counter() - began))
    return median(took)


def measured(setting: dict[str, str], beside: str, seconds: float) -> float:
    """`call_ms` of a process with this setting beside that."""
    environment = {**os.environ, **setting}
    command = [sys.executable, "-c", _MEASURE, str(seconds)]
    companion = {"another worker": command, "a busy program": [sys.executable, "-c", _BUSY]}.get(beside)
    with ExitStack() as stack:
        if companion:
            other = stack.enter_context(
                subprocess.Popen(companion, env=environment, stdout=subprocess.DEVNULL)
            )
            stack.callback(other.kill)
        said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(said)


def main(
    seconds: Annotated[float, typer.Option(help="How long each is measured.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="How often; settings take turns.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Print how long a call takes in every setting, beside everything."""
    found: dict[str, dict[str, list[float]]] = {name: {each: [] for each in _BESIDE} for name in _SETTINGS}
    for _ in range(repeats):
        for beside in _BESIDE:
            for name, setting in _SETTINGS.items():
                found[name][beside].append(measured(setting, beside, seconds))
    table = Table(title=f"milliseconds of a U-Net call of {_ROWS} rows, on {os.cpu_count()} cores, beside")
    table.add_column("threads")
    for beside in _BESIDE:
        table.add_column(beside, justify="right")
    for name, times in found.items():
        table.add_row(name, *(f"{median(times[beside]):.0f}" for beside in _BESIDE))
    open_console().print(table)
    if json:
        json.write_text(json_module.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
