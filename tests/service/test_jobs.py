"""Jobs: held, followed, canceled, listed."""

from starlette.testclient import TestClient

from api_schemas import (
    ErrorCode,
    Notice,
    Problem,
    Progress,
)
from store import Store
from tests.service.conftest import NO_IMAGE, begin, edit, edited, invert, inverted, ready


def test_an_edit_waits_for_its_inversion(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    answer = edit(http, accepted.image_id)
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert shared.stats().queued == 1
    assert shared.jobs.begin(answer.json()["job_id"], "test", 30) is None
    shared.jobs.succeed(begin(shared, accepted.job_id), inverted(accepted.image_id))
    claim = begin(shared, answer.json()["job_id"])
    warnings = [Notice(code="cut", message="The prompt was cut.")]
    shared.jobs.succeed(claim, edited(accepted.image_id), warnings)
    job = http.get(answer.json()["links"]["self"]).json()
    assert (job["status"], job["kind"]) == ("succeeded", "edit")
    assert [warning["code"] for warning in job["warnings"]] == ["cut"]
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
    answer = edit(http, NO_IMAGE)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_running_job_tells_how_far_it_is(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    claim = begin(shared, accepted.job_id)
    shared.jobs.progress(claim, Progress(phase="invert", step=10, total=50, percent=20.0), 4.0)
    job = http.get(accepted.links.self).json()
    assert job["status"] == "processing"
    assert job["progress"] == {
        "phase": "invert",
        "step": 10,
        "total": 50,
        "percent": 20.0,
        "preview_url": None,
    }
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


def test_a_preview_is_a_picture_of_now(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    path = f"{accepted.links.self}/preview.png"
    assert http.get(path).json()["code"] == "not_found"
    shared.jobs.preview(begin(shared, accepted.job_id), png)
    answer = http.get(path)
    assert (answer.content, answer.headers["content-type"]) == (png, "image/png")
    assert answer.headers["cache-control"] == "no-store"
    assert http.get(f"/jobs/job_{'a' * 26}/preview.png").status_code == 404
