"""Jobs and images, page by page."""

import pytest
from starlette.testclient import TestClient

from store import Store
from tests.service.conftest import edit, invert, png_of, ready


def test_pages_follow_each_other_and_new_jobs_do_not_move_them(http: TestClient, png: bytes) -> None:
    accepted = invert(http, png)
    made = [accepted.job_id, *(edit(http, accepted.image_id).json()["job_id"] for _ in range(4))]
    found, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = http.get("/jobs", params=query).json()
        found += [job["id"] for job in page["jobs"]]
        edit(http, accepted.image_id)
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(found) == sorted(made)
    assert found[-1] == made[0]


def test_jobs_are_listed_by_what_they_are(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png)
    other = invert(http, png_of((32, 40)))
    job = edit(http, image).json()["job_id"]

    def listed(**query: str) -> list[str]:
        return [each["id"] for each in http.get("/jobs", params=query).json()["jobs"]]

    assert listed(kind="edit") == [job]
    assert listed(image_id=other.image_id) == [other.job_id]
    assert set(listed(status="queued")) == {job, other.job_id}
    assert listed(status="queued", kind="invert") == [other.job_id]
    assert listed(status="failed") == []


def test_images_are_listed_newest_first(http: TestClient) -> None:
    made = [invert(http, png_of((40, 32 + number))).image_id for number in range(3)]
    first = http.get("/images", params={"limit": 2}).json()
    assert [image["id"] for image in first["images"]] == made[:0:-1]
    rest = http.get("/images", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([image["id"] for image in rest["images"]], rest["next_cursor"]) == (made[:1], None)


@pytest.mark.parametrize("path", ["/jobs", "/images"])
@pytest.mark.parametrize("cursor", ["", "x", "0", "-1", "é", "x" * 201])
def test_what_is_no_cursor_is_refused(http: TestClient, path: str, cursor: str) -> None:
    answer = http.get(path, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "cursor"])
