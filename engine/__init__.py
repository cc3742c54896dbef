"""Text-driven editing of real pictures by inversion of a latent diffusion model.

A picture is inverted once, and edited ever after:

    models = engine.load("miniature")
    record = engine.invert(models, image, prompt="a cat on grass")
    result = engine.edit(models, record, engine.Edit(prompt="a dog on grass"))
"""

from engine.edit_plan import Edit
from engine.editing import EditResult, Progress, edit, invert, reconstruct, record_key
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
from engine.methods import METHODS, P2P
from engine.models import Models, ModelSpec, load
from engine.record import SourceRecord

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
    "PentimentoError",
    "Progress",
    "PromptTooLong",
    "PromptsDoNotAlign",
    "RecordCorrupt",
    "RecordMismatch",
    "SourceRecord",
    "UnknownMethod",
    "UnknownModel",
    "UnknownWord",
    "edit",
    "invert",
    "load",
    "reconstruct",
    "record_key",
]
