"""Files by key, in a folder or in any object store that fsspec knows."""

import errno
import os
import re
from pathlib import Path
from typing import Final
from uuid import uuid4

import fsspec

from store.errors import BlobMissing, StorageFull

_KEY: Final = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*(/|\.[a-z0-9]+)?")
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Blobs:
    """Bytes under keys like `images/ID/source.png`; a reader sees all of them or none."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else ())

    def put(self, key: str, data: bytes) -> None:
        """Store `data` whole, replacing what was there; raises StorageFull."""
        path = self._path(key)
        try:
            if self._local:
                _write_atomically(Path(path), Path(self._root) / ".incoming", data)
            else:
                self._fs.pipe_file(path, data)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull(f"no room left for {key}") from error
            raise

    def get(self, key: str) -> bytes:
        """The bytes under `key`; raises BlobMissing."""
        try:
            data: bytes = self._fs.cat_file(self._path(key))
        except (FileNotFoundError, IsADirectoryError) as error:
            raise BlobMissing(key) from error
        return data

    def exists(self, key: str) -> bool:
        """Whether there is something under `key`."""
        return bool(self._fs.isfile(self._path(key)))

    def move(self, source: str, target: str) -> None:
        """Rename; nothing happens if there is nothing under `source`."""
        try:
            self.put(target, self.get(source))
            self._fs.rm_file(self._path(source))
        except (BlobMissing, FileNotFoundError):
            return

    def delete_prefix(self, prefix: str) -> None:
        """Remove every key below the folder `prefix`."""
        path = self._path(prefix).rstrip("/")
        try:
            self._fs.rm(path, recursive=True)
        except FileNotFoundError:
            return
        self._fs.invalidate_cache()

    def check(self) -> None:
        """Raise OSError or StorageFull unless a small file can be written and removed."""
        key = f"checks/{uuid4().hex}"
        self.put(key, b"ok")
        self._fs.rm_file(self._path(key))

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
