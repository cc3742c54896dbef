"""What `deploy/` and the compose file say of the code holds for the code."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import kubernetes_validate
import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

import workers.measures
from api_schemas import PROBLEM_JSON, ErrorCode, Problem
from service.app import create_app
from service.connections import ConnectionLimits
from service.keeper.settings import KeeperSettings
from service.request_headers import LONGEST_WAIT_S
from service.routes.openai import LONGEST_S
from service.security import UPLOAD_BYTES
from service.settings import ServiceSettings
from store import Store
from tests.service.conftest import begin, edit, ready, serve, served_before
from tests.service.conftest import png as png
from tests.service.live import serving
from workers.settings import WorkerSettings

ROOT = Path(__file__).parent.parent
PROXY = "deploy/chart/files/nginx.conf"
SETTINGS = (ServiceSettings, KeeperSettings, WorkerSettings)
OF_THE_SCRAPE = {"job", "instance", "le"}


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


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


def test_the_compose_file_sets_only_what_there_is_to_set_and_mounts_what_there_is_to_mount() -> None:
    known = {f"PENTIMENTO_{name.upper()}" for settings in SETTINGS for name in settings.model_fields}
    compose = read("docker-compose.yml")
    for name, service in compose["services"].items():
        ours = {key for key in service.get("environment", {}) if key.startswith("PENTIMENTO_")}
        assert ours <= known, name
        mounted = [mount.partition(":")[0] for mount in service.get("volumes", [])]
        files = [source for source in mounted if source.startswith("./")]
        assert all((ROOT / source).is_file() for source in files), name
        assert set(mounted) - set(files) <= set(compose["volumes"]), name


def test_compose_hands_on_to_workers_what_a_gpu_and_a_gated_model_need() -> None:
    services = read("docker-compose.yml")["services"]
    for name in ("worker", "worker-cpu"):
        given = services[name]["environment"]
        handed_on = {key for key, value in given.items() if value is None}
        assert {"PENTIMENTO_DTYPE", "PENTIMENTO_FEATURE_BYTES", "PENTIMENTO_FEATURE_HOST_BYTES"} <= handed_on
        assert "HF_TOKEN" in handed_on
        assert "data:/data" in services[name]["volumes"]
    assert "HF_HOME=/data/models" in (ROOT / "deploy/Dockerfile.worker").read_text()


def test_compose_publishes_on_loopback_alone_and_lifts_no_check_of_host_or_origin() -> None:
    compose = read("docker-compose.yml")
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    asked = compose["services"]["api"]["environment"]["PENTIMENTO_ALLOWED_HOSTS"]
    usual = re.fullmatch(r"\$\{PENTIMENTO_ALLOWED_HOSTS:-([a-z,]*)\}", asked)
    assert usual
    assert set(usual[1].split(",")) <= set(compose["services"])


def proxy_setting(name: str) -> str:
    found = re.search(rf"^ *{name} ([^;]*);", (ROOT / PROXY).read_text(), re.MULTILINE)
    assert found, name
    return found[1]


def test_the_proxy_has_the_bounds_of_the_service() -> None:
    limits = ConnectionLimits()
    number, size = proxy_setting("large_client_header_buffers").split()
    assert int(number) * int(size.removesuffix("k")) * 2**10 == limits.head_bytes
    assert proxy_setting("client_header_timeout") == f"{limits.head_s:g}s"
    assert proxy_setting("client_body_timeout") == f"{limits.body_idle_s:g}s"
    assert proxy_setting("send_timeout") == f"{limits.stalled_s:g}s"
    assert proxy_setting("client_max_body_size") == f"{UPLOAD_BYTES // 2**20}m"
    assert proxy_setting("limit_conn in_all") == str(limits.connections)
    assert "proxy" in read("docker-compose.yml")["services"]


def test_the_proxy_waits_for_answers_that_come_when_a_job_has_ended() -> None:
    usual = int(proxy_setting("proxy_read_timeout").removesuffix("s"))
    assert usual > LONGEST_WAIT_S
    location = re.search(r"location /v1/images/ \{([^}]*)\}", (ROOT / PROXY).read_text())
    assert location
    longest = re.search(r"proxy_read_timeout (\d+)h;", location[1])
    assert longest
    assert int(longest[1]) * 3600 > LONGEST_S


def test_what_the_proxy_answers_itself_are_problems_of_ours() -> None:
    text = (ROOT / PROXY).read_text()
    answered = re.findall(r"return (\d+) '(.*)';", text)
    assert len(answered) == text.count("internal;")
    for status, body in answered:
        problem = Problem.model_validate_json(body)
        assert problem == Problem.of(problem.code, problem.detail)
        assert problem.status == int(status)


@pytest.fixture
def proxied(shared: Store, tmp_path: Path) -> Iterator[str]:
    """The URL of the proxy in front of the API."""
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(shared) as live:
        text = (ROOT / PROXY).read_text().replace("http://api:8000", live.url)
        text = text.replace("listen 8000", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{tmp_path}/")
        (tmp_path / "nginx.conf").write_text(
            text.replace("client_header_timeout 10s", "client_header_timeout 1s")
        )
        command = [nginx, "-e", "stderr", "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def test_the_proxy_passes_on_what_is_right_and_refuses_the_rest(
    proxied: str, shared: Store, png: bytes
) -> None:
    job = httpx2.post(f"{proxied}/invert", files={"image": png}, data={"prompt": "a cat"}).json()
    with httpx2.stream("GET", f"{proxied}/jobs/{job['job_id']}/events") as stream:
        assert "queued" in next(line for line in stream.iter_lines() if line.startswith("data"))
    assert httpx2.get(f"{proxied}/jobs", headers={"Host": "rebound.example"}).status_code == 404
    refused = [
        httpx2.get(f"{proxied}/healthz", headers={"Accept": "a/b," * 2**14}),
        httpx2.get(f"{proxied}/{'a' * 2**15}"),
        httpx2.post(f"{proxied}/invert", content=b" " * (UPLOAD_BYTES + 1)),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (431, "headers_too_large"),
        (431, "headers_too_large"),
        (413, "payload_too_large"),
    ]
    assert {answer.headers["content-type"] for answer in refused} == {PROBLEM_JSON}
    host, port = proxied.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as half_sent:
        half_sent.sendall(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(ConnectionResetError):
            half_sent.recv(100)


CHARTS = {
    "as it is": [],
    "with all": [
        "--set=redis.urlSecret=redis,store=s3://bucket/folder,storeSecret=bucket,api.webhooks=true",
        "--set=ingress.enabled=true,ingress.host=edit.example,ingress.tlsSecret=tls,ingress.className=nginx",
        "--set=api.allowedHosts=other.example,api.env.PENTIMENTO_QUEUE_LIMIT=50,proxy.trusted=10.0.0.0/8",
        "--set=images.pullSecrets[0].name=registry,service.type=LoadBalancer,api.allowRemote=true",
    ],
    "on CPUs": ["--set=workers[0].name=cpu,workers[0].devices=cpu,workers[0].replicas=2"],
}


def chart(*options: str) -> dict[tuple[str, str], Any]:
    """What the chart makes, by kind and name."""
    helm = Path(sys.executable).with_name("helm")
    command = [helm, "template", "pen", ROOT / "deploy/chart", "--namespace", "pictures", *options]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    documents = [document for document in yaml.safe_load_all(made) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def containers(document: Any) -> list[Any]:
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


@pytest.mark.parametrize("options", CHARTS.values(), ids=CHARTS)
def test_what_the_chart_makes_is_valid_and_sets_only_what_there_is_to_set(options: list[str]) -> None:
    known = {f"PENTIMENTO_{name.upper()}" for settings in SETTINGS for name in settings.model_fields}
    made = chart(*options)
    claims = {name for kind, name in made if kind == "PersistentVolumeClaim"}
    for document in made.values():
        kubernetes_validate.validate(document, "1.33", strict=True)
        for container in containers(document):
            named = [each["name"] for each in container.get("env", [])]
            assert len(named) == len(set(named))
            assert {name for name in named if name.startswith("PENTIMENTO_")} <= known
            assert container["securityContext"]["readOnlyRootFilesystem"]
        volumes = document.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", [])
        claimed = [each["persistentVolumeClaim"] for each in volumes if "persistentVolumeClaim" in each]
        assert {each["claimName"] for each in claimed} <= claims


def test_the_chart_waits_for_a_key_and_answers_under_its_own_names() -> None:
    api = chart()["Deployment", "pen-api"]
    first, serving = containers(api)
    assert first["command"] == ["python", "-m", "service.keys", "wait"]
    environment = {each["name"]: each["value"] for each in serving["env"]}
    assert environment["PENTIMENTO_ALLOW_REMOTE"] == "0"
    probed = serving["livenessProbe"]["httpGet"]["httpHeaders"][0]["value"]
    assert environment["PENTIMENTO_ALLOWED_HOSTS"].split(",") == [probed]
    full = chart(*CHARTS["with all"])
    (serving,) = containers(full["Deployment", "pen-api"])
    environment = {each["name"]: each.get("value") for each in serving["env"]}
    assert environment["PENTIMENTO_ALLOWED_HOSTS"] == "pen-api,edit.example,other.example"
    assert not {"StatefulSet", "PersistentVolumeClaim"} & {kind for kind, _ in full}


def test_the_charts_proxy_is_that_of_the_compose_file_but_for_where_the_api_is() -> None:
    ours = (ROOT / PROXY).read_text()
    made = chart()["ConfigMap", "pen-proxy"]["data"]["nginx.conf"]
    differ = [line for line in made.splitlines() if line not in ours.splitlines()]
    assert differ == [
        "  resolver kube-dns.kube-system.svc.cluster.local valid=5s;",
        "    set $api http://pen-api.pictures.svc.cluster.local:8000;",
    ]
    trusting = chart("--set=proxy.trusted=10.0.0.0/8")["ConfigMap", "pen-proxy"]["data"]["nginx.conf"]
    assert "http {\n  set_real_ip_from 10.0.0.0/8;\n" in trusting
