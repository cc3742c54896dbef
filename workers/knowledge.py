"""What a model's folder says of the model, and pictures that are not of its kind."""

from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

import engine
from api_schemas import Knowledge, Notice
from parameters import PentimentoError, Table

log = structlog.get_logger(__name__)

FILE: Final = "knows.json"
RECIPES: Final = "auto.json"
_TABLE: Final = TypeAdapter(Table)
_WORSE_DB: Final = 0.5
_LESS_DETAIL: Final = 0.9
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


def recipes(folder: Path) -> Table | None:
    """What `auto` is to choose with the model, None if its folder does not say, or not as it can be used."""
    try:
        found = _TABLE.validate_json((folder / RECIPES).read_bytes())
        for recipe in found.values():
            recipe.check()
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, PentimentoError) as error:
        log.warning("what auto is to choose cannot be read", file=str(folder / RECIPES), error=str(error))
        return None
    return found


def doubts(
    knows: Knowledge | None, *, sent: tuple[int, int], working: tuple[int, int], own: engine.Fidelity
) -> list[Notice]:
    """What may make edits of a picture poor, whatever they ask for.

    `own` is the autoencoder's alone: what it makes of the working picture, against it.
    """
    found = []
    factor = min(sent) / min(working)
    if factor > _LARGER:
        found.append(
            Notice(
                code="much_larger_than_model",
                message=f"The picture has {sent[0]}x{sent[1]} pixels and the model sees "
                f"{working[0]}x{working[1]} of it: nothing smaller than {factor:.0f} pixels. A region of it "
                "can be edited at the model's full size.",
            )
        )
    if knows is not None and (far := _far(knows, own)):
        found.append(
            Notice(
                code="poor_reconstruction",
                message=f"The model cannot represent this picture: {far}. Edits will be as far off.",
            )
        )
    return found


def _far(knows: Knowledge, own: engine.Fidelity) -> str | None:
    """In which way the autoencoder does worse with a picture than with any of its kind."""
    if knows.lowest_psnr is not None and own.psnr < knows.lowest_psnr - _WORSE_DB:
        return (
            f"its autoencoder gives it back with {own.psnr:.1f} dB, and pictures of its kind with "
            f"{knows.lowest_psnr:.1f} or more"
        )
    if knows.lowest_snr is not None and own.snr < knows.lowest_snr - _WORSE_DB:
        return (
            f"the error of its autoencoder is {_share(own.snr)} of what there is to see, and at most "
            f"{_share(knows.lowest_snr)} in pictures of its kind"
        )
    if knows.lowest_detail is not None and own.detail < knows.lowest_detail * _LESS_DETAIL:
        return (
            f"its autoencoder keeps {own.detail:.0%} of the fine detail, and in pictures of its kind "
            f"{knows.lowest_detail:.0%} or more"
        )
    return None


def _share(snr: float) -> str:
    return f"{10 ** (-snr / 20):.0%}"
