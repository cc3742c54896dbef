"""Text-driven editing of real pictures by inversion of a latent diffusion model.

A picture is inverted once, and edited ever after:

    model = engine.load("miniature")
    record = engine.invert(model, image, prompt="a cat on grass")
    result = engine.edit(model, record, engine.Edit(prompt="a dog on grass"))
"""

from engine.attention_pictures import WordAttention
from engine.backbones import FAMILIES, Backbone
from engine.editing import EditResult, edit, reconstruct
from engine.errors import (
    BrokenPlugin,
    EmptyMask,
    Incompatible,
    InvalidImage,
    InvalidParameter,
    NumericalError,
    OutOfMemory,
    PentimentoError,
    PromptsDoNotAlign,
    PromptTooLong,
    RecordCorrupt,
    RecordMismatch,
    UnknownMethod,
    UnknownModel,
    UnknownWord,
    UnsupportedByModel,
)
from engine.feature_pictures import FeaturePicture
from engine.fidelity import Fidelity, fidelity
from engine.finding import find, find_steps
from engine.inverters import INVERTERS
from engine.inverting import invert, record_key
from engine.memory import free_bytes
from engine.methods import METHODS
from engine.models import load
from engine.painting import paint, painted_key
from engine.plan import Edit
from engine.progress import Progress
from engine.record import SourceRecord
from engine.source_cache import SourceCache, features_need
from engine.spec import ModelSpec
from parameters import (
    P2P,
    DiffEdit,
    MasaCtrl,
    P2Plus,
    Painted,
    Plain,
    PlugAndPlay,
    PromptInterpolation,
    SDEdit,
    UniEdit,
)

__all__ = [
    "FAMILIES",
    "INVERTERS",
    "METHODS",
    "P2P",
    "Backbone",
    "BrokenPlugin",
    "DiffEdit",
    "Edit",
    "EditResult",
    "EmptyMask",
    "FeaturePicture",
    "Fidelity",
    "Incompatible",
    "InvalidImage",
    "InvalidParameter",
    "MasaCtrl",
    "ModelSpec",
    "NumericalError",
    "OutOfMemory",
    "P2Plus",
    "Painted",
    "PentimentoError",
    "Plain",
    "PlugAndPlay",
    "Progress",
    "PromptInterpolation",
    "PromptTooLong",
    "PromptsDoNotAlign",
    "RecordCorrupt",
    "RecordMismatch",
    "SDEdit",
    "SourceCache",
    "SourceRecord",
    "UniEdit",
    "UnknownMethod",
    "UnknownModel",
    "UnknownWord",
    "UnsupportedByModel",
    "WordAttention",
    "edit",
    "features_need",
    "fidelity",
    "find",
    "find_steps",
    "free_bytes",
    "invert",
    "load",
    "paint",
    "painted_key",
    "reconstruct",
    "record_key",
]
