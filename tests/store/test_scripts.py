"""The scripts as files: each can be read by the server, and none spells the name of a key."""

from pathlib import Path

import pytest

from store import Store, keys, scripts
from store.names import NAMES

FILES = sorted(Path(scripts.__file__).with_name("lua").glob("*.lua"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_script_is_lua_and_takes_names_of_keys_from_the_list(shared: Store, file: Path) -> None:
    assert shared.redis.script_load(scripts.text(file.stem))
    source = file.read_text()
    assert "'pentimento" not in source
    assert "'rq:" not in source
    assert max(map(len, source.splitlines())) <= 120


def test_python_and_the_scripts_call_the_same_key_by_the_same_name(shared: Store) -> None:
    filled = {
        "job": keys.job("x"),
        "events": keys.events("x"),
        "preview": keys.preview("x"),
        "webhooks": keys.webhooks("x"),
        "deliveries": keys.deliveries("x"),
        "image": keys.image("x"),
        "records": keys.records("x"),
        "jobs_of": keys.jobs_of("x"),
        "jobs_by": keys.jobs_by("x"),
        "images_by": keys.images_by("x"),
    }
    pairs = {"record": keys.record("x", "y"), "waiting": keys.waiting("x", "y")}
    calls = [*(f"{name}('x')" for name in filled), *(f"{name}('x', 'y')" for name in pairs)]
    asked = f"{scripts.text('names')} return {{{', '.join(calls)}, QUEUE}}"
    assert shared.redis.eval(asked, 0) == [*filled.values(), *pairs.values(), NAMES["QUEUE"]]


def test_what_a_script_includes_comes_once_and_before_it() -> None:
    text = scripts.text("submit_edit")
    assert text.count("local function finish(") == 1
    assert text.index("local function job(") < text.index("local function finish(") < text.index("'missing'")
