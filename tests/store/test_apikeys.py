"""Keys open what they are for, until revoked, and cannot be read out of the store."""

import hmac
from collections.abc import Iterator

import pytest
from redis.exceptions import OutOfMemoryError

from store import Store, check_tenant


def contents(shared: Store) -> Iterator[str]:
    for key in shared.redis.scan_iter():
        yield key
        if shared.redis.type(key) == "hash":
            yield from shared.redis.hgetall(key).values()


def test_a_key_is_found_by_its_token_with_all_that_was_said_of_it(shared: Store) -> None:
    key, token = shared.apikeys.add("the shop", tenant="shop", rate=30, max_queued=5)
    assert (key.name, key.tenant, key.rate, key.max_queued) == ("the shop", "shop", 30, 5)
    assert shared.apikeys.find(token) == key
    assert shared.apikeys.all() == [key]


def test_what_the_store_holds_opens_nothing(shared: Store) -> None:
    _, token = shared.apikeys.add("shop")
    secret = token.rpartition("_")[2]
    held = list(contents(shared))
    assert any(key.endswith(token.split("_")[1]) for key in held)
    assert not any(secret in text for text in held)
    digests = [text for text in held if len(text) == 64]
    assert digests
    assert all(shared.apikeys.find(f"{token.rpartition('_')[0]}_{text[:48]}") is None for text in digests)


@pytest.mark.parametrize("change", [lambda t: "", lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper()])
def test_what_is_no_token_finds_nothing(shared: Store, change: object) -> None:
    assert callable(change)
    _, token = shared.apikeys.add("shop")
    assert shared.apikeys.find(change(token)) is None
    assert shared.apikeys.find(token) is not None


def test_the_secret_of_one_key_does_not_open_another(shared: Store) -> None:
    one, first = shared.apikeys.add("one")
    _, second = shared.apikeys.add("two")
    assert shared.apikeys.find(f"pk_{one.id}_{second.rpartition('_')[2]}") is None
    assert shared.apikeys.find(first) == one


def test_secrets_are_compared_in_constant_time_whoever_they_belong_to(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(held: str, given: str) -> bool:
        compared.append((len(held), len(given)))
        return real(held, given)

    monkeypatch.setattr("store.apikeys.hmac.compare_digest", compare)
    key, token = shared.apikeys.add("shop")
    revoked, old = shared.apikeys.add("old")
    shared.apikeys.revoke(revoked.id)
    wrong = f"pk_{key.id}_{'0' * 48}"
    unknown = f"pk_{'0' * 12}_{'0' * 48}"
    found = [shared.apikeys.find(each) for each in (token, wrong, unknown, old)]
    assert found == [key, None, None, None]
    assert compared == [(64, 64)] * 4


def test_a_revoked_key_opens_nothing_and_leaves_the_door_shut(shared: Store) -> None:
    key, token = shared.apikeys.add("shop")
    assert not shared.apikeys.revoke("0" * 12)
    assert shared.apikeys.revoke(key.id)
    assert shared.apikeys.find(token) is None
    when = shared.apikeys.all()[0].revoked_at
    assert when is not None
    assert shared.apikeys.revoke(key.id)
    assert shared.apikeys.all()[0].revoked_at == when
    assert shared.apikeys.exist()


def test_a_store_without_room_still_revokes(shared: Store) -> None:
    key, token = shared.apikeys.add("shop")
    shared.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(OutOfMemoryError):
            shared.apikeys.revoke(key.id)
        assert shared.apikeys.find(token) is None
    finally:
        shared.redis.config_set("maxmemory", "0")
    assert shared.apikeys.revoke(key.id)
    assert shared.apikeys.all()[0].revoked_at is not None


def test_only_revoked_keys_are_forgotten(shared: Store) -> None:
    kept, token = shared.apikeys.add("kept")
    gone, _ = shared.apikeys.add("gone")
    shared.apikeys.revoke(gone.id)
    assert shared.apikeys.forget() == 1
    assert shared.apikeys.all() == [kept]
    assert shared.apikeys.find(token) == kept
    shared.apikeys.revoke(kept.id)
    assert shared.apikeys.forget() == 1
    assert not shared.apikeys.exist()
    assert shared.apikeys.forget() == 0
    assert list(contents(shared)) == []


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "\x1b[2Jgone"])
def test_names_that_would_spoil_a_list_are_refused(shared: Store, name: str) -> None:
    with pytest.raises(ValueError, match="a key's name has"):
        shared.apikeys.add(name)
    assert not shared.apikeys.exist()


@pytest.mark.parametrize("tenant", ["", "Shop", "-shop", "a b", "a:b", "x" * 33, "shop\n"])
def test_tenants_have_plain_names(shared: Store, tenant: str) -> None:
    with pytest.raises(ValueError, match="cannot name a tenant"):
        shared.apikeys.add("shop", tenant=tenant)
    check_tenant("shop-1_b")


@pytest.mark.parametrize("limits", [{"rate": 0}, {"max_queued": -1}])
def test_limits_leave_room_for_something(shared: Store, limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        shared.apikeys.add("shop", **limits)  # type: ignore[arg-type]
