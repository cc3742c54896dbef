"""The report: what was done, its tables, and the median and the worst picture of every way to edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

import engine
from benchmarks.quality.cases import LOCAL_BLEND, METHODS, Case
from benchmarks.quality.ledger import CEILING, Ledger, Row
from benchmarks.quality.tables import WAYS, lines, markdown
from miniature.pairs import KINDS
from parameters import EDITS, resolved

_ZOOM = 3
_TEXT = """# Quality of edits

Measured by `python -m benchmarks.quality` on the miniature (weights `{revision}`): {pairs} edits of held-out
scenes, seeds from 1,000,000 on, over four kinds; {steps} steps, guidance {guidance:g}. A rendered scene knows
its own true edit, and exactly which pixels had to change.

- *reconstruction*: the source's own row of the edit against the source, guided as the edit is
- *outside*: the edit against the source, over the pixels that did not have to change (few or none
  for a change of style)
- *to the truth*: the edit against the true edit
- *recognised*: the miniature's judge sees in the edit the attribute that was asked for
- *autoencoder alone*: the same figures for the true edit, encoded and decoded; no edit of a latent comes
  closer to the truth, but one confined in the picture too may change less outside
- seconds: of processor time, of all threads together; `python -m benchmarks.stylediffusion` measures speed

LocalBlend, the same for all rows:

{blend}

Every other parameter is at its default. These were chosen with `python -m benchmarks.taus` on other scenes,
from seed 2,000,000 on: of 24 edits (12 for `blend_threshold`) the settings that were recognised most, and of
near equals the one that kept most outside the mask; `tau_u` is the published one:

{defaults}

## All kinds

{overall}

Why the published inversion edits worst, though it reconstructs well:
[decision 5](adr/0005-two-ways-to-learn-a-style.md).
{common}{by_kind}
## Pictures

Of every row the median and the worst edit by distance to the truth; each shows source, true edit, result.

{gallery}
"""


def write(models: engine.Backbone, cases: Sequence[Case], ledger: Ledger, file: Path, steps: int) -> None:
    """Write the report of what a ledger holds of these cases, and its pictures beside it."""
    numbers = {case.number: case for case in cases}
    rows = [row for row in ledger.rows() if row.number in numbers]
    images = file.parent / "images" / "quality"
    images.mkdir(parents=True, exist_ok=True)
    file.write_text(
        _TEXT.format(
            revision=models.revision[:12],
            pairs=len({row.number for row in rows}),
            steps=steps,
            guidance=models.spec.guidance_scale,
            blend="\n".join(f"- {kind}: {how}" for kind, how in LOCAL_BLEND.items()),
            defaults="\n".join(_defaults(models)),
            overall=markdown(lines(rows)),
            common=_common(rows),
            by_kind="".join(f"\n## {kind.capitalize()}\n\n{markdown(lines(rows, kind))}\n" for kind in KINDS),
            gallery="\n\n".join(_gallery(rows, numbers, ledger, images)),
        )
    )


def _common(rows: Sequence[Row]) -> str:
    """The same table over the edits that every way was tried on, where these are not all."""
    tried = [{row.number for row in rows if (row.inverter, row.method) == way} for way in WAYS]
    shared = set.intersection(*tried)
    if not shared or shared == set.union(*tried):
        return ""
    some = [row for row in rows if row.number in shared]
    return f"\n## The {len(shared)} edits tried in every way\n\n{markdown(lines(some))}\n"


def _defaults(models: engine.Backbone) -> Iterator[str]:
    for name in METHODS:
        params = resolved(EDITS[name](), models.spec.defaults_of(name))
        shown = {field: value for field, value in params if field.startswith("tau_")}
        values = [f"{field} {value:g}" for field, value in shown.items()]
        yield f"- {name}: {', '.join((*values, f'blend_threshold {models.spec.blend_threshold:g}'))}"


def _gallery(rows: Sequence[Row], cases: dict[int, Case], ledger: Ledger, images: Path) -> list[str]:
    shown = []
    for inverter, method in WAYS:
        some = [row for row in rows if (row.inverter, row.method) == (inverter, method) != (CEILING, CEILING)]
        ranked = sorted(some, key=lambda row: (row.measures.truth, row.number))
        for rank, place in ("median", len(ranked) // 2), ("worst", 0):
            if ranked:
                row = ranked[place]
                name = f"{inverter}-{method}-{rank}.png"
                strip(cases[row.number], ledger.picture(row)).save(images / name, optimize=True)
                shown.append(_caption(row, cases[row.number], rank, name))
    return shown


def _caption(row: Row, case: Case, rank: str, name: str) -> str:
    prompts = f"*{case.pair.source.caption}* to *{case.pair.target.caption}*"
    head = f"**{row.inverter}, {row.method}, {rank}** ({row.measures.truth:.1f} dB; {row.kind}): {prompts}"
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
