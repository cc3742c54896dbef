"""Files are there whole or not at all, and only under keys of ours."""

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from store.blobs import Blobs
from store.errors import BlobMissing, StorageFull

KEY = "images/img_a/source.png"


@pytest.fixture(params=["folder", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs(str(tmp_path))
    if request.param == "s3":
        return Blobs(request.getfixturevalue("bucket"))
    return Blobs(f"memory://{tmp_path.name}")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_is_put_is_got_until_it_is_moved_or_deleted(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.get(KEY)
    blobs.put(KEY, b"one")
    blobs.put(KEY, b"two")
    assert (blobs.exists(KEY), blobs.get(KEY)) == (True, b"two")
    blobs.move(KEY, "images/img_a/quarantine/source.png")
    blobs.move(KEY, "images/img_a/quarantine/source.png")
    assert not blobs.exists(KEY)
    assert blobs.get("images/img_a/quarantine/source.png") == b"two"
    blobs.put("images/img_b/source.png", b"b")
    blobs.delete_prefix("images/img_a/")
    blobs.delete_prefix("images/img_a/")
    assert not blobs.exists("images/img_a/quarantine/source.png")
    assert blobs.exists("images/img_b/source.png")
    blobs.check()


@pytest.mark.parametrize(
    "key", ["../secret", "images/../../etc/passwd", "/etc/passwd", "images//x", "a\0b", "", "images/.hidden"]
)
def test_a_key_never_leaves_the_store(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        blobs.get(key)
    with pytest.raises(ValueError, match="not a key"):
        blobs.put(key, b"")


def test_a_write_cut_short_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(str(tmp_path))
    blobs.put(KEY, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        blobs.put(KEY, b"new")
    assert blobs.get(KEY) == b"old"
    assert files(tmp_path) == [KEY]


def test_a_folder_is_deleted_though_somebody_writes_into_it_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, late = Blobs(str(tmp_path)), "images/img_a/results/late.png"
    blobs.put("images/img_a/results/early.png", b"early")
    remove = os.rmdir

    def write_first(path: Any, **where: Any) -> None:
        if not blobs.exists(late):
            blobs.put(late, b"late")
        remove(path, **where)

    monkeypatch.setattr(os, "rmdir", write_first)
    blobs.delete_prefix("images/img_a/")
    assert files(tmp_path) == [late]


def test_what_killed_processes_left_behind_is_swept_once_it_is_old(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    blobs.sweep()
    blobs.put(KEY, b"kept")
    for name, age_s in (("old", 4000), ("new", 60)):
        left = tmp_path / ".incoming" / name
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age_s, time.time() - age_s))
    folder = tmp_path / ".incoming" / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"half")
    os.utime(folder, (0, 0))
    blobs.sweep()
    assert files(tmp_path) == [".incoming/new", KEY]
    assert not folder.exists()


def test_a_deletion_under_way_is_not_swept_though_its_folder_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(str(tmp_path))
    blobs.put(KEY, b"x")
    os.utime(tmp_path / "images" / "img_a", (0, 0))
    remove = shutil.rmtree

    def sweep_first(path: Path) -> None:
        blobs.sweep()
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", sweep_first)
    blobs.delete_prefix("images/img_a/")
    assert files(tmp_path) == []


def test_a_check_is_repeated_only_after_some_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, now, written, full = Blobs(str(tmp_path)), [100.0], [0], [False]
    monkeypatch.setattr("store.blobs.monotonic", lambda: now[0])
    put = Blobs.put

    def counted(self: Blobs, key: str, data: bytes) -> None:
        written[0] += 1
        if full[0]:
            raise StorageFull(key)
        put(self, key, data)

    monkeypatch.setattr(Blobs, "put", counted)
    blobs.check()
    full[0] = True
    blobs.check()
    assert written == [1]
    now[0] += 10
    for _ in range(2):
        with pytest.raises(StorageFull):
            blobs.check()
    assert written == [2]
    now[0] += 10
    full[0] = False
    blobs.check()
    assert written == [3]
