"""`pentimento keys` finds the store that is there, or brings one along for as long as it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pentimento.serve import ServeError, embedded_store
from pentimento.serve.storing import only_one
from store import Store

Ended = subprocess.CompletedProcess[str]


def keys(*words: str, **environment: str) -> Ended:
    command = [sys.executable, "-m", "pentimento", "keys", *words]
    bare = {name: value for name, value in os.environ.items() if name != "PENTIMENTO_REDIS_URL"}
    return subprocess.run(
        command, env={**bare, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_keys_are_made_listed_and_revoked_in_the_store_that_is_named(shared: Store) -> None:
    url = {"PENTIMENTO_REDIS_URL": shared.settings.redis_url}
    added = keys("add", "the shop", "--tenant", "shop", "--rate", "30", "--max-queued", "5", **url)
    assert added.returncode == 0, added.stderr
    key = shared.apikeys.find(added.stdout.strip())
    assert key is not None
    assert (key.name, key.tenant, key.rate, key.max_queued) == ("the shop", "shop", 30, 5)

    secret = added.stdout.strip().rpartition("_")[2]
    listed = keys("list", **url)
    assert all(text in listed.stdout for text in (key.id, "the shop", "30/min"))
    assert secret not in listed.stdout
    assert json.loads(keys("list", "--json", **url).stdout)[0]["tenant"] == "shop"

    assert keys("revoke", key.id, **url).returncode == 0
    assert shared.apikeys.find(added.stdout.strip()) is None
    assert keys("forget", **url).stdout == "forgot 1\n"
    assert not shared.apikeys.exist()


def test_one_can_wait_for_the_first_key(shared: Store) -> None:
    command = [sys.executable, "-m", "service.keys", "wait"]
    environment = {**os.environ, "PENTIMENTO_REDIS_URL": shared.settings.redis_url}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        assert "service.keys add NAME" in waiting.stderr.readline()
        assert waiting.poll() is None
        shared.apikeys.add("first")
        assert waiting.wait(60) == 0


def test_the_secret_of_webhooks_is_shown_and_replaced(shared: Store) -> None:
    url = {"PENTIMENTO_REDIS_URL": shared.settings.redis_url}
    first, again = (keys("webhook-secret", "--tenant", "shop", **url).stdout for _ in range(2))
    assert first == again
    assert first.startswith("whsec_")
    assert keys("webhook-secret", **url).stdout != first
    replaced = keys("webhook-secret", "--tenant", "shop", "--replace", **url).stdout
    assert replaced != first
    assert keys("webhook-secret", "--tenant", "shop", **url).stdout == replaced


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("revoke", "nobody"), "there is no key 'nobody'"),
        (("add", "x", "--tenant", "No Name"), "cannot name a tenant"),
        (("add", "x", "--rate", "0"), "--rate"),
    ],
)
def test_mistakes_are_said_in_words(shared: Store, words: tuple[str, ...], reason: str) -> None:
    ended = keys(*words, PENTIMENTO_REDIS_URL=shared.settings.redis_url)
    assert ended.returncode != 0
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not shared.apikeys.exist()


def test_a_store_that_is_away_is_said_in_words(tmp_path: Path) -> None:
    ended = keys("list", PENTIMENTO_REDIS_URL=f"unix://{tmp_path}/none.sock")
    assert ended.returncode == 1
    assert "the store cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_store_one_is_started_and_keeps_the_key(tmp_path: Path) -> None:
    home = {"PENTIMENTO_HOME": str(tmp_path)}
    added = keys("add", "first", **home)
    assert added.returncode == 0, added.stderr
    with embedded_store(tmp_path) as url:
        beside = keys("list", **home)
        assert "first" in beside.stdout, beside.stderr
        assert keys("list", PENTIMENTO_REDIS_URL=url).stdout == beside.stdout
    with only_one(tmp_path), pytest.raises(ServeError, match="another"), embedded_store(tmp_path):
        pass
