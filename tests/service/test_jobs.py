import asyncio
import base64
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

import prompts
from api_schemas import (
    Accepted,
    EditedImage,
    EditResult,
    ErrorCode,
    InvertResult,
    Metrics,
    ModelInfo,
    Problem,
    Progress,
    Timings,
)
from service import uploads
from store import Store, keys

OTHER_IMAGE = "img_" + "a" * 26


def invert(http: TestClient, png: bytes, **fields: Any) -> Accepted:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass", **fields})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return Accepted.model_validate(answer.json())


def edit(http: TestClient, image_id: str, prompt: str = "a dog on grass", **fields: Any) -> Any:
    return http.post("/edit", json={"image_id": image_id, "prompt": prompt, **fields})


def inverted(image_id: str) -> InvertResult:
    return InvertResult(
        image_id=image_id,
        source_url=f"/images/{image_id}/working.png",
        reconstruction_url=f"/images/{image_id}/reconstruction.png",
        psnr=30,
        ssim=0.9,
        width=64,
        height=64,
        cached=False,
        seconds=1,
    )


def edited(image_id: str) -> EditResult:
    metrics = Metrics(psnr=20, ssim=0.8)
    picture = EditedImage(prompt="a dog on grass", url=f"/images/{image_id}/results/x.png", metrics=metrics)
    timings = Timings(queued=0, source=0, edit=1, save=0)
    return EditResult(image_id=image_id, images=[picture], source_cached=True, timings=timings)


def begin(shared: Store, job_id: str) -> Any:
    claim = shared.jobs.begin(job_id, "test", 30)
    assert claim is not None
    return claim


def ready(http: TestClient, shared: Store, png: bytes, **fields: Any) -> str:
    accepted = invert(http, png, **fields)
    shared.jobs.succeed(begin(shared, accepted.job_id), inverted(accepted.image_id))
    return accepted.image_id


def test_invert_queues_a_job_and_keeps_the_picture(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    assert accepted.status == "queued"
    assert shared.queued() == 1
    assert shared.blobs.get(keys.source(accepted.image_id)) == uploads.read(png).png
    image = http.get(accepted.links.image).json()
    assert (image["status"], image["width"], image["height"]) == ("pending", 40, 32)


def test_a_form_and_json_and_a_data_url_mean_the_same(http: TestClient, png: bytes) -> None:
    # A tail that needs padding and the characters in which the two alphabets differ.
    bare = base64.b64encode(png + b"\xfb" * (9 + (1 - len(png)) % 3)).decode()
    form = invert(http, png, steps="30", method="direct", params="{}")
    asked = {"prompt": "a cat on grass", "steps": 30}
    ids = {form.image_id}
    urlsafe = bare.replace("+", "-").replace("/", "_")
    assert urlsafe != bare != bare.rstrip("=")
    forms = (
        *(bare, f"data:image/png;base64,{bare}", "\r\n\t ".join((bare[:40], bare[40:]))),
        *(urlsafe, bare.rstrip("=")),
    )
    for image in forms:
        answer = http.post("/invert", json={"image": image, **asked})
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["image_id"])
    assert len(ids) == 1


def test_fields_that_a_browser_sends_empty_are_left_out(http: TestClient, png: bytes) -> None:
    empty = invert(http, png, steps="", method="", params="", model="")
    assert empty.image_id == invert(http, png).image_id
    assert invert(http, png, prompt="").image_id != empty.image_id


def test_base64_is_decoded_off_the_event_loop(
    http: TestClient, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> bytes:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return png

    monkeypatch.setattr("service.bodies.base64.b64decode", decode)
    assert http.post("/invert", json={"image": "AAAA", "prompt": "a cat"}).status_code == 202


def test_the_same_request_is_inverted_once(http: TestClient, shared: Store, png: bytes) -> None:
    first, second = invert(http, png), invert(http, png)
    assert first == second
    assert shared.queued() == 1
    shared.jobs.succeed(begin(shared, first.job_id), inverted(first.image_id))
    third = invert(http, png)
    assert (third.status, third.image_id) == ("succeeded", first.image_id)
    assert http.get(third.links.self).json()["result"]["cached"] is True


@pytest.mark.parametrize(
    "fields", [{"prompt": "a dog"}, {"steps": "20"}, {"method": "ddim"}], ids=["prompt", "steps", "method"]
)
def test_other_options_make_another_image(http: TestClient, png: bytes, fields: dict[str, str]) -> None:
    assert invert(http, png, **fields).image_id != invert(http, png).image_id


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({}, ["prompt"]),
        ({"prompt": "x", "steps": "0"}, ["steps"]),
        ({"prompt": "x", "steps": "fifty"}, ["steps"]),
        ({"prompt": "x", "method": "magic"}, ["method"]),
        ({"prompt": "x", "params": "{"}, ["params"]),
        ({"prompt": "x", "params": '{"tau": 1}'}, ["params", "tau"]),
        ({"prompt": "x", "params": "[1]"}, ["params"]),
        ({"prompt": "x", "colour": "red"}, ["colour"]),
        ({"prompt": "x" * 2001}, ["prompt"]),
        ({"prompt": ["x", "y"]}, ["prompt"]),
    ],
)
def test_a_bad_form_names_the_field(
    http: TestClient, png: bytes, fields: dict[str, Any], loc: list[str]
) -> None:
    answer = http.post("/invert", files={"image": png}, data=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"][0]["loc"][: len(loc)] == loc


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "x"},
        {"image": "", "prompt": "x"},
        {"image": "!!!!", "prompt": "x"},
        {"image": "é" * 4, "prompt": "x"},
        {"image": "AAAAA", "prompt": "x"},
        {"image": "aGVsbG8=", "prompt": "x", "model": ""},
        {"image": "data:image/png,abc", "prompt": "x"},
        {"image": 5, "prompt": "x"},
        {"image": "aGVsbG8=", "prompt": "x", "steps": "50"},
        {"image": "aGVsbG8=", "prompt": "x", "extra": 1},
    ],
)
def test_bad_json_is_refused(http: TestClient, body: dict[str, Any]) -> None:
    answer = http.post("/invert", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


def test_bad_forms_are_refused(http: TestClient, png: bytes) -> None:
    twice = [("image", ("a.png", png)), ("image", ("b.png", png))]
    answers = [
        http.post("/invert", files=twice, data={"prompt": "x"}),
        http.post("/invert", files={"picture": png}, data={"prompt": "x"}),
        http.post("/invert", files={"prompt": b"a file"}, data={"image": "text"}),
        http.post("/invert", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"}),
        http.post("/invert", content=b"--x", headers={"content-type": "multipart/form-data"}),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(422, "validation_error")] * 5


def test_a_picture_that_is_refused_leaves_nothing_behind(http: TestClient, shared: Store) -> None:
    answers = [
        http.post("/invert", files={"image": b"GIF89a"}, data={"prompt": "x"}),
        http.post("/invert", files={"image": b""}, data={"prompt": "x"}),
        http.post("/invert", json={"image": "aGVsbG8=", "prompt": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [415, 422, 415]
    assert shared.queued() == 0
    assert shared.images.recent() == []


def test_a_full_disk_is_told_apart(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import StorageFull

    def put(_: object, key: str, data: bytes) -> None:
        raise StorageFull(key)

    monkeypatch.setattr(type(shared.blobs), "put", put)
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"})
    assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage")
    assert shared.queued() == 0


def test_a_model_nobody_serves_is_refused(http: TestClient, png: bytes) -> None:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "model": "sd99"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")
    assert "miniature" in answer.json()["detail"]


def serve(shared: Store, token_limit: int = 16, name: str = "miniature") -> None:
    model = ModelInfo(name=name, size=64, token_limit=token_limit, guidance_scale=3)
    shared.presence.publish("worker", model, 30)


def test_the_only_model_served_is_the_default(http: TestClient, shared: Store, png: bytes) -> None:
    serve(shared, name="tiny")
    assert http.get(invert(http, png).links.image).json()["model"] == "tiny"


def test_prompts_too_long_for_the_model_are_refused(http: TestClient, shared: Store, png: bytes) -> None:
    serve(shared, token_limit=8)
    long = "a very small cat on green grass"
    answer = http.post("/invert", files={"image": png}, data={"prompt": long})
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_too_long")
    assert (answer.json()["tokens"], answer.json()["limit"]) == (9, 8)
    answer = edit(http, invert(http, png).image_id, long)
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_too_long")


def test_an_edit_waits_for_its_inversion(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    answer = edit(http, accepted.image_id)
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert shared.queued() == 1
    assert shared.jobs.begin(answer.json()["job_id"], "test", 30) is None
    shared.jobs.succeed(begin(shared, accepted.job_id), inverted(accepted.image_id))
    claim = begin(shared, answer.json()["job_id"])
    shared.jobs.succeed(claim, edited(accepted.image_id), ("the prompt was cut",))
    job = http.get(answer.json()["links"]["self"]).json()
    assert (job["status"], job["kind"], job["warnings"]) == ("succeeded", "edit", ["the prompt was cut"])
    assert job["result"]["images"][0]["prompt"] == "a dog on grass"


def test_an_edit_fails_with_its_inversions_error(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    waiting = edit(http, accepted.image_id).json()["links"]["self"]
    problem = Problem.of(ErrorCode.NUMERICAL_ERROR, "the latents are not finite")
    shared.jobs.fail(begin(shared, accepted.job_id), problem)
    assert http.get(waiting).json()["error"]["code"] == "numerical_error"
    late = edit(http, accepted.image_id)
    assert (late.status_code, late.json()["code"], late.json()["status"]) == (409, "numerical_error", 409)
    assert "not finite" in late.json()["detail"]


def test_editing_an_image_nobody_sent_is_not_found(http: TestClient) -> None:
    answer = edit(http, OTHER_IMAGE)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"reweight": {"lion": 2.0}}, "lion"),
        ({"reweight": {"cat": 2.0}}, "cat"),
        ({"tau_c": {"default": 0.4, "lion": 0.2}}, "lion"),
        ({"blend_words": ["dog", "lion"]}, "lion"),
        ({"blend_words": ["dog"], "subtract_words": ["sea"]}, "sea"),
    ],
)
def test_unknown_words_are_named_before_queueing(
    http: TestClient, shared: Store, png: bytes, params: dict[str, Any], word: str
) -> None:
    image = ready(http, shared, png)
    before = shared.queued()
    answer = edit(http, image, params=params)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["word"]) == (422, "unknown_word", word)
    assert {"dog", "grass"} <= set(problem["words"])
    assert shared.queued() == before


@pytest.mark.parametrize(
    ("targets", "params", "named"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog"]}, "a fox on grass"),
        (["a dog on grass", "A cat, on grass"], {"blend_words": "changed"}, "A cat, on grass"),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 1.0}}, "a cat on grass"),
        (
            ["a cat on grass", "a dog on grass"],
            {"blend_words": "changed", "reweight": {"dog": 2}},
            "a cat on grass",
        ),
    ],
)
def test_a_target_in_which_nothing_may_change_is_refused(
    http: TestClient, shared: Store, png: bytes, targets: list[str], params: dict[str, Any], named: str
) -> None:
    image = ready(http, shared, png)
    answer = http.post("/edit", json={"image_id": image, "prompts": targets, "params": params})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_parameter")
    assert (problem["parameter"], problem["value"]) == ("blend_words", params["blend_words"])
    assert named in problem["detail"]
    assert [word.lower() for word in problem["words"]] == [
        "a",
        "cat" if "at" in named else "fox",
        "on",
        "grass",
    ]


@pytest.mark.parametrize(
    ("targets", "params"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["cat"]}),
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog", "fox"]}),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 2}}),
        (["a cat on grass"], {"blend_words": []}),
        (["a dog's bed on grass"], {"blend_words": ["dog"], "reweight": {"bed on": 2}}),
    ],
)
def test_a_target_in_which_something_may_change_is_accepted(
    http: TestClient, shared: Store, png: bytes, targets: list[str], params: dict[str, Any]
) -> None:
    image = ready(http, shared, png)
    answer = http.post("/edit", json={"image_id": image, "prompts": targets, "params": params})
    assert answer.status_code == 202, answer.text


def test_words_are_looked_up_without_reading_the_prompts_again(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ready(http, shared, png)
    read: list[str] = []

    def words(text: str) -> Any:
        read.append(text)
        return prompts.words(text)

    monkeypatch.setattr("service.checks.words", words)
    target = " ".join(f"word{n}" for n in range(32))
    params = {"tau_c": {f"word{n}": 0.5 for n in range(32)}, "reweight": {f"word{n}": 2 for n in range(32)}}
    monkeypatch.setattr("service.checks.find", lambda prompt, word: read.append(prompt))
    assert edit(http, image, target, params=params).status_code == 202
    assert read.count(target) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"reweight": {"Dog": -1}},
        {"tau_c": {"default": 0.8, "dog": [0.1, 0.4]}},
        {"blend_words": ["cat", "dog"], "subtract_words": ["grass"]},
        {"blend_words": "changed"},
        {"edit": "replace"},
        {"tau_s": [0.1, 0.5]},
    ],
)
def test_good_params_are_accepted(
    http: TestClient, shared: Store, png: bytes, params: dict[str, Any]
) -> None:
    answer = edit(http, ready(http, shared, png), params=params)
    assert answer.status_code == 202, answer.text


def test_replace_needs_as_many_words(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png)
    answer = edit(http, image, "a big dog on grass", params={"edit": "replace"})
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")
    assert edit(http, image, "a big dog on grass").status_code == 202


def test_a_target_without_words_is_refused(http: TestClient, shared: Store, png: bytes) -> None:
    answer = edit(http, ready(http, shared, png), "!?")
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")


def test_an_image_without_a_prompt_cannot_be_edited_by_words(
    http: TestClient, shared: Store, png: bytes
) -> None:
    answer = edit(http, ready(http, shared, png, prompt=""))
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")


@pytest.mark.parametrize(
    "fields",
    [
        {"prompts": ["a dog"], "prompt": "a dog"},
        {"prompt": None},
        {"prompt": None, "prompts": []},
        {"prompt": ""},
        {"params": {"tau_c": 2}},
        {"params": {"tau_c": {f"w{n}": 0.5 for n in range(34)}}},
        {"params": {"tau_s": "0.5"}},
        {"params": {"tau_c": True}},
        {"params": {"tau_s": [0.8, 0.2]}},
        {"params": {"unknown": 1}},
        {"method": "magic"},
        {"guidance_scale": "7"},
        {"image_id": "../../etc/passwd"},
    ],
)
def test_bad_edits_are_validation_errors(http: TestClient, fields: dict[str, Any]) -> None:
    asked = {"image_id": OTHER_IMAGE, "prompt": "a dog", **fields}
    answer = http.post("/edit", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"]


def test_a_running_job_tells_how_far_it_is(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    claim = begin(shared, accepted.job_id)
    shared.jobs.progress(claim, Progress(phase="invert", step=10, total=50, percent=20.0), 4.0)
    job = http.get(accepted.links.self).json()
    assert job["status"] == "processing"
    assert job["progress"] == {"phase": "invert", "step": 10, "total": 50, "percent": 20.0}
    assert 3 < job["eta_s"] <= 4
    assert job["started_at"] >= job["created_at"]
    assert job["expires_at"] > job["created_at"]


def test_cancelling_is_idempotent_and_too_late_is_a_conflict(
    http: TestClient, shared: Store, png: bytes
) -> None:
    accepted = invert(http, png)
    for _ in range(2):
        answer = http.post(accepted.links.cancel)
        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    image = ready(http, shared, png)
    job = edit(http, image).json()
    shared.jobs.succeed(begin(shared, job["job_id"]), edited(image))
    late = http.post(job["links"]["cancel"])
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert "succeeded" in late.json()["detail"]


def test_a_running_job_is_asked_to_stop(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    claim = begin(shared, accepted.job_id)
    assert http.post(accepted.links.cancel).json()["status"] == "processing"
    assert shared.jobs.beat(claim, 30) == "cancel"


def test_cancelling_a_job_nobody_knows_is_not_found(http: TestClient) -> None:
    assert http.post("/jobs/job_" + "a" * 26 + "/cancel").status_code == 404


def test_jobs_are_listed_newest_first(http: TestClient, png: bytes) -> None:
    accepted = invert(http, png)
    made = [accepted.job_id, *(edit(http, accepted.image_id).json()["job_id"] for _ in range(3))]
    listed = http.get("/jobs").json()["jobs"]
    assert {job["id"] for job in listed} == set(made)
    times = [job["created_at"] for job in listed]
    assert times == sorted(times, reverse=True)
    assert times[0] >= times[-1] == http.get(accepted.links.self).json()["created_at"]
    assert len(http.get("/jobs?limit=2").json()["jobs"]) == 2


def test_methods_carry_their_schemas(http: TestClient) -> None:
    methods = {method["name"]: method for method in http.get("/methods").json()}
    assert {"ddim", "direct", "p2p"} <= set(methods)
    assert methods["direct"]["default"]
    assert not methods["ddim"]["default"]
    assert "tau_c" in json.dumps(methods["p2p"]["params_schema"]["properties"])


def test_models_are_those_that_live_workers_serve(http: TestClient, shared: Store) -> None:
    assert http.get("/models").json() == []
    serve(shared)
    assert [model["name"] for model in http.get("/models").json()] == ["miniature"]


def test_ready_once_a_worker_serves(http: TestClient, shared: Store) -> None:
    answer = http.get("/readyz")
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (503, ["worker"])
    serve(shared)
    assert http.get("/readyz").status_code == 200


def test_not_ready_while_files_cannot_be_written(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import StorageFull

    def put(_: object, key: str, data: bytes) -> None:
        raise StorageFull("no room left")

    serve(shared)
    monkeypatch.setattr(type(shared.blobs), "put", put)
    answer = http.get("/readyz")
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (503, ["store"])
    assert "no room left" in answer.json()["detail"]
