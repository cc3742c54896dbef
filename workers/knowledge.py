"""What a model's folder says of the model, and pictures that are not of its kind."""

import json
from pathlib import Path
from typing import Any, Final

import structlog
from PIL import Image
from pydantic import ValidationError

from api_schemas import Knowledge, Notice

log = structlog.get_logger(__name__)

FILE: Final = "knows.json"
_FAMILIES: Final = {
    "StableDiffusionXLPipeline": "Stable Diffusion XL",
    "StableDiffusion3Pipeline": "Stable Diffusion 3",
    "FluxPipeline": "FLUX.1",
}
_BY_WIDTH: Final = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2"}
_WORSE_DB: Final = 1.0
_LARGER: Final = 4


def read(folder: Path) -> Knowledge | None:
    """What the model was taught, None if its folder does not say so in a way that can be read."""
    try:
        return Knowledge.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("what the model knows cannot be read", file=str(folder / FILE), error=str(error))
        return None


def family(folder: Path) -> str:
    """The family of models that a diffusers folder is of, as people call it."""
    pipeline = str(_json(folder / "model_index.json").get("_class_name", ""))
    if pipeline in _FAMILIES:
        return _FAMILIES[pipeline]
    width = _json(folder / "unet" / "config.json").get("cross_attention_dim")
    return _BY_WIDTH.get(width, "Stable Diffusion") if isinstance(width, int) else "Stable Diffusion"


def doubts(
    knows: Knowledge | None, *, sent: tuple[int, int], working: Image.Image, own_psnr: float
) -> list[Notice]:
    """What may make edits of a picture poor, whatever they ask for.

    `own_psnr` is the autoencoder's alone: what it makes of the working picture, against it, in dB.
    """
    found = []
    factor = min(sent) / min(working.size)
    if factor > _LARGER:
        found.append(
            Notice(
                code="much_larger_than_model",
                message=f"The picture has {sent[0]}x{sent[1]} pixels and the model sees "
                f"{working.width}x{working.height} of it: nothing smaller than {factor:.0f} pixels.",
            )
        )
    if knows is not None and knows.lowest_psnr is not None and own_psnr < knows.lowest_psnr - _WORSE_DB:
        found.append(
            Notice(
                code="poor_reconstruction",
                message=f"The model cannot represent this picture: its autoencoder gives it back with "
                f"{own_psnr:.1f} dB, and pictures of its kind with {knows.lowest_psnr:.1f} or more. Edits "
                "will be as far off.",
            )
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
