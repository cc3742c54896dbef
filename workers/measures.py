"""Prometheus metrics of the work: measured in each worker, served by the supervisor."""

import os
import resource
from pathlib import Path
from typing import Final

import torch
from prometheus_client import Counter, Gauge, Histogram

STEP: Final = Histogram(
    "pentimento_worker_step_seconds",
    "Seconds from one step of a phase to the next.",
    ("phase",),
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)
JOB: Final = Histogram(
    "pentimento_worker_job_seconds",
    "Seconds of jobs that succeeded, from their begin to their recorded end.",
    ("kind", "method"),
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0),
)
SOUGHT: Final = Counter(
    "pentimento_worker_sought",
    "Inversions, and features of sources, by where they were found; `none`: they had to be made.",
    ("what", "tier"),
)
FAILURES: Final = Counter(
    "pentimento_worker_failures", "Jobs that failed here, by the code of the error.", ("code",)
)
MEMORY: Final = Gauge(
    "pentimento_worker_memory_bytes",
    "Memory of inversions, of features kept for edits, of the processes, and of their devices.",
    ("of",),
    multiprocess_mode="livesum",
)
GPU: Final = Gauge(
    "pentimento_worker_gpu_memory_bytes",
    "Memory of a GPU as nvidia-smi shows it, when a worker there last measured: `used` by all, and `total`.",
    ("device", "of"),
    multiprocess_mode="livemostrecent",
)

_STATM: Final = Path("/proc/self/statm")


def remember_memory(*, inversions: int, features: int) -> None:
    """Note what memory is in use by now."""
    MEMORY.labels("inversions").set(inversions)
    MEMORY.labels("features").set(features)
    MEMORY.labels("process").set(_resident())
    held = _on_devices()
    MEMORY.labels("device").set(sum(held.values()))
    for index in held:
        free, total = torch.cuda.mem_get_info(index)
        GPU.labels(f"cuda:{index}", "used").set(total - free)
        GPU.labels(f"cuda:{index}", "total").set(total)


def _on_devices() -> dict[int, int]:
    """Memory that this process holds on each GPU that it uses; asking about another would take some there."""
    if not torch.cuda.is_initialized():
        return {}
    every = range(torch.cuda.device_count())
    return {index: held for index in every if (held := torch.cuda.memory_reserved(index))}


def _resident() -> int:
    """Memory of this process; where the system does not say, the most that it ever was."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
