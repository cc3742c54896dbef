"""Text-driven editing of real pictures by inversion of a latent diffusion model.

A picture is inverted once, and edited ever after:

    models = engine.load("miniature")
    record = engine.invert(models, image, prompt="a cat on grass")
    result = engine.edit(models, record, engine.Edit(prompt="a dog on grass"))
"""

from engine.attending import WordAttention
from engine.edit_plan import Edit
from engine.editing import EditResult, edit, reconstruct
from engine.errors import (
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
)
from engine.inverters import INVERTERS
from engine.inverting import invert, record_key
from engine.methods import METHODS, P2P, P2Plus
from engine.models import Models, ModelSpec, load
from engine.progress import Progress
from engine.record import SourceRecord
from engine.source import SourceCache

__all__ = [
    "INVERTERS",
    "METHODS",
    "P2P",
    "Edit",
    "EditResult",
    "InvalidImage",
    "InvalidParameter",
    "ModelSpec",
    "Models",
    "NumericalError",
    "OutOfMemory",
    "P2Plus",
    "PentimentoError",
    "Progress",
    "PromptTooLong",
    "PromptsDoNotAlign",
    "RecordCorrupt",
    "RecordMismatch",
    "SourceCache",
    "SourceRecord",
    "UnknownMethod",
    "UnknownModel",
    "UnknownWord",
    "WordAttention",
    "edit",
    "invert",
    "load",
    "reconstruct",
    "record_key",
]
