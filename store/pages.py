"""Lists that are read page by page, and stay in order while they grow."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final

from store.errors import BadCursor
from store.scripts import Scripts

_PLACE: Final = re.compile(r"([0-9]{1,15}):((?:job|img)_[0-9a-z]{26})")
_LOOKED_AT: Final = 1000


def read(
    scripts: Scripts,
    index: str,
    records: str,
    limit: int,
    cursor: str | None,
    wanted: Mapping[str, str | None],
) -> tuple[list[str], str | None]:
    """Up to `limit` ids from the sorted set `index`, highest first, and the cursor to go on after them.

    `records` is what precedes an id in the key of its hash; only those whose hash has every field as
    `wanted` count, and no more than a thousand are looked at. Raises BadCursor.
    """
    score, member = ("+inf", "") if cursor is None else _place(cursor)
    fields = json.dumps({name: value for name, value in wanted.items() if value is not None})
    ids, after = scripts.run("page", index, records, score, member, limit, _LOOKED_AT, fields)
    return ids, base64.urlsafe_b64encode(after.encode()).decode().rstrip("=") if after else None


def _place(cursor: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadCursor("this cursor was not given out; take `next_cursor` of the page before")
    return found[1], found[2]
