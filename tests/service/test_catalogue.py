"""What there is to ask for, and whether it can be asked for now."""

from starlette.testclient import TestClient

from parameters import EDITS, for_pictures
from store import Store
from tests.service.conftest import serve


def test_methods_carry_their_schemas(http: TestClient) -> None:
    methods = {method["name"]: method for method in http.get("/methods").json()}
    assert {name: method["kind"] for name, method in methods.items()} == {
        **dict.fromkeys(for_pictures(), "invert"),
        **dict.fromkeys(["auto", *EDITS], "edit"),
    }
    assert (methods["p2p"]["needs"], methods["direct"]["gives"]) == (["path", "start"], ["path", "start"])
    assert methods["p2p"]["published"]["steps"] == 50
    assert [name for name, method in methods.items() if method["default"]] == ["aligned", "auto"]
    for name, method in methods.items():
        assert method["summary"].endswith("."), name
        assert "\n" not in method["summary"], name
    fields = {name: method["params_schema"]["properties"] for name, method in methods.items()}
    assert {"tau_v", "tau_c", "tau_s", "value_prompt", "attention"} <= set(fields["p2p"])
    assert set(fields["p2plus"]) == {*fields["p2p"], "tau_u"}
    assert "guidance_scale" in fields["stylediffusion"]
    assert all(field["description"] for fields_ in fields.values() for field in fields_.values())


def test_models_are_those_that_live_workers_serve(http: TestClient, shared: Store) -> None:
    assert http.get("/models").json() == []
    serve(shared)
    assert [model["name"] for model in http.get("/models").json()] == ["miniature"]
