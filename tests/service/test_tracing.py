"""A job belongs to the trace of the request that asked for it, where traces are wanted."""

import os
import signal
import subprocess
import sys

import httpx2

from store import Store
from tests.otlp import receiving
from tests.service.conftest import Start

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WORKER = """
import sys, store
from api_schemas import ErrorCode, Problem
from store import tracing
tracing.configure("pentimento-worker")
jobs = store.open().jobs
claim = jobs.begin(sys.argv[1], "worker", 30)
with tracing.job_span(claim):
    jobs.fail(claim, Problem.of(ErrorCode.OUT_OF_MEMORY, "too large"))
"""


def test_request_and_job_are_one_trace(start: Start, shared: Store, png: bytes) -> None:
    with receiving() as receiver:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        process, url = start(endpoint)
        httpx2.get(f"{url}/readyz")
        named = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        answer = httpx2.post(
            f"{url}/invert", files={"image": png}, data={"prompt": "a cat"}, headers=named
        ).json()
        where = {"PENTIMENTO_REDIS_URL": shared.settings.redis_url}
        command = [sys.executable, "-c", WORKER, answer["job_id"]]
        subprocess.run(command, env={**os.environ, **where, **endpoint}, check=True, timeout=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    request, job = sorted(receiver.spans, key=lambda span: span.service)
    assert (request.service, request.name) == ("pentimento-api", "POST /invert")
    assert (job.service, job.name) == ("pentimento-worker", "job invert")
    assert (request.trace, request.parent) == (TRACE, CALLER)
    assert (job.trace, job.parent) == (TRACE, request.id)
    assert job.about["pentimento.job_id"] == answer["job_id"]


def test_where_no_traces_are_wanted_nothing_is_loaded_for_them() -> None:
    code = (
        "import sys, service.app, service.__main__\n"
        "from store import tracing\n"
        "tracing.configure('pentimento-api')\n"
        "service.app.create_app()\n"
        "assert tracing.traceparent() is None\n"
        "assert 'opentelemetry.sdk.trace.export' not in sys.modules\n"
        "assert 'opentelemetry.exporter.otlp.proto.http.trace_exporter' not in sys.modules\n"
    )
    for off in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}):
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **off}, check=True, timeout=60)
