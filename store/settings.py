"""Where the shared state lives; every field is also an environment variable PENTIMENTO_<NAME>."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def home() -> Path:
    """The folder of everything that outlives a process: $PENTIMENTO_HOME or ~/.local/share/pentimento."""
    chosen = os.environ.get("PENTIMENTO_HOME") or "~/.local/share/pentimento"
    return Path(chosen).expanduser().absolute()


def _without_folders(place: str) -> str:
    """A place by its last part where it is an absolute path, with the kind and weight of an addition."""
    kind, colon, rest = (
        place.partition(":") if place.startswith(("lora:", "vae:", "embedding:")) else ("", "", place)
    )
    return kind + colon + (Path(rest).name if Path(rest).is_absolute() else rest)


class StoreSettings(BaseSettings):
    """What service and workers must agree on."""

    model_config = SettingsConfigDict(env_prefix="PENTIMENTO_", frozen=True, extra="ignore")

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description="A Redis or Valkey from 6.2 on: redis://, rediss:// or unix://. `pentimento serve` "
        "starts one of its own unless this names another.",
    )
    store: str = Field(
        default_factory=lambda: str(home() / "store"),
        description="A folder, or a URL that fsspec knows, such as s3://bucket/folder (the bucket must "
        "exist; `pip install 'pentimento[s3]'`), which lets workers on many machines share inversions.",
    )
    model: str = Field(
        default="miniature",
        description="The model served: a name, a folder of diffusers, a .safetensors file or a hub id, and "
        "what is laid over it: BASE + lora:FILE:0.8 + vae:PLACE + embedding:FILE.",
    )
    job_ttl_s: int = Field(default=7 * 24 * 3600, gt=0, description="How long ended jobs are remembered.")
    image_ttl_s: int = Field(
        default=30 * 24 * 3600, gt=0, description="How long an image that is not used is kept."
    )
    queue_limit: int = Field(default=1000, gt=0, description="How many jobs may be unended at once, in all.")
    max_queued: int = Field(
        default=200,
        gt=0,
        description="How many jobs a tenant may have unended at once, unless its key says otherwise.",
    )
    provenance: bool = Field(
        default=True,
        description="Note in pictures that a model painted or changed them: XMP, in IPTC's terms.",
    )
    max_attempts: int = Field(
        default=3, gt=0, description="How often a job is begun before it ends as worker_lost."
    )

    @property
    def model_name(self) -> str:
        """The name by which requests choose the model: of a folder only its last part is shown."""
        parts = self.model.split(" + ")
        return " + ".join(_without_folders(part) for part in parts)
