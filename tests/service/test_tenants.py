"""What is another tenant's answers like what never was, in every route there is and will be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import Accepted, JobStatus
from store import Store, keys
from tests.service.conftest import NO_IMAGE, begin, edited, inverted

NO_JOB = "job_" + "a" * 26
EDIT = {"prompt": "a dog on grass"}
# Posts that name nothing in their path; each is tried by a test below, or acts on nothing that is stored.
PLAIN_POSTS = {"/invert", "/edit", "/generate", "/images", "/prompts/compare"}


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A caller, and what it has."""

    http: TestClient
    auth: dict[str, str]

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.http.request(method, path, headers={**self.auth, **more.pop("headers", {})}, **more)

    def invert(self, png: bytes) -> Accepted:
        answer = self.ask("POST", "/invert", files={"image": png}, data={"prompt": "a cat on grass"})
        assert answer.status_code == 202, answer.text
        return Accepted.model_validate(answer.json())


def tenant(http: TestClient, shared: Store, name: str) -> Tenant:
    _, token = shared.apikeys.add(name, tenant=name)
    return Tenant(http=http, auth={"Authorization": f"Bearer {token}"})


@pytest.fixture
def owner(http: TestClient, shared: Store) -> Tenant:
    return tenant(http, shared, "owner")


@pytest.fixture
def stranger(http: TestClient, shared: Store) -> Tenant:
    return tenant(http, shared, "stranger")


@pytest.fixture
def things(owner: Tenant, shared: Store, png: bytes) -> dict[str, str]:
    """The path parameters that name what the owner has: an image, and an edit of it that has ended."""
    image_id = owner.invert(png).image_id
    (waiting,) = owner.ask("GET", "/jobs").json()["jobs"]
    claim = begin(shared, waiting["id"])
    shared.jobs.succeed(claim, inverted(*claim.record))
    of_inversion = (keys.working(*claim.record), keys.reconstruction(*claim.record))
    for name in (*of_inversion, keys.result(image_id, png), keys.mask(image_id, png)):
        shared.blobs.put(name, png)
    job_id = owner.ask("POST", "/edit", json={**EDIT, "image_id": image_id}).json()["job_id"]
    claim = begin(shared, job_id)
    shared.jobs.preview(claim, png)
    shared.jobs.succeed(claim, edited(image_id))
    digest = PurePosixPath(keys.result(image_id, png)).stem
    names = {"record_id": claim.record_id, "name": "working.png", "digest": digest}
    return {"image_id": image_id, "job_id": job_id, **names}


def routes(http: TestClient) -> list[tuple[str, str]]:
    """Method and template of every route, those last that change something."""
    paths = http.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return sorted(found, key=lambda route: (["GET", "POST", "DELETE"].index(route[0]), route[1]))


def naming(http: TestClient) -> Iterator[tuple[str, str]]:
    return (route for route in routes(http) if "{" in route[1])


def test_every_route_that_names_a_thing_hides_it_from_others(
    http: TestClient, owner: Tenant, stranger: Tenant, things: dict[str, str]
) -> None:
    nothing = {**things, "image_id": NO_IMAGE, "job_id": NO_JOB}
    for method, path in naming(http):
        theirs = stranger.ask(method, path.format(**things))
        never = stranger.ask(method, path.format(**nothing))
        assert theirs.status_code == never.status_code == 404, (method, path)
        told = theirs.text
        for name in ("image_id", "job_id"):
            told = told.replace(things[name], nothing[name])
        assert told == never.text, (method, path)
    for method, path in naming(http):
        assert owner.ask(method, path.format(**things)).status_code not in (404, 422), (method, path)


def test_no_list_shows_what_is_anothers(
    http: TestClient, owner: Tenant, stranger: Tenant, things: dict[str, str]
) -> None:
    plain = [path for method, path in routes(http) if method == "GET" and "{" not in path]
    assert {"/jobs", "/images"} <= set(plain)
    for path in [*plain, f"/jobs?image_id={things['image_id']}"]:
        told = stranger.ask("GET", path).text
        assert things["image_id"] not in told, path
        assert things["job_id"] not in told, path
    for path in ("/jobs", "/images"):
        assert things["image_id"] in owner.ask("GET", path).text


def test_a_cursor_opens_no_list_but_ones_own(owner: Tenant, stranger: Tenant, things: dict[str, str]) -> None:
    cursor = owner.ask("GET", "/jobs?limit=1").json()["next_cursor"]
    assert things["image_id"] in owner.ask("GET", f"/jobs?cursor={cursor}").text
    assert things["image_id"] not in stranger.ask("GET", f"/jobs?cursor={cursor}").text


def test_the_image_of_another_cannot_be_edited(
    http: TestClient, stranger: Tenant, things: dict[str, str]
) -> None:
    posts = {path for method, path in routes(http) if method == "POST" and "{" not in path}
    assert posts <= PLAIN_POSTS, "say here what a stranger may do with it"
    answer = stranger.ask("POST", "/edit", json={**EDIT, "image_id": things["image_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    result = f"/images/{things['image_id']}/results/{'0' * 64}.png"
    for named in ({"job_id": things["job_id"]}, result):
        answer = stranger.ask("POST", "/images", json={"from_result": named, "prompt": "a cat"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), named


def test_the_same_picture_is_another_image_for_another(
    owner: Tenant, stranger: Tenant, things: dict[str, str], png: bytes
) -> None:
    assert owner.invert(png).image_id == things["image_id"]
    source = f"/images/{things['image_id']}/source.png"
    before = owner.ask("GET", source).content
    own = stranger.invert(png)
    assert own.image_id != things["image_id"]
    assert own.status is JobStatus.QUEUED
    assert stranger.ask("DELETE", f"/images/{own.image_id}").status_code == 204
    assert owner.ask("GET", source).content == before


def test_a_waiting_job_is_canceled_by_its_owner_alone(
    owner: Tenant, stranger: Tenant, things: dict[str, str]
) -> None:
    edit = owner.ask("POST", "/edit", json={**EDIT, "image_id": things["image_id"]}).json()["job_id"]
    assert stranger.ask("POST", f"/jobs/{edit}/cancel").status_code == 404
    assert owner.ask("GET", f"/jobs/{edit}").json()["status"] == "queued"
    assert owner.ask("POST", f"/jobs/{edit}/cancel").json()["status"] == "canceled"


def test_the_same_idempotency_key_of_two_tenants_are_two(owner: Tenant, stranger: Tenant, png: bytes) -> None:
    ids = {
        each.ask(
            "POST",
            "/invert",
            headers={"Idempotency-Key": "one"},
            files={"image": png},
            data={"prompt": "a cat on grass"},
        ).json()["job_id"]
        for each in (owner, stranger)
    }
    assert len(ids) == 2


def test_two_keys_of_one_tenant_share_what_they_have(
    http: TestClient, shared: Store, things: dict[str, str]
) -> None:
    colleague = tenant(http, shared, "owner")
    assert colleague.ask("GET", f"/jobs/{things['job_id']}").status_code == 200


def test_a_tenant_that_fills_its_queue_leaves_room_for_others(
    http: TestClient, shared: Store, stranger: Tenant, png: bytes
) -> None:
    _, token = shared.apikeys.add("small", tenant="small", max_queued=1)
    small = Tenant(http=http, auth={"Authorization": f"Bearer {token}"})
    image_id = small.invert(png).image_id
    full = small.ask("POST", "/edit", json={**EDIT, "image_id": image_id})
    assert (full.status_code, full.json()["code"]) == (429, "queue_full")
    assert int(full.headers["retry-after"]) >= 1
    assert stranger.invert(png).status is JobStatus.QUEUED


def test_the_same_painting_is_an_image_of_its_own_to_each(owner: Tenant, stranger: Tenant) -> None:
    asked = {"prompt": "a cat", "width": 64, "height": 64, "guidance_scale": 3}
    mine, theirs = (each.ask("POST", "/generate", json=asked).json() for each in (owner, stranger))
    assert mine["image_id"] != theirs["image_id"]
    assert stranger.ask("GET", f"/images/{mine['image_id']}").status_code == 404
