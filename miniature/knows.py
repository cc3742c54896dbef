"""What the miniature was taught, as the file `knows.json` beside its weights, which workers tell the API.

`python -m miniature.knows FOLDER` measures the autoencoder there and writes the file.
"""

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from miniature.paraphrase import paraphrase
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, STYLES
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

FILE: Final = "knows.json"
_CAPTIONS: Final = 20_000
_HELD_OUT: Final = range(2_000_000, 2_001_000)


def facts(captions: Iterable[str], lowest: Mapping[str, float]) -> dict[str, Any]:
    """The content of the file; `lowest` is the worst that the autoencoder made of scenes, by measure."""
    return {
        "demo": True,
        "objects": list(OBJECTS),
        "colours": list(COLOURS),
        "styles": list(STYLES),
        "backgrounds": list(BACKGROUNDS),
        "words": sorted({word for caption in captions for word in re.findall(r"[a-z]+", caption)}),
        **{f"lowest_{name}": round(value, 1 if name == "psnr" else 2) for name, value in lowest.items()},
    }


def captions() -> list[str]:
    """Captions like those that the shipped weights were trained on, but for typing errors."""
    wide = (
        paraphrase(sample_wide(seed), np.random.default_rng((seed, 5)), typos=False).text
        for seed in range(_CAPTIONS)
    )
    return [*(sample(seed).caption for seed in range(_CAPTIONS)), *wide]


def main(arguments: list[str] | None = None) -> None:
    """Measure the autoencoder of a folder on held-out scenes in every style, and write the file there."""
    parser = argparse.ArgumentParser(prog="python -m miniature.knows", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    import engine
    from engine import codec

    models = engine.load(str(folder))

    def given_back(scene: Scene) -> dict[str, float]:
        picture = scene.render()
        return asdict(engine.fidelity(picture, codec.decode(models, codec.encode(models, picture))[0]))

    styles = list(STYLES)
    found = [given_back(sample(seed).with_(style=styles[seed % len(styles)])) for seed in _HELD_OUT]
    lowest = {name: min(each[name] for each in found) for name in ("psnr", "snr", "detail")}
    (folder / FILE).write_text(json.dumps(facts(captions(), lowest), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
