"""``python -m tests.engine.golden.record [CASE ...]``: keep what the engine gives now as the golden values.

Only for new weights, a new case, or a result that was wrong before: the values are there to outlast changes
of the engine.
"""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save_file
from torch import Tensor

import engine
from tests.engine.golden.cases import CASES, FOLDER, SCENES, inverted, of_edit, of_record, pixels, weights


def main(names: list[str]) -> None:
    models = engine.load("miniature")
    for name in names or CASES:
        case = CASES[name]
        image = SCENES[case.scene].render()
        record = inverted(models, case, image)
        kept: dict[str, Tensor] = {"input": pixels(image), **of_record(models, record)}
        for edit, asked in case.edits.items():
            kept |= {f"{edit}.{part}": value for part, value in of_edit(models, record, asked).items()}
        contiguous = {part: value.contiguous() for part, value in kept.items()}
        save_file(
            contiguous, FOLDER / f"{name}.safetensors", {"weights": weights(), "torch": torch.__version__}
        )


if __name__ == "__main__":
    main(sys.argv[1:])
