"""How the page is served; what it does is tested in a browser, in tests/studio."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import service

STUDIO = Path(service.__file__).parent / "studio"
FILES = sorted(str(path.relative_to(STUDIO)) for path in STUDIO.rglob("*") if path.is_file())


def test_the_page_allows_no_script_but_its_own(http: TestClient) -> None:
    answer = http.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; img-src 'self' blob: data:;")
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", answer.text)


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_type_and_kept_until_it_changes(http: TestClient, name: str) -> None:
    answer = http.get(f"/studio/{name}")
    kinds = {"html": "text/html", "css": "text/css", "js": "javascript", "png": "image/png", "svg": "svg"}
    assert kinds[name.rsplit(".", 1)[1]] in answer.headers["content-type"]
    again = http.get(f"/studio/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


@pytest.mark.parametrize("path", ["nothing.js", "../app.py", "%2e%2e/app.py", "", "examples"])
def test_nothing_else_is_served(http: TestClient, path: str) -> None:
    answer = http.get(f"/studio/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_files_take_no_other_method(http: TestClient) -> None:
    assert http.post("/studio/index.html").json()["code"] == "method_not_allowed"
    assert http.post("/").json()["code"] == "method_not_allowed"


def test_other_answers_allow_nothing_at_all(http: TestClient) -> None:
    assert http.get("/healthz").headers["content-security-policy"].startswith("default-src 'none'")
