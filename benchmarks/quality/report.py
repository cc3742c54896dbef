"""The report: what was done, its tables, what `auto` chooses, and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

import engine
from benchmarks.quality.cases import Case
from benchmarks.quality.ledger import Ledger, Row
from benchmarks.quality.rows import AUTO, MASKS_IN_WORDS, rows
from benchmarks.quality.tables import current, lines, markdown
from miniature.pairs import KINDS
from parameters import Kind, Recipe
from parameters.auto import USUAL

_ZOOM = 3
_SHOWN = 8
_TEXT = """# Quality of edits

Measured by `python -m benchmarks.quality` on the miniature (weights `{revision}`): {count} edits of held-out
scenes, seeds from 1,000,000 on, over four kinds; {steps} steps, guidance {guidance:g} unless a row says
otherwise. A rendered scene knows its own true edit, and exactly which pixels had to change.

What is measured is what the service answers with by default: where a mask confines the edit, the picture that
was sent with the edit's change applied to it (`"resolution": "source"`), else the model's picture.

- *recognised*: the miniature's judge sees in the answer the attribute that was asked for
- *outside*: the answer against the source, over the pixels that did not have to change (few or none
  for a change of style)
- *to the truth*: the answer against the true edit
- *model's own*: the same of the picture that the model decodes (`"resolution": "model"`), as papers measure
  it; the autoencoder alone bounds it
- *reconstruction*: the source's own row of the edit against the source
- in brackets: 95 % intervals, by bootstrap over the edits
- seconds of processor time; rows through the U-Net of the inversion and of the edit. What several edits of
  one picture share is computed once

Every row sends what a user can send who has only the two prompts. Where an edit may change the picture is
found from them, by the same reading as `auto`'s:

{masks}

## All kinds

{overall}

Why the published StyleDiffusion, which takes 70 s an image, is not among them:
[decision 5](adr/0005-two-ways-to-learn-a-style.md).
{by_kind}
## What `auto` chooses

By `python -m benchmarks.auto`, on other scenes: of the candidates that are right nearly as often as any, the
one nearest to the truth. An edit is right if the judge recognises it and if it is more than half of the way
from the source to the truth, over the pixels that had to change; the judge alone takes a purple balloon for a
red one.

{recipes}

## Pictures

Edits by `auto`, from the best to the worst by distance to the truth; each shows source, true edit, result.

{gallery}
"""


def write(models: engine.Backbone, cases: Sequence[Case], ledger: Ledger, file: Path, steps: int) -> None:
    """Write the report of what a ledger holds of these cases, and its pictures beside it."""
    numbers = {case.number: case for case in cases}
    some = current([row for row in ledger.rows() if row.number in numbers])
    images = file.parent / "images" / "quality"
    images.mkdir(parents=True, exist_ok=True)
    by_kind = (f"\n## {kind.capitalize()}\n\n{markdown(lines(some, kind))}\n" for kind in KINDS)
    file.write_text(
        _TEXT.format(
            revision=models.revision[:12],
            count=len({row.number for row in some}),
            steps=steps,
            guidance=models.spec.guidance_scale,
            masks="\n".join(f"- {kind}: {how}" for kind, how in MASKS_IN_WORDS.items()),
            overall=markdown(lines(some)),
            by_kind="".join(by_kind),
            recipes="\n".join(_recipes()),
            gallery="\n\n".join(_gallery(some, numbers, ledger, images)),
        )
    )


def _recipes() -> Iterator[str]:
    """A table of what `auto` chooses for each kind of change."""
    yield "| change | inversion | method | parameters | guidance | mask | why |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for kind, recipe in rows()[AUTO].items():
        yield f"| {' | '.join((Kind(kind).value, *_cells(recipe)))} |"


def _cells(recipe: Recipe) -> Iterator[str]:
    yield recipe.inversion or USUAL
    yield recipe.method
    yield ", ".join(f"{name} {value}" for name, value in recipe.params.items())
    yield "" if recipe.guidance_scale is None else f"{recipe.guidance_scale:g}"
    yield recipe.mask or ""
    yield recipe.because.rstrip(".")


def _gallery(some: Sequence[Row], cases: dict[int, Case], ledger: Ledger, images: Path) -> list[str]:
    """Evenly chosen edits by `auto`, and no other pictures in the folder."""
    for old in images.glob("*.png"):
        old.unlink()
    ranked = sorted(
        (row for row in some if row.name == AUTO), key=lambda row: (-row.measures.truth, row.number)
    )
    if not ranked:
        return []
    places = sorted({round(at * (len(ranked) - 1) / (_SHOWN - 1)) for at in range(_SHOWN)})
    shown = []
    for row in (ranked[place] for place in places):
        case, name = cases[row.number], f"{AUTO}-{row.number:04d}.png"
        strip(case, ledger.picture(row)).save(images / name, optimize=True)
        shown.append(_caption(row, case, name))
    return shown


def _caption(row: Row, case: Case, name: str) -> str:
    prompts = f"*{case.pair.source.caption}* to *{case.pair.target.caption}*"
    seen = "recognised" if row.measures.recognised else "not recognised"
    head = f"**{row.kind}** ({row.measures.truth:.1f} dB, {seen}): {prompts}"
    return f"{head}\n\n![source, true edit, result](images/quality/{name})"


def strip(case: Case, result: Path) -> Image.Image:
    """Source, true edit and result side by side, enlarged."""
    with Image.open(result) as opened:
        pictures = case.pair.image, case.pair.truth, opened.convert("RGB")
    width, height = pictures[0].size
    sheet = Image.new("RGB", (3 * width, height), "white")
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place * width, 0))
    return sheet.resize((sheet.width * _ZOOM, sheet.height * _ZOOM), Image.Resampling.NEAREST)
