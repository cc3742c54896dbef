"""Pentimento from Python and from the shell: a client of the service; it needs no torch."""

from pentimento.client import Client
from pentimento.errors import ApiError, JobFailed, PentimentoError, Unreachable

__all__ = ["ApiError", "Client", "JobFailed", "PentimentoError", "Unreachable"]
