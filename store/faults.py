"""What can go wrong in an object store, by the names that the rest of the program knows."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from store.errors import BlobMissing, StorageFull, StorageUnavailable

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_FULL_CODES: Final = ("QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull")
# Clients of object stores raise these beside OSError; a client that is not loaded raises none.
_CLIENTS: Final = (("botocore.exceptions", "BotoCoreError"), ("aiohttp", "ClientError"))


@contextmanager
def named(key: str) -> Iterator[None]:
    """Raise BlobMissing, StorageFull or StorageUnavailable for what a file system raises while entered."""
    try:
        yield
    except _faults() as error:
        code = _code(error)
        if isinstance(error, FileNotFoundError | IsADirectoryError) and code != "NoSuchBucket":
            raise BlobMissing(key) from error
        if getattr(error, "errno", None) in _FULL or code in _FULL_CODES:
            raise StorageFull(f"no room left for {key}") from error
        raise StorageUnavailable(_reason(error, code)) from error


def _faults() -> tuple[type[BaseException], ...]:
    loaded = [getattr(sys.modules[module], name) for module, name in _CLIENTS if module in sys.modules]
    return (OSError, *loaded)


def _code(error: BaseException) -> str:
    """S3's own name of the error, which s3fs keeps in the cause of the one that it raises."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _reason(error: BaseException, code: str) -> str:
    """A few words without addresses or paths, fit for clients; the error itself stays the cause."""
    return code or getattr(error, "strerror", None) or type(error).__name__
