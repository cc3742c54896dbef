"""Memory for inversions is bounded by bytes, and by nothing else."""

from types import SimpleNamespace
from typing import cast

from workers.records import Hot, Source


def source(nbytes: int) -> Source:
    return cast(Source, SimpleNamespace(nbytes=nbytes))


def test_the_least_recently_used_goes_first() -> None:
    hot = Hot(100)
    for name in "abc":
        hot.put(name, source(30))
    hot.get("a")
    hot.put("d", source(30))
    assert [name for name in "abcd" if hot.get(name)] == ["a", "c", "d"]
    assert hot.nbytes == 90


def test_what_exceeds_the_limit_alone_is_not_kept_and_replacing_counts_once() -> None:
    hot = Hot(100)
    hot.put("a", source(60))
    hot.put("a", source(70))
    assert hot.nbytes == 70
    hot.put("b", source(101))
    assert hot.nbytes == 0
    hot.put("c", source(10))
    hot.drop("c")
    hot.drop("c")
    assert hot.get("c") is None
