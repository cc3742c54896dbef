"""The inversions, by name: each a file here, or a class in an installed package."""

from engine.inverters.aligned import AlignedInverter
from engine.inverters.base import Inversion, Inverter, Source
from engine.inverters.ddim import DDIMInverter, DirectInverter
from engine.inverters.edit_friendly import EditFriendlyInverter
from engine.inverters.encode import EncodeInverter
from engine.inverters.faithful import FaithfulInverter
from engine.inverters.negative_prompt import NegativePromptInverter
from engine.inverters.null_text import NullTextInverter
from engine.inverters.painted import PaintedInverter
from engine.inverters.prompt_tuning import PromptTuningInverter
from engine.inverters.stylediffusion import StyleDiffusionInverter
from engine.inverters.uni_inv import UniInvInverter
from engine.plugins import Registry


def _entry(inverter: type[Inverter]) -> tuple[str, Inverter]:
    return inverter.params.name, inverter()


INVERTERS = Registry(
    "pentimento.inverters",
    _entry,
    (
        AlignedInverter,
        DDIMInverter,
        DirectInverter,
        EditFriendlyInverter,
        EncodeInverter,
        FaithfulInverter,
        NegativePromptInverter,
        NullTextInverter,
        PaintedInverter,
        PromptTuningInverter,
        StyleDiffusionInverter,
        UniInvInverter,
    ),
)

__all__ = ["INVERTERS", "Inversion", "Inverter", "Source"]
