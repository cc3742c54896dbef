"""Files by key, in a folder or in any object store that fsspec knows."""

import errno
import os
import re
import shutil
from pathlib import Path
from time import monotonic, time
from typing import Any, Final
from uuid import uuid4

import fsspec

from store.errors import BlobDamaged, BlobMissing, StorageFull, StorageUnavailable
from store.faults import named
from store.intact import check_picture

_KEY: Final = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*(/|\.[a-z0-9]+)?")
_CHECK_S: Final = 5.0
_STALE_S: Final = 3600.0
_PASSES: Final = 3
# Others write to the bucket too, so no listing may be remembered; and a file that is read in several requests
# may be replaced between two of them.
_S3: Final[dict[str, Any]] = {
    "use_listings_cache": False,
    "max_concurrency": 1,
    "config_kwargs": {
        "connect_timeout": 3,
        "read_timeout": 15,
        "retries": {"mode": "standard", "total_max_attempts": 4},
    },
}


class Blobs:
    """Bytes under keys like `images/ID/source.png`; a reader sees all of them or none.

    Every method raises StorageUnavailable if the files cannot be reached.
    """

    def __init__(self, url: str) -> None:
        options = _S3 if url.startswith(("s3://", "s3a://")) else {}
        self._fs, self._root = fsspec.core.url_to_fs(url, **options)
        self._local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else ())
        self._incoming = Path(self._root) / ".incoming"
        self._check_at = 0.0
        self._fault: StorageUnavailable | StorageFull | None = None

    def put(self, key: str, data: bytes) -> None:
        """Store `data` whole, replacing what was there; raises StorageFull."""
        path = self._path(key)
        with named(key):
            if self._local:
                _write_atomically(Path(path), self._incoming, data)
            else:
                self._fs.pipe_file(path, data)

    def get(self, key: str) -> bytes:
        """The bytes under `key`; raises BlobMissing."""
        path = self._path(key)
        with named(key):
            data: bytes = self._fs.cat_file(path)
        return data

    def picture(self, key: str) -> bytes:
        """The PNG under `key`, checked; raises BlobMissing and BlobDamaged."""
        data = self.get(key)
        check_picture(key, data)
        return data

    def whole(self, key: str) -> bool:
        """Whether there is a PNG under `key` that is as it was stored."""
        try:
            self.picture(key)
        except (BlobMissing, BlobDamaged):
            return False
        return True

    def exists(self, key: str) -> bool:
        """Whether there is something under `key`."""
        path = self._path(key)
        try:
            with named(key):
                return bool(self._fs.info(path)["type"] == "file")
        except BlobMissing:
            return False

    def move(self, source: str, target: str) -> None:
        """Rename; nothing happens if there is nothing under `source`."""
        try:
            self.put(target, self.get(source))
            self.remove(source)
        except BlobMissing:
            return

    def remove(self, key: str) -> None:
        """Remove what is under `key`; raises BlobMissing."""
        path = self._path(key)
        with named(key):
            self._fs.rm_file(path)

    def delete_prefix(self, prefix: str) -> None:
        """Remove every key below the folder `prefix`."""
        path = self._path(prefix).rstrip("/")
        try:
            with named(prefix):
                if self._local:
                    _remove_atomically(Path(path), self._incoming)
                else:
                    self._empty(path)
        except BlobMissing:
            return

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders below the folder `prefix`."""
        path = self._path(prefix).rstrip("/")
        try:
            with named(prefix):
                found = self._fs.ls(path, detail=True)
        except BlobMissing:
            return []
        return [each["name"].rsplit("/", 1)[1] for each in found if each["type"] == "directory"]

    def sweep(self) -> None:
        """Remove what processes left behind that were killed an hour ago or earlier."""
        if not self._local or not self._incoming.exists():
            return
        for left in self._incoming.iterdir():
            try:
                if time() - left.stat().st_mtime > _STALE_S:
                    _remove(left)
            except FileNotFoundError:
                continue

    def check(self) -> None:
        """Raise StorageUnavailable or StorageFull unless a small file can be written and removed.

        The outcome is remembered for a few seconds.
        """
        if monotonic() >= self._check_at:
            self._fault = self._try()
            self._check_at = monotonic() + _CHECK_S
        if self._fault is not None:
            raise self._fault.with_traceback(None)

    def _try(self) -> StorageUnavailable | StorageFull | None:
        key = f"checks/{uuid4().hex}"
        try:
            self.put(key, b"ok")
            self.remove(key)
        except (StorageUnavailable, StorageFull) as error:
            return error
        return None

    def _empty(self, path: str) -> None:
        """Object stores say nothing of files that they failed to remove, so what is left is looked for."""
        for _ in range(_PASSES):
            left = self._fs.find(path)
            if not left:
                return
            self._fs.rm(left)
        raise OSError(errno.EBUSY, "some files cannot be removed")

    def _path(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return f"{self._root}/{key}"


def _write_atomically(path: Path, incoming: Path, data: bytes) -> None:
    incoming.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_atomically(path: Path, incoming: Path) -> None:
    """Rename first: a folder being removed in place cannot be, while another process still writes into it."""
    incoming.mkdir(parents=True, exist_ok=True)
    os.utime(path)
    _remove(path.replace(incoming / uuid4().hex))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
