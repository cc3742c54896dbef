"""The dashboard and Prometheus ask for the metrics that there are."""

import json
import re

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

import workers.measures
from api_schemas import ErrorCode, Problem
from service.app import create_app
from service.settings import ServiceSettings
from store import Store
from tests.deploy.files import ROOT, read
from tests.service.conftest import begin, edit, ready, serve, served_before
from tests.service.conftest import png as png

OF_THE_SCRAPE = {"job", "instance", "le"}


def queries() -> list[str]:
    board = json.loads((ROOT / "deploy/grafana/pentimento.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@pytest.fixture
def exported(shared: Store, png: bytes) -> dict[str, set[str]]:
    """Every metric that API and workers tell of, and its labels."""
    served_before(shared)
    memory = {"inversions": 1, "features": 1}
    workers.measures.STEP.labels("edit").observe(1)
    workers.measures.JOB.labels("edit", "p2p").observe(1)
    workers.measures.SOUGHT.labels("features", "none").inc()
    workers.measures.FAILURES.labels("out_of_memory").inc()
    workers.measures.remember_memory(**memory)
    workers.measures.GPU.labels("cuda:0", "used").set(1)
    with TestClient(create_app(shared, ServiceSettings()), base_url="http://127.0.0.1") as http:
        failing = begin(shared, edit(http, ready(http, shared, png)).json()["job_id"])
        shared.jobs.fail(failing, Problem.of(ErrorCode.OUT_OF_MEMORY, "too large"))
        serve(shared)
        shared.presence.publish_keeper("keeper", 30)
        told = http.get("/metrics").text + generate_latest(REGISTRY).decode()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


@pytest.mark.parametrize("query", queries())
def test_the_dashboard_asks_for_what_there_is(query: str, exported: dict[str, set[str]]) -> None:
    names = re.findall(r"\b(?:pentimento|process)_\w+", query)
    assert names
    assert set(names) <= set(exported)
    by = [
        label.strip()
        for labels in re.findall(r"(?:by|ignoring) \(([^)]*)\)", query)
        for label in labels.split(",")
    ]
    where = re.findall(r'(\w+)(?:=|!=|=~|!~)"', query)
    assert set(by + where) - {""} - OF_THE_SCRAPE <= set.union(*(exported[name] for name in names))


def test_the_dashboard_shows_every_metric_of_ours(exported: dict[str, set[str]]) -> None:
    shown = " ".join(queries())
    families = {re.sub(r"_(bucket|count|sum|total|created)$", "", name) for name in exported}
    assert [name for name in sorted(families) if name.startswith("pentimento_") and name not in shown] == []


def test_prometheus_asks_the_services_of_the_compose_project() -> None:
    compose, asked = read("docker-compose.yml")["services"], {}
    for job in read("deploy/prometheus.yml")["scrape_configs"]:
        for found in job["dns_sd_configs"]:
            asked |= dict.fromkeys(found["names"], (job["job_name"], found["port"]))
    assert asked["api"] == ("pentimento-api", 8000)
    for name in ("worker", "worker-cpu"):
        port = int(compose[name]["environment"]["PENTIMENTO_WORKER_METRICS_PORT"])
        assert asked[name] == ("pentimento-worker", port)
    assert set(asked) <= set(compose)
    assert {job for query in queries() for job in re.findall(r'job="([^"]*)"', query)} <= {
        job for job, _ in asked.values()
    }
