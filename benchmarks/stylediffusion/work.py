"""How often each algorithm calls what, and what that comes to on SD-1.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks import plain
from benchmarks.counting import Counts
from benchmarks.stylediffusion.sd15 import Costs
from engine.window import Window

TAU_C, TAU_S, TAU_V = 0.4, 0.6, 0.5


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one job costs in eq, and what the published code was counted to spend, or a good one to need."""

    name: str
    eq: float
    published: float | None = None
    basis: str = ""


def works(costs: Costs, counted: Counts, steps: int = 30) -> list[Work]:
    """All jobs; `counted` is what the default preparation of a picture was seen to ask of the miniature."""
    most = sum(plain.inner_steps(index) for index in range(steps))
    schedule = f"the schedule: {most} inner steps, none ended early"
    same = "the same iterations as counted on the miniature"
    cached = edit(costs, steps, blended=False)
    return [
        Work(name="prepare, plain", eq=plain_preparation(costs, steps), published=5317, basis=schedule),
        Work(name="prepare, faithful", eq=faithful_preparation(costs, steps), basis=schedule),
        Work(name="prepare, default", eq=default_preparation(costs, counted), basis=same),
        Work(name="edit, plain", eq=plain_edit(costs, steps), published=194, basis=f"tau_v {TAU_V:g}"),
        Work(
            name="edit, first of a pinned source",
            eq=cached + costs.decode + steps * costs.forward,
            basis="the source's features in the conditional branch, of every step",
        ),
        Work(name="edit, cached source", eq=cached, published=63, basis=f"{2 * steps} rows, a word swap"),
        Work(
            name="edit, cached source, LocalBlend",
            eq=edit(costs, steps, blended=True),
            basis="and the maps of its layers",
        ),
    ]


def plain_preparation(costs: Costs, steps: int) -> float:
    """N to invert; per inner step a row forward and back; per step 2 unconditional rows and 1 to advance.

    Every conditional row but those of the inversion encodes the picture and runs M_t in every layer, and
    every inner step goes back through all of that.
    """
    inner = sum(plain.inner_steps(index) for index in range(steps))
    inside = costs.cross_layers * (costs.look + costs.map)
    inside_back = costs.cross_layers * (costs.look_backward + costs.map_backward)
    rows = (4 * steps + inner) * costs.forward + inner * costs.backward_all
    return costs.encode + rows + (inner + steps) * inside + inner * inside_back


def faithful_preparation(costs: Costs, steps: int) -> float:
    """The same inner steps on frozen weights, one encode of the picture, one unconditional row per step."""
    inner = sum(plain.inner_steps(index) for index in range(steps))
    rows = (3 * steps + inner) * costs.forward + inner * costs.backward_values
    mapped = (inner + steps) * costs.map + inner * costs.map_backward
    return costs.encode + costs.look + rows + mapped


def default_preparation(costs: Costs, counted: Counts) -> float:
    """What was counted, at SD-1.5's prices; a row that goes back goes to the value input alone."""
    rows = counted.unet_forward * costs.forward + counted.unet_backward * costs.backward_values
    pictures = counted.vision * costs.look + counted.vae_encode * costs.encode
    return rows + pictures + counted.vae_decode * costs.decode


def plain_edit(costs: Costs, steps: int) -> float:
    """N to invert again, 4 rows per step, an encode per layer and row that reads M_t, 3 pictures decoded."""
    mapped = steps + len(Window(0, TAU_V).steps(steps))
    inside = costs.cross_layers * (costs.look + costs.map)
    return costs.encode + 5 * steps * costs.forward + mapped * inside + 3 * costs.decode


def edit(costs: Costs, steps: int, *, blended: bool) -> float:
    """Two rows per step with fused attention, and one picture decoded."""
    crossed, replaced = Window(0, TAU_C).steps(steps + 1), Window(0, TAU_S).steps(steps)
    kinds = [(index in replaced, index in crossed) for index in range(steps)]
    prices = {
        (own, cross): costs.edit_step(self_replaced=own, cross_taken=cross, blended=blended)
        for own, cross in set(kinds)
    }
    return sum(prices[kind] for kind in kinds) + costs.decode


def job_table(some: Sequence[Work]) -> Table:
    """The jobs as a table."""
    title = "SD-1.5 at 512x512, in eq (one U-Net forward of one row, 0.803 TFLOP)"
    result = Table("job", "eq", "published, or needed", "counted over", title=title)
    for one in some:
        published = "" if one.published is None else f"{one.published:,.0f}"
        result.add_row(one.name, f"{one.eq:,.1f}", published, one.basis)
    return result
