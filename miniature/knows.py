"""What the miniature was taught, as the file `knows.json` beside its weights, which workers tell the API.

`python -m miniature.knows FOLDER` measures the autoencoder there and writes the file.
"""

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from miniature.pictures import psnr
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, STYLES
from miniature.scenes import Scene, sample

FILE: Final = "knows.json"
_CAPTIONS: Final = 20_000
_HELD_OUT: Final = range(2_000_000, 2_001_000)


def facts(captions: Iterable[str], lowest_psnr: float) -> dict[str, Any]:
    """The content of the file; `lowest_psnr` is the worst that the autoencoder made of a scene, in dB."""
    return {
        "demo": True,
        "objects": list(OBJECTS),
        "colours": list(COLOURS),
        "styles": list(STYLES),
        "backgrounds": list(BACKGROUNDS),
        "words": sorted({word for caption in captions for word in re.findall(r"[a-z]+", caption)}),
        "lowest_psnr": round(lowest_psnr, 1),
    }


def captions() -> list[str]:
    """Captions of the scenes that the shipped weights were trained on."""
    return [sample(seed).caption for seed in range(_CAPTIONS)]


def main(arguments: list[str] | None = None) -> None:
    """Measure the autoencoder of a folder on held-out scenes in every style, and write the file there."""
    parser = argparse.ArgumentParser(prog="python -m miniature.knows", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    import engine
    from engine import codec

    models = engine.load(str(folder))

    def given_back(scene: Scene) -> float:
        picture = scene.render()
        return psnr(picture, codec.decode(models, codec.encode(models, picture))[0])

    styles = list(STYLES)
    worst = min(given_back(sample(seed).with_(style=styles[seed % len(styles)])) for seed in _HELD_OUT)
    (folder / FILE).write_text(json.dumps(facts(captions(), worst), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
