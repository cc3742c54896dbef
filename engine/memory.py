"""How much memory a device has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import torch

_ROOT = Path("/")
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""The files of a control group's limit and use, and the line of memory.stat for what can be dropped of it."""


def free_bytes(device: torch.device, root: Path = _ROOT) -> int:
    """Bytes that can be had on a device now, without pushing anything else out.

    Of main memory that is what the system has left, or a container, by the limits of its control groups and
    of those around them. `root` is where proc and sys are.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        free = 1024 * int(available)
    except (OSError, ValueError):
        free = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) // 2
    return max(min((free, *_left_in_groups(root))), 0)


def _left_in_groups(root: Path) -> Iterator[int]:
    """What each control group around this process leaves of its limit; nothing of those without one.

    https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        own = PurePosixPath(path.lstrip("/"))
        for inside in (own, *own.parents):
            if controllers == "":
                yield from _left(groups / inside, *_V2)
            elif "memory" in controllers.split(","):
                yield from _left(groups / "memory" / inside, *_V1)


def _left(group: Path, limit: str, used: str, droppable: str) -> Iterator[int]:
    """What a group leaves of its limit, its files in the page cache that nobody uses counted as free."""
    with suppress(OSError, ValueError):
        bound, taken = (int((group / name).read_text()) for name in (limit, used))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield bound - taken + int(stat.get(droppable, 0))
