"""What the shipped weights say that they were taught."""

import json
from pathlib import Path

from api_schemas import Knowledge
from miniature import knows
from miniature.scenes import sample
from service.knowing import doubts
from tests.service.test_knowing import model

FOLDER = Path(knows.__file__).parent / "weights"


def test_the_shipped_file_is_what_the_scenes_say() -> None:
    there = json.loads((FOLDER / knows.FILE).read_text())
    lowest = {name: there[f"lowest_{name}"] for name in ("psnr", "snr", "detail")}
    assert there == knows.facts(knows.captions(), lowest)
    assert Knowledge.model_validate(there).demo


def test_no_caption_of_a_held_out_scene_is_doubted() -> None:
    known = model(Knowledge.model_validate_json((FOLDER / knows.FILE).read_bytes()))
    assert doubts(known, [sample(seed).caption for seed in range(1_000_000, 1_000_500)]) == []
