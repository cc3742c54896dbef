"""docs/gpu.md: the last run, or that there was none."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_HEAD: Final = """# On a GPU

`python -m benchmarks.gpu` checks that the miniature makes the same pictures on a GPU as on a processor, and
measures the architectures of Stable Diffusion 1.5 at 512 pixels and of SDXL at 1024, with random weights. It
writes this page; its recipe is in `benchmarks/README.md`.
"""
_ABOUT: Final = """
What is done in turns, from the first edit to diffusers' pipeline, has the median of {repeats}; all
else is one run, the first of its kind. The most memory includes the model, whose networks
diffusers' pipeline shares, and what is kept of the source for the next edits.
"""
_NONE: Final = """
No figure exists yet: it has not run on a GPU.
"""


def page(facts: Mapping[str, Any] | None) -> str:
    """The page of a run as its JSON has it, or of none."""
    if facts is None:
        return _HEAD + _NONE
    agreements = [
        (
            one["inverter"],
            one["numbers"],
            one["largest"],
            f"{one['decibel']:.1f}",
            "yes" if one["agrees"] else "no",
        )
        for one in facts["agreements"]
    ]
    parts = [
        _HEAD,
        f"{facts['device']}, torch {facts['torch']}, {facts['steps']} steps.",
        _ABOUT.format(repeats=facts["repeats"]),
        "## Agreement with the processor",
        "",
        *_table(("inverter", "numbers", "largest difference of 255", "dB", "agrees"), agreements),
        "",
    ]
    for size, side in facts["sides"].items():
        timings = [
            (
                one["name"],
                one["dtype"],
                "did not fit" if one["seconds"] is None else f"{one['seconds']:.2f}",
                f"{one['peak_bytes'] / 2**30:.1f}",
            )
            for one in facts["timings"]
            if one["size"] == size
        ]
        costs = [one for one in facts["costs"] if one["size"] == size]
        rows = [
            (f"`{one['name']}`", f"{one['milliseconds']:.1f}", f"{100 * one['share']:.0f} %", one["calls"])
            for one in costs
        ]
        parts += [
            f"## {size} at {side} pixels",
            "",
            *_table(("work", "dtype", "seconds", "peak GiB"), timings),
            "",
        ]
        if costs:
            parts += [
                f"The largest costs of a repeated edit in {costs[0]['dtype']}:",
                "",
                *_table(("operation", "ms", "share", "calls"), rows),
                "",
            ]
    if facts["skipped"]:
        parts += [
            f"Left out, where nothing else is said because the time was up: {'; '.join(facts['skipped'])}.",
            "",
        ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
