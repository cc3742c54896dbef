"""Whether a stored picture is the one that was stored."""

import hashlib
import re
from typing import Final
from zlib import crc32

from store.errors import BlobDamaged

_BY_CONTENT: Final = re.compile(r"/(?:results|masks)/([0-9a-f]{64})\.png$")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def check_picture(key: str, data: bytes) -> None:
    """Raise BlobDamaged unless the bytes have the hash in the key, or are a PNG whose checksums are right."""
    named = _BY_CONTENT.search(key)
    whole = hashlib.sha256(data).hexdigest() == named[1] if named else _is_whole_png(data)
    if not whole:
        raise BlobDamaged(key)


def _is_whole_png(data: bytes) -> bool:
    """Whether all chunks are there, each with the checksum that it carries, and nothing after them."""
    if not data.startswith(_SIGNATURE):
        return False
    at, kind, view = len(_SIGNATURE), b"", memoryview(data)
    while at + 12 <= len(data):
        size = int.from_bytes(view[at : at + 4])
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + size
        if crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4]):
            return False
        at = end + 4
    return at == len(data) and kind == b"IEND"
