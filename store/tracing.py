"""Traces, where OpenTelemetry's own variables say where to send them; elsewhere every span is nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from store.claims import Claim

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_HEADERS: Final = TraceContextTextMapPropagator()

log = structlog.get_logger(__name__)


def configure(service: str) -> None:
    """Send the spans of this process to the endpoint that the environment names, if it names one."""
    if not _wanted():
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces are sent: install 'pentimento[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT")
        return
    named = os.environ.get("OTEL_SERVICE_NAME") or service
    provider = TracerProvider(resource=Resource.create({"service.name": named}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def traceparent() -> str | None:
    """The W3C header by which others go on with the current span; None if there is none."""
    headers: dict[str, str] = {}
    _HEADERS.inject(headers)
    return headers.get("traceparent")


@contextmanager
def job_span(claim: Claim) -> Iterator[Span]:
    """The span of one attempt at a job, within the trace of the request that asked for it."""
    context = _HEADERS.extract({"traceparent": claim.traceparent}) if claim.traceparent else None
    about: dict[str, str | int | float] = {
        "pentimento.job_id": claim.job_id,
        "pentimento.image_id": claim.image_id,
        "pentimento.method": claim.method,
        "pentimento.attempt": claim.attempt,
        "pentimento.queued_s": claim.queued_s,
    }
    with trace.get_tracer("pentimento").start_as_current_span(
        f"job {claim.kind}", context=context, kind=SpanKind.CONSUMER, attributes=about
    ) as span:
        yield span


def _wanted() -> bool:
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or os.environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return not off and any(os.environ.get(name) for name in _ENDPOINTS)
