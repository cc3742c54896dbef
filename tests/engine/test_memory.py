"""The memory that is left, of the machine and of a container on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.memory import free_bytes

CPU = torch.device("cpu")
GB = 10**9


def machine(root: Path, cgroup: str, groups: dict[str, dict[str, str]]) -> Path:
    """A machine with 8 GB available; files of control groups by their folder."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: 16000000 kB\nMemAvailable: {8 * GB // 1024} kB\n")
    (root / "proc/self/cgroup").write_text(cgroup)
    for folder, files in groups.items():
        for name, content in files.items():
            path = root / "sys/fs/cgroup" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return root


def v2(limit: str, used: int, cached: int = 0) -> dict[str, str]:
    stat = f"anon 1\ninactive_file {cached}\n"
    return {"memory.max": f"{limit}\n", "memory.current": f"{used}\n", "memory.stat": stat}


def v1(limit: int, used: int, cached: int = 0) -> dict[str, str]:
    stat = f"cache 1\ntotal_inactive_file {cached}\n"
    return {
        "memory.limit_in_bytes": f"{limit}\n",
        "memory.usage_in_bytes": f"{used}\n",
        "memory.stat": stat,
    }


@pytest.mark.parametrize(
    ("cgroup", "groups", "left"),
    [
        ("", {}, 8 * GB),
        ("0::/\n", {".": v2(str(4 * GB), GB)}, 3 * GB),
        ("0::/\n", {".": v2("max", GB)}, 8 * GB),
        ("0::/pod/one\n", {"pod": v2(str(2 * GB), GB), "pod/one": v2(str(5 * GB), GB)}, GB),
        ("0::/\n", {".": v2(str(4 * GB), 4 * GB, cached=GB)}, GB),
        ("0::/\n", {".": v2(str(GB), 2 * GB)}, 0),
        ("0::/not/mounted/here\n", {".": v2(str(4 * GB), GB)}, 3 * GB),
        ("4:cpu,memory:/box\n0::/\n", {"memory/box": v1(4 * GB, 2 * GB, cached=GB)}, 3 * GB),
        ("4:memory:/box\n", {"memory": v1(2**63 - 4096, GB)}, 8 * GB),
    ],
)
def test_a_container_has_no_more_than_its_limits_leave(
    tmp_path: Path, cgroup: str, groups: dict[str, dict[str, str]], left: int
) -> None:
    assert free_bytes(CPU, machine(tmp_path, cgroup, groups)) == pytest.approx(left, abs=1024)
