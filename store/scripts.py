"""Every change of a job or an image, as Lua: each script is one step that happens whole or not at all.

Times are milliseconds of the server's clock. A job's `worker` and `attempt` are its fencing token: the
attempt grows whenever a worker begins the job, and only the holder of the latest may write. The worker
counts too, because a server that is killed may forget its last second, and with it an attempt. A client
whose answer was lost sends a script again: the second run must find what the first did. RQ's queue is the
list `rq:queue:pentimento`; a worker pops into `...:intermediate` and begins the job from there.

The scripts are the files of `store/lua`. A line `-- include: NAME` puts another file before, once; `names`
and `errors` are made here.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from api_schemas import ErrorCode, Problem
from store import names

_FOLDER: Final = Path(__file__).parent / "lua"
_INCLUDE: Final = re.compile(r"^-- include: (\w+)$", re.MULTILINE)
_ERRORS: Final = {
    "CANCELED": (ErrorCode.CANCELED, "the inversion of the image was canceled"),
    "DELETED": (ErrorCode.CANCELED, "the image was deleted"),
    "LATE": (ErrorCode.DEADLINE_EXCEEDED, "the job had not ended by its deadline"),
    "OLDER": (ErrorCode.NOT_FOUND, "an older version accepted this; send the picture to /invert again"),
    "SOURCE_LATE": (ErrorCode.DEADLINE_EXCEEDED, "the inversion of the image missed its deadline"),
}


class Scripts:
    """Some of the scripts, by name; the server is sent one when it does not know it yet."""

    def __init__(self, redis: Any, *names: str) -> None:
        self._known = {name: redis.register_script(text(name)) for name in names}

    def run(self, name: str, *args: str | int | bytes) -> Any:
        """What the script answers to these arguments."""
        return self._known[name](args=list(args))


@cache
def text(name: str) -> str:
    """A script with everything that it includes."""
    parts: dict[str, str] = {}
    _gather(name, parts)
    return "\n".join(parts.values())


def _gather(name: str, parts: dict[str, str]) -> None:
    if name in parts:
        return
    source = _made(name) or (_FOLDER / f"{name}.lua").read_text()
    for each in _INCLUDE.findall(source):
        _gather(each, parts)
    parts[name] = source


def _made(name: str) -> str | None:
    if name == "names":
        return names.lua()
    if name == "errors":
        return "".join(
            f"local {error} = [==[{Problem.of(*problem).model_dump_json(exclude_none=True)}]==]\n"
            for error, problem in _ERRORS.items()
        )
    return None
