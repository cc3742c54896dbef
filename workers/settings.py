"""How a worker behaves; every field is also an environment variable PENTIMENTO_<NAME>."""

from pydantic import Field

from store import StoreSettings


class WorkerSettings(StoreSettings):
    """The shared settings and those that only workers need."""

    devices: str = Field(
        default="cpu", description="Where to compute, one process each, by comma: cuda:0,cuda:1."
    )
    dtype: str = Field(
        default="auto",
        description="The numbers to compute with: float32, float16, bfloat16; auto is bfloat16 or else "
        "float16 on CUDA, and float32 elsewhere. An inversion is of one of them: under "
        "another it is made again.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="CPU threads of a process; 0: its share of the cores, which workers on the CPU divide "
        "among themselves.",
    )
    lease_s: float = Field(
        default=20,
        gt=0,
        description="A worker that is silent for longer loses its job, which is begun again.",
    )
    job_timeout_s: int = Field(
        default=3600, gt=0, description="A job that computes longer ends as deadline_exceeded."
    )
    step_deadline_s: float = Field(
        default=300,
        gt=0,
        description="A step that takes longer ends the worker's process, and another is started.",
    )
    grace_s: float = Field(
        default=20,
        ge=0,
        description="How long a job may go on after SIGTERM before it is handed back to the queue; under "
        "`pentimento serve` at most 40.",
    )
    hot_bytes: int = Field(
        default=512 * 2**20, ge=0, description="Memory for inversions that were used lately."
    )
    worker_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The port at which what workers measure is served for Prometheus; 0: none.",
    )
    worker_metrics_host: str = Field(default="127.0.0.1", description="The address of that port.")
    feature_bytes: int | None = Field(
        default=None,
        ge=0,
        description="Memory of the device for what edits take from a source, so that the next need not "
        "compute it; 0 keeps nothing. Where nothing is set it follows the model and the memory that is free.",
    )
    feature_host_bytes: int | None = Field(
        default=None,
        ge=0,
        description="Main memory, page-locked, for what of that does not fit a GPU; 0 keeps nothing there. "
        "Where nothing is set it follows the model and the memory that is free; on a CPU there is none.",
    )
