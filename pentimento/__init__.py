"""Pentimento from Python and from the shell: a client of the service; it needs no torch."""

from pentimento.aio import AsyncClient
from pentimento.client import Client
from pentimento.errors import ApiError, JobFailed, PentimentoError, Unreachable
from pentimento.outcomes import Edited, Inverted

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Edited",
    "Inverted",
    "JobFailed",
    "PentimentoError",
    "Unreachable",
]
