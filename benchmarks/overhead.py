"""``python -m benchmarks.overhead``: what the service costs on top of the engine's call.

Starts the whole service in processes of its own, inverts one scene and edits it again and again, from a
cached source, with few steps. *On top* is what passes between a client's request and its answer less what the
worker spent in the engine: HTTP, checks, queue, metrics, storing. Then many clients ask at once, and none may
lose a job.
"""

import base64
import io
import json as json_module
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from api_schemas import EditResult, InvertResult, Job, JobStatus
from miniature.pairs import Pair, held_out_pairs
from miniature.printing import open_console

_WAIT_S = 60
_WARM_UP = 20
_BARS = {"on top": (8.0, 25.0)}


@dataclass(frozen=True, kw_only=True)
class Served:
    """One edit as its client saw it; milliseconds."""

    total: float
    engine: float
    queued: float
    source: float
    save: float
    url: str

    @property
    def parts(self) -> dict[str, float]:
        """Where the time went; `the rest` is HTTP, checks and Redis."""
        on_top = self.total - self.engine
        known = {"queued": self.queued, "source": self.source, "save": self.save}
        return {
            "total": self.total,
            "engine": self.engine,
            "on top": on_top,
            **known,
            "the rest": on_top - sum(known.values()),
        }


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`pentimento serve` on a free port, and its URL."""
    environment = {**os.environ, "PENTIMENTO_HOME": str(folder), "NO_COLOR": "1"}
    # Many clients of one tenant ask as fast as they can, which is what the limit is there to refuse.
    environment["PENTIMENTO_RATE_LIMIT"] = "1000000"
    command = [sys.executable, "-m", "pentimento", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            if found is None:
                raise RuntimeError(f"the service did not start: {line}")
            yield found[0]
        finally:
            process.terminate()
            process.wait(60)


class Client:
    """One connection to the service, kept open; the standard library's, which adds next to no time itself."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=2 * _WAIT_S)

    def inverted(self, pair: Pair, steps: int) -> str:
        """The id of a scene that is ready to be edited."""
        png = io.BytesIO()
        pair.image.save(png, "PNG")
        image = base64.b64encode(png.getvalue()).decode()
        body = {"prompt": pair.source.caption, "steps": steps, "image": image}
        result = _ended(self._post("/invert", body)).result
        assert isinstance(result, InvertResult)
        return result.image_id

    def edited(self, image: str, prompt: str) -> Served:
        """One edit, waited for."""
        began = perf_counter()
        answer = self._post("/edit", {"image_id": image, "prompt": prompt})
        total = perf_counter() - began
        job = _ended(answer)
        assert isinstance(job.result, EditResult)
        took = job.result.timings
        parts = (total, took.edit, took.queued, took.source, took.save)
        milliseconds = (1000 * seconds for seconds in parts)
        names = ("total", "engine", "queued", "source", "save")
        return Served(**dict(zip(names, milliseconds, strict=True)), url=job.result.images[0].url)

    def _post(self, path: str, body: dict[str, object]) -> bytes:
        headers = {"Content-Type": "application/json", "Prefer": f"wait={_WAIT_S}"}
        self._connection.request("POST", path, json_module.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text.decode()}")
        return text


def _ended(answer: bytes) -> Job:
    job = Job.model_validate_json(answer)
    if job.status is not JobStatus.SUCCEEDED:
        raise RuntimeError(f"the job {job.status}: {job.error}")
    return job


def measure(
    url: str, pair: Pair, *, steps: int, jobs: int, clients: int
) -> tuple[list[Served], list[Served], float]:
    """Edits one after the other; edits by so many clients at once; and the seconds that these took."""
    one = Client(url)
    image, prompt = one.inverted(pair, steps), pair.target.caption
    for _ in range(_WARM_UP):
        one.edited(image, prompt)
    alone = [one.edited(image, prompt) for _ in range(jobs)]

    def work(client: Client) -> list[Served]:
        return [client.edited(image, prompt) for _ in range(max(1, jobs // clients))]

    with ThreadPoolExecutor(clients) as threads:
        began = perf_counter()
        together = [
            served for each in threads.map(work, [Client(url) for _ in range(clients)]) for served in each
        ]
    return alone, together, perf_counter() - began


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th percentile."""
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def main(
    jobs: Annotated[int, typer.Option(min=2, help="Edits of either kind.")] = 320,
    clients: Annotated[int, typer.Option(min=1, help="How many ask at once.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Steps of an edit: few, for a small job.")] = 2,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Print what the service costs, and fail if a job was lost or two pictures of one edit differ."""
    (pair,) = held_out_pairs("object", 1)
    with tempfile.TemporaryDirectory(prefix="pen-") as folder, serving(Path(folder)) as url:
        alone, together, seconds = measure(url, pair, steps=steps, jobs=jobs, clients=clients)
    figures = {name: percentiles([one.parts[name] for one in alone]) for name in alone[0].parts}
    table = Table(title=f"{len(alone)} edits of {steps} steps, one after the other; milliseconds")
    for head in ("", "p50", "p99", "bar"):
        table.add_column(head, justify="left" if not head else "right")
    for name, (middle, worst) in figures.items():
        bar = " / ".join(f"{value:g}" for value in _BARS.get(name, ()))
        table.add_row(name, f"{middle:.1f}", f"{worst:.1f}", bar)
    console = open_console()
    console.print(table)
    console.print(
        f"{clients} clients at once: {len(together)} edits in {seconds:.1f} s, "
        f"{1000 * seconds / len(together):.1f} ms each, none lost"
    )
    if json:
        rows = {"alone": [asdict(one) for one in alone], "together": [asdict(one) for one in together]}
        json.write_text(json_module.dumps({"percentiles": figures, "seconds": seconds, **rows}, indent=1))
    if len({one.url for one in (*alone, *together)}) != 1:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
