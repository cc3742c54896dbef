"""What has been measured so far, on disk, so that a run can stop, go on, and be split over processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.quality.measuring import Measures

CEILING = "ceiling"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One edit measured; `inverter` and `method` are "ceiling" for a perfect one through the autoencoder."""

    number: int
    kind: str
    inverter: str
    method: str
    measures: Measures
    invert_seconds: float = 0.0
    edit_seconds: float = 0.0

    @property
    def name(self) -> str:
        """What no other row of a ledger is called."""
        return row_name(self.number, self.inverter, self.method)


def row_name(number: int, inverter: str, method: str) -> str:
    """The name of the row of one edit."""
    return f"{number:04d}-{inverter}-{method}"


@dataclass(frozen=True)
class Ledger:
    """A folder of JSON lines, one file per shard, and the painted pictures beside them."""

    folder: Path

    @classmethod
    def at(cls, runs: Path, revision: str, steps: int, defaults: Mapping[str, Any]) -> Ledger:
        """The ledger of one model under these defaults, apart from what was measured under others."""
        said = json.dumps({name: defaults[name] for name in sorted(defaults)}, default=repr, sort_keys=True)
        return cls(runs / f"{revision[:12]}-{steps}-{sha256(said.encode()).hexdigest()[:8]}")

    def rows(self) -> Sequence[Row]:
        """All that was measured, by number; a line that was cut off is not there."""
        found: dict[str, Row] = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    facts = json.loads(line)
                except json.JSONDecodeError:
                    continue
                row = Row(**facts | {"measures": Measures(**facts["measures"])})
                found[row.name] = row
        return sorted(found.values(), key=lambda row: row.name)

    def add(self, shard: str, row: Row, picture: Image.Image | None = None) -> None:
        """Keep a row, after its picture."""
        if picture is not None:
            self.picture(row).parent.mkdir(parents=True, exist_ok=True)
            picture.save(self.picture(row))
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{shard}.jsonl").open("a") as file:
            # The newline goes first, so that nothing is appended to a line that was cut off.
            file.write("\n" + json.dumps(asdict(row)))

    def picture(self, row: Row) -> Path:
        """Where a row's picture is."""
        return self.folder / "pictures" / f"{row.name}.png"
