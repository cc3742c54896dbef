"""The description as a page: all of it, and nothing from elsewhere."""

import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient


def test_every_operation_and_schema_is_on_the_page_and_every_link_leads_somewhere(http: TestClient) -> None:
    answer = http.get("/docs")
    document: dict[str, Any] = http.get("/openapi.json").json()
    named = {op["operationId"] for verbs in document["paths"].values() for op in verbs.values()}
    anchors = set(re.findall(r'<details id="([^"]+)"', answer.text))
    assert anchors == named | set(document["components"]["schemas"])
    links = set(re.findall(r'href="([^"]+)"', answer.text))
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= anchors
    assert {link for link in links if not link.startswith("#")} == {"/", "/openapi.json"}


def test_the_page_has_no_script_and_may_load_nothing(http: TestClient) -> None:
    answer = http.get("/docs")
    assert not re.search(r"<script|<link|\bsrc=|@import|url\(", answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "cat on grass" in unescape(answer.text)


def test_the_fields_of_every_form_are_on_the_page(http: TestClient) -> None:
    [edit] = re.findall(r'<details id="edit">(.*?)</details>', http.get("/docs").text, re.DOTALL)
    form = edit.partition("multipart/form-data")[2].partition("<h3>")[0]
    assert {"image", "source_prompt", "prompt", "method"} <= set(re.findall("<code>([a-z_]+)</code>", form))
