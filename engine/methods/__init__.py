"""The edit methods, by name: each a file here, or a class in an installed package."""

from engine.methods.base import Method, guided, lane_of
from engine.methods.diffedit import DiffEditMethod
from engine.methods.masactrl import MasaCtrlMethod
from engine.methods.p2p import PromptToPrompt, PromptToPromptPlus
from engine.methods.plain import PlainMethod
from engine.methods.pnp import PlugAndPlayMethod
from engine.methods.prompt_interpolation import PromptInterpolationMethod
from engine.methods.sdedit import SDEditMethod
from engine.methods.uniedit import UniEditMethod
from engine.plugins import Registry


def _entry(method: type[Method]) -> tuple[str, Method]:
    return method.params.name, method()


METHODS = Registry(
    "pentimento.methods",
    _entry,
    (
        PromptToPrompt,
        PromptToPromptPlus,
        PlainMethod,
        PlugAndPlayMethod,
        PromptInterpolationMethod,
        MasaCtrlMethod,
        SDEditMethod,
        DiffEditMethod,
        UniEditMethod,
    ),
)

__all__ = ["METHODS", "Method", "guided", "lane_of"]
