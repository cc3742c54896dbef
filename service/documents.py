"""JSON documents before they are read: without a mark of their encoding, and with every name only once."""

import codecs
import json
from typing import Any, Final

from api_schemas import ErrorCode, FieldError, Problem
from service.errors import ServiceError

_OTHERS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def unmarked(body: bytes) -> bytes:
    """The document without the byte order mark that some editors put before it.

    Raises ServiceError: validation_error for UTF-16 and UTF-32.
    """
    if body.startswith(_OTHERS):
        raise _refused([], "JSON is sent in UTF-8; this is UTF-16 or UTF-32", "encoding")
    return body.removeprefix(codecs.BOM_UTF8)


def check_names(body: bytes | str) -> None:
    """Raise ServiceError: validation_error if an object has a name twice, of which readers would drop one.

    A body that is not JSON is left to its parser.
    """
    try:
        json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused([twice], f"'{twice}' has two values in one object; give it once", "duplicate")
    return found


def _refused(loc: list[str | int], message: str, kind: str) -> ServiceError:
    errors = [FieldError(loc=loc, msg=message, type=kind)]
    return ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, message, errors=errors))
