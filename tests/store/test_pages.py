"""Lists that are read page by page."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from api_schemas import JobKind, JobStatus
from store import BadCursor, Store, keys
from tests.store.conftest import IMAGE, RESULT, begin, edit, invert

Read = Callable[[str | None], tuple[list[str], str | None]]


def images(count: int) -> list[str]:
    return [f"img_{number:026d}" for number in range(count)]


def jobs(shared: Store, limit: int) -> Read:
    def read(cursor: str | None) -> tuple[list[str], str | None]:
        found, after = shared.jobs.page("default", limit=limit, cursor=cursor)
        return [job.id for job in found], after

    return read


def sent(shared: Store, limit: int) -> Read:
    def read(cursor: str | None) -> tuple[list[str], str | None]:
        found, after = shared.images.page("default", limit=limit, cursor=cursor)
        return [image.id for image in found], after

    return read


def to_the_end(read: Read, cursor: str | None = None) -> list[list[str]]:
    found, after = read(cursor)
    return [found] + (to_the_end(read, after) if after else [])


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 200])
def test_pages_hold_everything_once_newest_first(shared: Store, limit: int) -> None:
    ids = [invert(shared, image) for image in images(6)]
    order = [job.id for job in shared.jobs.page("default", limit=200)[0]]
    times = [job.created_at for job in shared.jobs.page("default", limit=200)[0]]
    assert (set(order), times) == (set(ids), sorted(times, reverse=True))
    for read, expected in ((jobs(shared, limit), set(ids)), (sent(shared, limit), set(images(6)))):
        pages = to_the_end(read)
        everything = [each for page in pages for each in page]
        assert len(everything) == len(expected)
        assert set(everything) == expected
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        assert pages[-1]


def test_jobs_of_the_same_moment_are_neither_left_out_nor_repeated(shared: Store) -> None:
    ids = {invert(shared, image) for image in images(150)}
    shared.redis.zadd(keys.jobs_by("default"), dict.fromkeys(ids, 1_700_000_000_000))
    for limit in (1, 7, 100):
        everything = [each for page in to_the_end(jobs(shared, limit)) for each in page]
        assert everything == sorted(ids, reverse=True)


def test_what_comes_or_goes_meanwhile_moves_no_page(shared: Store) -> None:
    first = [invert(shared, image) for image in images(6)]
    read = jobs(shared, 2)
    seen, after = read(None)
    late = invert(shared, images(7)[6])
    for gone in (seen[-1], read(after)[0][0]):
        shared.redis.delete(keys.job(gone))
    rest = [each for page in to_the_end(read, after) for each in page]
    assert late not in rest
    assert set(seen) | set(rest) | {gone} == set(first)
    assert not set(seen) & set(rest)
    assert gone not in shared.redis.zrange(keys.jobs_by("default"), 0, -1)


def test_pages_hold_only_what_is_asked_for(shared: Store) -> None:
    other = "img_" + "b" * 26
    inversion = invert(shared)
    shared.jobs.succeed(begin(shared, inversion), RESULT)
    edits = [edit(shared) for _ in range(3)]
    waiting = invert(shared, other)
    begin(shared, edits[1])

    def found(**wanted: Any) -> set[str]:
        everything: list[str] = []
        cursor = None
        while True:
            page, cursor = shared.jobs.page("default", limit=1, cursor=cursor, **wanted)
            everything += [job.id for job in page]
            if cursor is None:
                return set(everything)

    assert found(kind=JobKind.EDIT) == set(edits)
    assert found(kind=JobKind.INVERT) == {inversion, waiting}
    assert found(status=JobStatus.QUEUED) == {edits[0], edits[2], waiting}
    assert found(status=JobStatus.QUEUED, kind=JobKind.EDIT, image_id=IMAGE) == {edits[0], edits[2]}
    assert found(image_id=IMAGE) == {inversion, *edits}
    assert found(image_id=other) == {waiting}
    assert found(image_id="img_" + "c" * 26) == set()
    assert found(status=JobStatus.ABORTED) == set()


def test_no_page_looks_at_more_than_some_records(shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.pages._LOOKED_AT", 4)
    wanted, *_ = [invert(shared, image) for image in images(10)]
    begin(shared, wanted)
    cursor, pages = None, []
    while True:
        found, cursor = shared.jobs.page("default", limit=5, cursor=cursor, status=JobStatus.PROCESSING)
        pages.append([job.id for job in found])
        if cursor is None:
            break
    assert pages == [[], [], [wanted]]


@pytest.mark.parametrize(
    "text", ["", "x", "1:2", f"x:{IMAGE}", f"{'9' * 16}:{IMAGE}", f"1:{IMAGE}:", f"1:{IMAGE}\n", "1:job_é"]
)
def test_only_a_cursor_that_was_given_out_is_taken(shared: Store, text: str) -> None:
    for cursor in (text, base64.urlsafe_b64encode(text.encode()).decode()):
        with pytest.raises(BadCursor, match="next_cursor"):
            shared.jobs.page("default", limit=1, cursor=cursor)
        with pytest.raises(BadCursor, match="next_cursor"):
            shared.images.page("default", limit=1, cursor=cursor)


def test_every_job_that_comes_clears_two_that_expired_out_of_the_indexes(shared: Store) -> None:
    expired = [invert(shared, image) for image in images(3)]
    shared.redis.delete(*map(keys.job, expired))
    new = [invert(shared, IMAGE)]
    assert shared.redis.zrange(keys.jobs_by("default"), 0, -1) == [expired[2], *new]
    new.append(invert(shared, "img_" + "z" * 26))
    assert shared.redis.zrange(keys.jobs_by("default"), 0, -1) == new
