"""Files are there whole or not at all, and only under keys of ours."""

import errno
import os
from pathlib import Path

import pytest

from store.blobs import Blobs
from store.errors import BlobMissing, StorageFull

KEY = "images/img_a/source.png"


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs(str(tmp_path))
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
