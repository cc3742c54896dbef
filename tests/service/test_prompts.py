from typing import Any

import pytest
from starlette.testclient import TestClient


def compare(http: TestClient, source: str, target: str) -> Any:
    return http.post("/prompts/compare", json={"source": source, "target": target})


def told(words: list[dict[str, Any]]) -> list[str]:
    return [f"{word['text']}:{word['change']}:{','.join(map(str, word['others']))}" for word in words]


@pytest.mark.parametrize(
    ("source", "target", "edit", "before", "after"),
    [
        (
            "a cat on grass",
            "A dog, on grass",
            "replace",
            ["a:kept:0", "cat:changed:1", "on:kept:2", "grass:kept:3"],
            ["A:kept:0", "dog:changed:1", "on:kept:2", "grass:kept:3"],
        ),
        (
            "a cat on grass",
            "a watercolour of a cat",
            "refine",
            ["a:kept:3", "cat:kept:4", "on:removed:", "grass:removed:"],
            ["a:added:", "watercolour:added:", "of:added:", "a:kept:0", "cat:kept:1"],
        ),
        (
            "a cat sits",
            "a big red dog sits",
            "refine",
            ["a:kept:0", "cat:changed:1,2,3", "sits:kept:4"],
            ["a:kept:0", "big:changed:1", "red:changed:1", "dog:changed:1", "sits:kept:2"],
        ),
        ("", "", "replace", [], []),
        ("", "a dog", "refine", [], ["a:added:", "dog:added:"]),
    ],
)
def test_compare(
    http: TestClient, source: str, target: str, edit: str, before: list[str], after: list[str]
) -> None:
    answer = compare(http, source, target)
    assert answer.status_code == 200
    assert answer.json()["edit"] == edit
    assert told(answer.json()["source"]) == before
    assert told(answer.json()["target"]) == after


def test_spans_count_code_points(http: TestClient) -> None:
    word = compare(http, "a cat", "🎈 cat").json()["target"][1]
    assert (word["start"], word["stop"]) == (2, 5)


def test_prompts_that_no_model_takes_are_refused(http: TestClient) -> None:
    answer = compare(http, "a cat", "a " * 500)
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_too_long")
    assert "target" in answer.json()["detail"]


def test_a_body_that_is_something_else_is_refused(http: TestClient) -> None:
    assert http.post("/prompts/compare", json={"source": "a cat"}).json()["code"] == "validation_error"
