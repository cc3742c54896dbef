"""Pentimento from Python and from the shell: a client of the service; it needs no torch."""

from importlib.metadata import PackageNotFoundError, version

from api_schemas import (
    Accepted,
    EditedImage,
    EditResult,
    Image,
    InversionInfo,
    InvertResult,
    Job,
    JobEvent,
    JobStatus,
    MethodInfo,
    ModelInfo,
    Notice,
    Problem,
)
from pentimento.aio import AsyncClient, AsyncEdit, AsyncInversion
from pentimento.client import Client, Edit, Inversion
from pentimento.errors import ApiError, JobFailed, PentimentoError, Unreachable
from pentimento.outcomes import Edited, Inverted
from pentimento.pictures import Picture

try:
    __version__ = version("pentimento")
except PackageNotFoundError:  # beside its sources, without having been installed
    __version__ = "0"

__all__ = [
    "Accepted",
    "ApiError",
    "AsyncClient",
    "AsyncEdit",
    "AsyncInversion",
    "Client",
    "Edit",
    "EditResult",
    "Edited",
    "EditedImage",
    "Image",
    "Inversion",
    "InversionInfo",
    "InvertResult",
    "Inverted",
    "Job",
    "JobEvent",
    "JobFailed",
    "JobStatus",
    "MethodInfo",
    "ModelInfo",
    "Notice",
    "PentimentoError",
    "Picture",
    "Problem",
    "Unreachable",
    "__version__",
]
