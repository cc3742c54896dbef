"""The compose file sets what there is to set, and opens nothing that is to stay closed."""

import re

from tests.deploy.files import ROOT, SETTINGS, read
from tests.service.conftest import png as png


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
