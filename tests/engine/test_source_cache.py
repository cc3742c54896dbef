"""Features of a source beyond the memory of its device: kept on the host, to the bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from engine import P2P, Edit, EditResult, P2Plus, SourceCache, SourceRecord
from engine.errors import InvalidParameter
from engine.host_memory import PinnedMemory

PLENTY = 2**30
DEVICE = torch.device("cpu")


@dataclass
class Host:
    """Main memory of which at most `room` tensors can be had; counts copies."""

    room: int = 10**6
    taken: int = 0
    given: list[torch.device] = field(default_factory=list)

    def nbytes(self, tensor: Tensor) -> int:
        return 2 * tensor.nbytes

    def take(self, tensor: Tensor) -> Tensor:
        if self.taken == self.room:
            raise RuntimeError("no pages can be locked")
        self.taken += 1
        return tensor.clone()

    def give(self, kept: Tensor, device: torch.device) -> Tensor:
        self.given.append(device)
        return kept.clone()


def features(value: float, count: int = 1) -> dict[str, Tensor]:
    """Features of so many sites, 40 bytes each."""
    return {f"site {at}": torch.full((10,), float(value)) for at in range(count)}


def put(cache: SourceCache, key: str, value: float, count: int = 1) -> None:
    cache.put((key, 0), features(value, count), 40 * count)


def values(cache: SourceCache, *keys: str) -> list[float | None]:
    found = [cache.get((key, 0)) for key in keys]
    return [None if one is None else float(one["site 0"][0]) for one in found]


def bytes_of(result: EditResult) -> list[bytes]:
    return [picture.tobytes() for picture in (*result.images, result.source)]


@pytest.mark.parametrize("method", ["direct", "ddim"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_an_edit_takes_from_the_host_what_the_device_has_no_room_for(
    model: engine.Backbone, record: SourceRecord, image: Any, method: str, share: float
) -> None:
    source = engine.invert(model, image, prompt="a cat on grass", method=method, steps=4)
    edit = Edit(prompt="a dog on grass", method=P2Plus(tau_u=0.5))
    whole = SourceCache(PLENTY)
    expected = bytes_of(engine.edit(model, source, edit, cache=whole))
    host = Host()
    cache = SourceCache(int(share * whole.nbytes), PLENTY, host)

    results = [engine.edit(model, source, edit, cache=cache) for _ in range(2)]

    assert [bytes_of(result) for result in results] == [expected, expected]
    # A sampled source whose path has no room on the device is sampled again.
    assert results[1].cached is bool(host.given) is (method == "direct" or share > 0)
    assert cache.nbytes <= cache.max_bytes
    assert cache.host_nbytes > 0


def test_each_step_is_copied_back_once(model: engine.Backbone, record: SourceRecord) -> None:
    host = Host()
    cache = SourceCache(0, PLENTY, host)
    edit = Edit(prompt="a dog on grass", method=P2P(tau_c=0.4, tau_s=0.4))
    engine.edit(model, record, edit, cache=cache)
    assert (host.taken > 0, host.given) == (True, [])

    engine.edit(model, record, edit, cache=cache)

    assert host.given == [model.device] * host.taken


def test_what_makes_room_on_the_device_goes_to_the_host() -> None:
    cache = SourceCache(80, 1000, Host())
    put(cache, "a", 1)
    put(cache, "b", 2)
    put(cache, "c", 3)
    assert (cache.nbytes, cache.host_nbytes) == (80, 80)
    cache.put(("d", 0), "a path", 60, first=True)

    assert values(cache, "a", "b", "c") == [1, 2, 3]
    assert cache.get(("d", 0)) == "a path"
    assert (cache.nbytes, cache.host_nbytes) == (60, 240)


def test_wider_features_replace_those_of_their_key_wherever_they_are() -> None:
    cache = SourceCache(80, 1000, Host())
    put(cache, "a", 1)
    put(cache, "a", 2, count=3)
    assert cache.names(("a", 0)) == {"site 0", "site 1", "site 2"}
    assert (values(cache, "a"), cache.nbytes, cache.host_nbytes) == ([2], 0, 240)
    put(cache, "a", 3)

    assert (values(cache, "a"), cache.nbytes, cache.host_nbytes) == ([3], 40, 0)


def test_the_host_keeps_to_its_bytes_and_gives_up_what_two_edits_did_without() -> None:
    cache = SourceCache(0, 160, Host())
    for value, key in enumerate("abc", start=1):
        put(cache, key, value)
    assert values(cache, "a", "b", "c") == [1, 2, None]
    for _ in range(2):
        cache.begin()
        values(cache, "b")
    put(cache, "c", 3)

    assert values(cache, "a", "b", "c") == [None, 2, 3]
    cache.forget("b")
    assert values(cache, "b", "c") == [None, 3]
    cache.clear()
    assert cache.host_nbytes == 0


def test_a_system_that_locks_no_more_pages_ends_no_edit() -> None:
    cache = SourceCache(0, 1000, Host(room=1))
    put(cache, "a", 1)
    put(cache, "b", 2)

    assert values(cache, "a", "b") == [1, None]
    assert cache.host_nbytes == 80


@pytest.mark.parametrize("value", [-1, 1.5, None, True])
def test_the_host_has_a_size(value: Any) -> None:
    with pytest.raises(InvalidParameter, match="host_bytes is"):
        SourceCache(0, value)


def test_pinned_memory_comes_in_powers_of_two() -> None:
    sizes = [PinnedMemory().nbytes(torch.zeros(count, dtype=torch.uint8)) for count in (1, 2, 3, 4, 1000)]

    assert sizes == [1, 2, 4, 4, 1024]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_pinned_memory_gives_back_what_it_took() -> None:
    tensor = torch.randn(3, 5, 7, device="cuda").transpose(0, 1)
    pinned = PinnedMemory()
    kept = pinned.take(tensor)
    back = pinned.give(kept, tensor.device)

    assert kept.is_pinned()
    assert (back.device, back.stride()) == (tensor.device, tensor.stride())
    assert torch.equal(back, tensor)
