"""What has been measured so far, on disk, so that a run can stop, go on, and be split over processes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from PIL import Image

import engine
from benchmarks.quality.measuring import Measures

CEILING, FLOOR = "ceiling", "floor"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One edit measured, by the row of this name, whose recipes have this digest.

    `CEILING` is a perfect edit through the autoencoder, `FLOOR` the picture unchanged; these have none.
    """

    number: int
    kind: str
    name: str
    measures: Measures
    digest: str = ""
    invert_seconds: float = 0.0
    edit_seconds: float = 0.0
    invert_rows: int = 0
    edit_rows: int = 0

    @property
    def key(self) -> str:
        """What no other row of a ledger is called."""
        return f"{self.number:04d}-{re.sub('[^a-z0-9]+', '-', self.name)}-{self.digest}"


@dataclass(frozen=True)
class Ledger:
    """A folder of JSON lines, one file per shard, and the painted pictures beside them."""

    folder: Path

    @classmethod
    def at(cls, runs: Path, models: engine.Backbone, steps: int) -> Ledger:
        """The ledger of one model under its defaults, apart from what was measured under others."""
        defaults = sha256(repr(models.spec).encode()).hexdigest()[:8]
        return cls(runs / f"{models.revision[:12]}-{steps}-{defaults}")

    def rows(self) -> Sequence[Row]:
        """All that was measured, by number, but for lines cut off or with other measures than today's."""
        found: dict[str, Row] = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    facts = json.loads(line)
                    row = Row(**facts | {"measures": Measures(**facts["measures"])})
                except (json.JSONDecodeError, TypeError):
                    continue
                found[row.key] = row
        return sorted(found.values(), key=lambda row: row.key)

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
        return self.folder / "pictures" / f"{row.key}.png"
