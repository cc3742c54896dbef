"""docs/gpu.md: the last run, or that there was none."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_HEAD: Final = """# On a GPU

`python -m benchmarks.gpu` checks that the miniature makes the same pictures on a GPU as on a processor, and
measures Stable Diffusion 1.5's architecture at random weights and 512 pixels. It writes this page; its recipe
is in `benchmarks/README.md`.
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
            one["dtype"],
            one["largest"],
            f"{one['decibel']:.1f}",
            "yes" if one["agrees"] else "no",
        )
        for one in facts["agreements"]
    ]
    timings = [
        (
            one["name"],
            one["dtype"],
            "did not fit" if one["seconds"] is None else f"{one['seconds']:.2f}",
            f"{one['peak_bytes'] / 2**30:.1f}",
        )
        for one in facts["timings"]
    ]
    costs = [
        (f"`{one['name']}`", f"{one['milliseconds']:.1f}", f"{100 * one['share']:.0f} %", one["calls"])
        for one in facts["costs"]
    ]
    parts = [
        _HEAD,
        f"{facts['device']}, torch {facts['torch']}, {facts['steps']} steps; "
        f"{facts['size']} at {facts['side']} pixels.",
        "",
        "## Agreement with the processor",
        "",
        *_table(("inverter", "dtype", "largest difference of 255", "dB", "agrees"), agreements),
        "",
        "## Seconds and memory",
        "",
        *_table(("work", "dtype", "seconds", "peak GiB"), timings),
        "",
        f"## The largest costs of a repeated edit, {facts['profiled']}",
        "",
        *_table(("operation", "ms", "share", "calls"), costs),
        "",
    ]
    if facts["skipped"]:
        parts += [f"Left out, because the time was up: {', '.join(facts['skipped'])}.", ""]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
