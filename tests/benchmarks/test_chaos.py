"""The auditor finds what went wrong, and a slice of the chaos finds nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.chaos import auditor
from benchmarks.chaos.auditor import Auditor
from benchmarks.chaos.clients import Book, Wish
from benchmarks.chaos.fleet import Fleet
from store import Store, keys
from tests.results import inverted
from tests.service.conftest import begin
from tests.service.conftest import png as png
from tests.service.live import serving
from tests.store.conftest import IMAGE, invert

WISH = Wish(picture=0, target="a dog")


@pytest.fixture
def audited(shared: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Auditor]:
    """An auditor of this store, without any other process."""
    monkeypatch.setattr(auditor, "_END_S", 0.5)
    with serving(shared) as live:
        fleet = SimpleNamespace(
            urls=[live.url],
            files=Path(shared.settings.store),
            store=SimpleNamespace(url=shared.settings.redis_url),
            members={name: SimpleNamespace(pid=os.getpid()) for name in ("api-1", "api-2")},
            promised=set(),
        )
        monkeypatch.setattr(auditor, "_MEMORY_KB", 2**30)
        with Auditor(cast(Fleet, fleet)) as ready:
            yield ready


def found(audited: Auditor, book: Book, expected: dict[Wish, str]) -> dict[str, int]:
    return {name: count for name, count in audited.audit(book, expected).counts.items() if count}


def test_nothing_wrong_is_nothing_found(audited: Auditor, shared: Store, png: bytes) -> None:
    job_id = invert(shared)
    shared.jobs.succeed(begin(shared, job_id), inverted(IMAGE))
    shared.blobs.put(keys.source(IMAGE), png)
    assert found(audited, Book(jobs={"a": {job_id}}, inversions={job_id}), {}) == {}


def test_lost_doubled_stuck_and_orphaned_are_told_apart(audited: Auditor, shared: Store, png: bytes) -> None:
    waiting = invert(shared)
    gone = "job_" + "z" * 26
    shared.blobs.put(keys.source("img_" + "b" * 26), png)
    shared.blobs.put(keys.result(IMAGE, png), png)
    book = Book(jobs={"a": {gone, waiting}}, wishes={gone: WISH}, inversions={waiting})
    assert found(audited, book, {}) == {"lost": 1, "doubled": 1, "stuck": 1, "orphaned": 2, "unbounded": 2}


def test_a_job_that_was_promised_to_nobody_is_a_double(audited: Auditor, shared: Store, png: bytes) -> None:
    shared.jobs.succeed(begin(shared, invert(shared)), inverted(IMAGE))
    shared.blobs.put(keys.source(IMAGE), png)
    assert found(audited, Book(), {}) == {"doubled": 1}


@pytest.mark.slow
def test_a_slice_of_the_chaos_loses_nothing() -> None:
    chosen = ["--faults", "a killed worker", "--faults", "a killed API", "--faults", "a killed store"]
    command = [sys.executable, "-m", "benchmarks.chaos", "--jobs", "60", "--clients", "8", *chosen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
