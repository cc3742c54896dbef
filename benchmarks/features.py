"""``python -m benchmarks.features``: calls that a cache of source features saves, by its size.

A picture is edited again and again. The first edit of each round is not counted, since nothing is kept then.
Calls are counted, so the figures are the same on every machine.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from PIL import Image
from rich.table import Table

import engine
from miniature.printing import open_console

_SHARES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.2)
_AGAIN: Final = 3


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What a cache of `share` of what an edit takes saves of the source's calls, `saved` of 1."""

    share: float
    nbytes: int
    saved: float


def savings(
    model: engine.Backbone,
    record: engine.SourceRecord,
    edit: engine.Edit,
    shares: tuple[float, ...] = _SHARES,
) -> list[Saving]:
    """Repeat an edit with caches of these shares of what it takes."""
    plenty = engine.SourceCache(2**40)
    alone = _calls(model, record, edit, plenty)
    beside = _calls(model, record, edit, plenty)
    found = []
    for share in shares:
        cache = engine.SourceCache(int(plenty.nbytes * share))
        _calls(model, record, edit, cache)
        made = sum(_calls(model, record, edit, cache) for _ in range(_AGAIN)) / _AGAIN
        found.append(Saving(share=share, nbytes=cache.max_bytes, saved=(alone - made) / (alone - beside)))
    return found


def _calls(
    model: engine.Backbone, record: engine.SourceRecord, edit: engine.Edit, cache: engine.SourceCache
) -> int:
    rows: list[int] = []
    hook = model.network.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    try:
        engine.edit(model, record, edit, cache=cache)
    finally:
        hook.remove()
    return len(rows)


def main(
    model: Annotated[str, typer.Option(help="A name, a folder or a hub id.")] = "miniature",
    picture: Annotated[Path, typer.Option(help="What is edited.")] = Path("examples/cat.png"),
    steps: Annotated[int, typer.Option(min=1)] = 50,
    inversion: Annotated[str, typer.Option(help="How it is inverted.")] = "aligned",
    prompt: str = "a cat on grass",
    target: str = "a dog on grass",
) -> None:
    """Print a table: bytes given, and the share of the source's calls that are saved."""
    loaded = engine.load(model)
    with Image.open(picture) as image:
        record = engine.invert(loaded, image.convert("RGB"), prompt=prompt, method=inversion, steps=steps)
    table = Table("share of the need", "MiB", "source's calls saved")
    for each in savings(loaded, record, engine.Edit(prompt=target)):
        table.add_row(f"{each.share:.0%}", f"{each.nbytes / 2**20:.1f}", f"{each.saved:.0%}")
    open_console().print(table)


if __name__ == "__main__":
    typer.run(main)
