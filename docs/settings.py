"""Prints docs/settings.md: every environment variable, as the settings of all processes declare it.

python docs/settings.py > docs/settings.md
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

sys.path.insert(0, str(Path(__file__).parent.parent))

from service.keeper.settings import KeeperSettings
from service.settings import ServiceSettings
from store import StoreSettings
from workers.settings import WorkerSettings

_PROCESSES: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("API", ServiceSettings),
    ("worker", WorkerSettings),
    ("keeper", KeeperSettings),
    ("all", StoreSettings),
)
_SHOWN = {"store": "`$PENTIMENTO_HOME/store`"}
_OTHERS = (
    ("PENTIMENTO_HOME", "`~/.local/share/pentimento`", "all", "Where data and logs are kept."),
    ("PENTIMENTO_URL", "`http://127.0.0.1:8000`", "client", "Where the commands and the Python client look."),
    ("PENTIMENTO_API_KEY", "", "client", "The API key that they send."),
    (
        "AWS_ACCESS_KEY_ID",
        "",
        "all",
        "The id of a key of the object store. The other variables that S3 clients read count too.",
    ),
    ("AWS_SECRET_ACCESS_KEY", "", "all", "The secret of that key."),
    ("AWS_ENDPOINT_URL", "", "all", "Where the object store is, unless it is Amazon's."),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "all",
        "Where traces are sent, with `pip install 'pentimento[otel]'`.",
    ),
    (
        "GOMP_SPINCOUNT",
        "`2000`",
        "worker",
        "How many turns a thread that waits spins before it sleeps (libgomp).",
    ),
)

_HEAD = """# Settings

Every environment variable of the service, and which process reads it; `make settings` writes this table
from the declarations. `pentimento serve` starts store, worker, API and keeper with its own environment, and
keeps their logs in `$PENTIMENTO_HOME/logs`. `pentimento api`, `pentimento worker` and `pentimento keeper`
run one of them each, on the queue that `PENTIMENTO_REDIS_URL` names. Options of commands win over variables.
Names that end in `_S` are seconds, in `_BYTES` bytes; 1 is yes and 0 no. Where a default is a list in
brackets, the value is JSON too.

| variable | default | read by | |
|---|---|---|---|
"""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Name, default, reader and meaning of every variable, in the order of their names."""
    found: dict[str, tuple[FieldInfo, list[str]]] = {}
    for process, settings in _PROCESSES:
        prefix = settings.model_config["env_prefix"]
        for name, field in settings.model_fields.items():
            found.setdefault(f"{prefix}{name}".upper(), (field, []))[1].append(process)
    for variable, (field, readers) in found.items():
        name = variable.removeprefix("PENTIMENTO_").lower()
        default = _SHOWN.get(name) or _shown(field.get_default(call_default_factory=True))
        who = "all" if "all" in readers else ", ".join(readers)
        yield variable, default, who, field.description or ""
    yield from _OTHERS


def _shown(default: Any) -> str:
    if default in ("", None):
        return ""
    if isinstance(default, bool):
        default = int(default)
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"| `{name}` | {' | '.join(rest)} |\n" for name, *rest in sorted(rows()))


if __name__ == "__main__":
    sys.stdout.write(page())
