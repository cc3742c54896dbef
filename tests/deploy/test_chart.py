"""What the chart for Kubernetes makes is valid, and sets what there is to set."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.files import PROXY, ROOT, SETTINGS
from tests.service.conftest import png as png

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
