"""``python -m miniature.compare FOLDER``: a package against another, by what they paint from the same noise.

Held-out captions of the plain world and of every layout of the wider one are painted by both in turns and
judged; each difference has a bootstrap confidence interval over the captions, by pairs.
"""

import json as json_module
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Final

import numpy as np
import typer
from rich.progress import track
from rich.table import Table

from miniature import WEIGHTS
from miniature.evaluate import BATCH, held_out, paint, pipeline_of
from miniature.intervals import bootstrapped
from miniature.printing import open_console
from miniature.recipe import judge, wide_judge
from miniature.recipe.data import HELD_OUT
from miniature.recipe.package import load_judge
from miniature.scenes import Scene
from miniature.wider import LAYOUTS, sample_wide

PLAIN: Final = "plain"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How often two packages show one attribute of one kind of scene, in percent, over the same captions."""

    scenes: str
    attribute: str
    captions: int
    before: float
    after: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Better or worse where the interval of the difference leaves 0 out."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else ""


def difference(scenes: str, attribute: str, before: Sequence[bool], after: Sequence[bool]) -> Difference:
    """The difference of paired verdicts with its 95 % bootstrap interval."""
    pairs = 100 * (np.array(after, dtype=float) - np.array(before, dtype=float))
    _, low, high = bootstrapped(pairs)
    return Difference(
        scenes=scenes,
        attribute=attribute,
        captions=len(pairs),
        before=100 * fmean(before),
        after=100 * fmean(after),
        low=low,
        high=high,
    )


def sets(plain: int, each: int) -> Iterator[tuple[str, list[Scene]]]:
    """Held-out scenes of the plain world and of every layout of the wider one."""
    yield PLAIN, held_out(plain)
    for layout in LAYOUTS:
        yield layout, [sample_wide(seed, layout) for seed in range(HELD_OUT, HELD_OUT + each)]


def compared(old: Path, new: Path, plain: int, each: int, steps: int) -> Iterator[Difference]:
    """Every attribute of every set; the plain one by the judge of ``old``, the others by the wider one's."""
    critic, wide_critic = load_judge(old), wide_judge.load(old)
    pipelines = (pipeline_of(old), pipeline_of(new))
    for name, scenes in sets(plain, each):
        seen: dict[str, tuple[list[bool], list[bool]]] = defaultdict(lambda: ([], []))
        for start in track(range(0, len(scenes), BATCH), name):
            some = scenes[start : start + BATCH]
            for side, pipeline in enumerate(pipelines):
                images = paint(pipeline, [scene.caption for scene in some], start, steps)
                verdicts: Sequence[judge.Verdict | wide_judge.Verdict] = (
                    judge.judge(critic, images) if name == PLAIN else wide_judge.verdicts(wide_critic, images)
                )
                for verdict, scene in zip(verdicts, some, strict=True):
                    for attribute, right in verdict.shows(scene).items():
                        seen[attribute][side].append(right)
        for attribute, (before, after) in seen.items():
            yield difference(name, attribute, before, after)


def table(rows: Sequence[Difference]) -> Table:
    """The differences, printed."""
    heads = ("scenes", "shows", "captions", "before, %", "after, %", "difference", "95 %", "")
    result = Table(*heads, title="painted from held-out captions")
    for row in rows:
        result.add_row(
            row.scenes,
            row.attribute,
            str(row.captions),
            f"{row.before:.1f}",
            f"{row.after:.1f}",
            f"{row.after - row.before:+.1f}",
            f"{row.low:+.1f} to {row.high:+.1f}",
            row.verdict,
        )
    return result


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The package to compare.")],
    against: Annotated[Path, typer.Option(help="The package to compare with; its judges judge.")] = WEIGHTS,
    plain: Annotated[int, typer.Option(help="Captions of the plain world.")] = 200,
    each: Annotated[int, typer.Option(help="Captions of every layout of the wider world.")] = 40,
    steps: Annotated[int, typer.Option(help="Steps of every picture.")] = 20,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Print one table."""
    rows = list(compared(against, folder, plain, each, steps))
    open_console().print(table(rows))
    if json:
        facts = [asdict(row) | {"verdict": row.verdict} for row in rows]
        json.write_text(json_module.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
