"""The service under a path of its host."""

import io
import json
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api_schemas import OutputFormat, Progress
from pentimento import Client
from service.app import create_app
from service.prefix import prefixed
from service.settings import ServiceSettings
from store import Store, keys
from tests.results import inverted
from tests.service.conftest import begin, edited, png_of, serve, served_before
from tests.service.live import serving

UNDER = ServiceSettings(path_prefix="/tools/pentimento")


@pytest.fixture
def under(shared: Store) -> Iterator[TestClient]:
    served_before(shared)
    with TestClient(create_app(shared, UNDER), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_links_and_location_lead_back_to_it(under: TestClient, shared: Store, png: bytes) -> None:
    answer = under.post("/tools/pentimento/invert", files={"image": png}, data={"prompt": "a cat"})
    assert answer.status_code == 202, answer.text
    links = answer.json()["links"]
    assert set(map(str, links.values())) == {
        f"/tools/pentimento/{path}"
        for path in (
            f"jobs/{answer.json()['job_id']}",
            f"jobs/{answer.json()['job_id']}/events",
            f"jobs/{answer.json()['job_id']}/cancel",
            f"images/{answer.json()['image_id']}",
        )
    }
    assert answer.headers["location"] == links["self"]
    image = under.get(links["image"]).json()
    assert under.get(image["source_url"]).headers["content-type"] == "image/png"
    assert under.head(links["image"]).status_code == 200


@pytest.mark.parametrize("path", ["/", "", "/docs", "/studio/main.js", "/openapi.json", "/healthz"])
def test_what_belongs_to_it_is_there_with_the_prefix_and_without(under: TestClient, path: str) -> None:
    for prefix in ("", "/tools/pentimento"):
        assert under.get(prefix + path, follow_redirects=True).status_code == 200
    assert under.get("/tools/pentimentox/healthz").status_code == 404


def test_the_description_and_its_page_name_the_prefix(under: TestClient) -> None:
    assert under.get("/openapi.json").json()["servers"] == [{"url": "/tools/pentimento"}]
    assert 'href="/tools/pentimento/openapi.json"' in under.get("/tools/pentimento/docs").text


def test_events_name_previews_under_it_and_the_client_finds_everything(shared: Store, png: bytes) -> None:
    serve(shared)
    with serving(shared, UNDER) as live, Client(f"{live.url}/tools/pentimento") as client:
        cat = client.invert(png, "a cat on grass")
        claim = begin(shared, cat.job_id)
        shared.jobs.progress(
            claim, Progress(phase="edit", step=1, total=2, preview_url="/jobs/x/preview.png"), 1
        )
        shared.jobs.cancel(claim)
        previews = [each.progress.preview_url for each in client.events(cat) if each.progress]
        assert previews[0] == "/tools/pentimento/jobs/x/preview.png"
        assert client.picture(client.image(cat).source_url).size == (40, 32)


@pytest.mark.parametrize("host", ["", "https://edit.example"])
def test_urls_of_answers_are_taken_back(under: TestClient, shared: Store, host: str) -> None:
    png, files = png_of((40, 32)), {"image": png_of((40, 32)), "mask": mask_of((40, 32))}
    sent = under.post("/edit", data={"source_prompt": "a cat", "prompt": "a dog"}, files=files).json()
    image, job = sent["image_id"], under.get(sent["links"]["self"]).json()
    key = keys.result(image, png)
    shared.blobs.put(key, png)
    inversion = under.get("/jobs?kind=invert").json()["jobs"][0]["id"]
    shared.jobs.succeed(begin(shared, inversion), inverted(image))
    result = edited(image)
    made = result.images[0].model_copy(update={"url": keys.url(key, OutputFormat.WEBP, 80)})
    shared.jobs.succeed(begin(shared, job["id"]), result.model_copy(update={"images": [made]}))

    mask = host + job["request"]["mask"]
    url = host + under.get(sent["links"]["self"]).json()["result"]["images"][0]["url"]
    assert "/tools/pentimento/" in mask
    assert "/tools/pentimento/" in url
    assert under.get(mask.removeprefix(host)).status_code == 200
    bodies: list[tuple[str, dict[str, str]]] = [
        ("/edit", {"image_id": image, "mask": mask}),
        ("/edit", {"image_id": url}),
        ("/images", {"from_result": url}),
    ]
    for path, body in bodies:
        answer = under.post(path, json={**body, "prompt": "a horse"})
        assert answer.status_code == 202, answer.text
        if path == "/edit":
            form = {name: (None, value) for name, value in {**body, "prompt": "a cow"}.items()}
            assert under.post(path, files=form).status_code == 202


def mask_of(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, 255).save(buffer, "PNG")
    return buffer.getvalue()


def test_only_fields_of_answers_are_changed() -> None:
    said = {
        "url": "/images/a",
        "prompt": '"url":"/images/a", /jobs/b',
        "urls": ["/images/a", "/images/b"],
        "webhook_url": "https://example.com/images/a",
        "mask_url": None,
        "words": ["/images/a", "/images/b"],
    }
    changed = json.loads(prefixed(json.dumps(said).encode(), "/p"))
    assert changed == said | {"url": "/p/images/a", "urls": ["/p/images/a", "/p/images/b"]}
