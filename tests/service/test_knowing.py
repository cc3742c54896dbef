"""Words that the model was not taught, named before anything is queued."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import Knowledge, ModelInfo, Notice
from service.knowing import doubts
from store import Store
from store.presence import Presence
from tests.service.conftest import begin, edit, invert, inverted, serve

KNOWS = Knowledge(demo=True, words=["a", "cat", "fox", "grass", "on", "pixel", "art", "watercolour"])


def model(knows: Knowledge | None) -> ModelInfo:
    return ModelInfo(name="tiny", size=64, token_limit=77, guidance_scale=3, knows=knows)


def strange(notices: list[Notice]) -> dict[str | None, list[str]]:
    return {notice.word: notice.nearest for notice in notices if notice.code == "unknown_to_model"}


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a cat on grass", {}),
        ("The Cat's grass, beside it", {}),
        ("a watercolor of a cat", {"watercolor": ["watercolour"]}),
        ("a foxx and a unicorn", {"foxx": ["fox"], "unicorn": []}),
        ("a unicorn, a Unicorn", {"Unicorn": []}),
        ("", {}),
    ],
)
def test_words_are_looked_up_as_they_are_meant(prompt: str, found: dict[str, list[str]]) -> None:
    assert strange(doubts(model(KNOWS), [prompt, None])) == found


def test_a_model_that_does_not_say_what_it_knows_is_not_doubted() -> None:
    for silent in (None, model(None), model(Knowledge())):
        assert doubts(silent, ["a unicorn"]) == []


@pytest.mark.parametrize(
    ("prompt", "instead"),
    [
        ("a cat (hat:1.5)", '"reweight": {"hat": 1.5}'),
        ("a cat ( red hat : .5 )", '"reweight": {"red hat": 0.5}'),
        ("a [cat:fox:.5]", "'fox' in this place"),
        ("a [:fox:10]", '"tau_c"'),
        ("a cat BREAK grass", '"prompts"'),
        ("a cat <lora:x:1>", "PENTIMENTO_MODEL"),
        ("a ((red cat)) on grass", '"reweight": {"red cat": 1.5}'),
        ("a {cat}", '"reweight": {"cat": 1.5}'),
        ("a [cat]", '"reweight": {"cat": 0.7}'),
        ("a [cat::.5]", "lacks 'cat'"),
        ("a [cat:.5]", "has 'cat'"),
        ("a [cat|fox]", '"prompts"'),
        ("a {cat|fox}", '"prompts"'),
        ("a __animal__", '"prompts"'),
        ("a cat++ on grass", '"reweight": {"cat": 1.5}'),
        ("a (red cat)1.3", '"reweight": {"red cat": 1.3}'),
        ("a cat::2", '"reweight": {"cat": 2}'),
        ("a cat.swap(fox)", "another word for 'cat'"),
        ('("a cat", "a fox").blend(1, 1)', '"prompts"'),
        ("a cat --no red hat", '"negative_prompt": "red hat"'),
        ("a cat --ar 16:9", "own fields"),
        ("a cat embedding:ink", "<ink>"),
    ],
)
def test_what_other_tools_read_as_more_than_text_is_told(prompt: str, instead: str) -> None:
    [notice] = doubts(None, [prompt])
    assert notice.code == "prompt_syntax"
    assert instead in notice.message


def test_brackets_and_colons_of_plain_text_are_none() -> None:
    assert doubts(None, ["a cat (sleeping), 10:30 o'clock, and a break"]) == []
    assert doubts(None, ["a cat -- a red one -- well-known; 1:2, in the style of <ink>"]) == []


def test_no_word_of_foreign_syntax_is_doubted_as_well() -> None:
    notices = doubts(model(KNOWS), ["a <lora:x:1> (cat:1.5) on a hill"])
    assert [(notice.code, notice.word) for notice in notices] == [
        ("prompt_syntax", "<lora:x:1>"),
        ("prompt_syntax", "(cat:1.5)"),
        ("unknown_to_model", "hill"),
    ]


def test_they_are_told_by_compare_by_the_answer_and_by_the_job(
    http: TestClient, shared: Store, png: bytes
) -> None:
    serve(shared, knows=KNOWS)
    told = http.post("/prompts/compare", json={"source": "a cat", "target": "a unicorn"}).json()["warnings"]
    assert [(each["code"], each["word"]) for each in told] == [("unknown_to_model", "unicorn")]

    accepted = invert(http, png, prompt="a kitten on grass")
    assert strange(accepted.warnings) == {"kitten": []}
    shared.jobs.succeed(begin(shared, accepted.job_id), inverted(accepted.image_id))
    assert http.get(accepted.links.self).json()["warnings"][0]["word"] == "kitten"

    answer = edit(http, accepted.image_id, "a unicorn on grass").json()
    assert [each["word"] for each in answer["warnings"]] == ["unicorn"]
    job = http.get(answer["links"]["self"]).json()
    assert [(each["code"], each["word"]) for each in job["warnings"]] == [("unknown_to_model", "unicorn")]


def test_another_model_is_asked_for_by_name(http: TestClient, shared: Store) -> None:
    serve(shared, name="one", knows=KNOWS)
    shared.presence.publish("other", model(None), 60)
    for name, count in (("one", 1), ("tiny", 0), ("nobody", 0)):
        body = {"source": "a cat", "target": "a unicorn", "model": name}
        assert len(http.post("/prompts/compare", json=body).json()["warnings"]) == count


def test_a_request_asks_for_the_models_once(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    ask = Presence.ask

    def counted(pipeline: Any) -> None:
        looks.append(pipeline)
        ask(pipeline)

    monkeypatch.setattr(Presence, "ask", staticmethod(counted))
    serve(shared)
    data = {"source_prompt": "a cat on grass", "prompt": "a dog on grass"}
    assert http.post("/edit", files={"image": png}, data=data).status_code == 202
    assert len(looks) == 1
