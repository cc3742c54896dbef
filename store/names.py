"""The names of Redis keys, once: `store.keys` fills them in, and the scripts have them under the same names.

A name without `{}` is a constant in Lua; any other is a function of what fills it.
"""

from typing import Final

PREFIX: Final = "pentimento:"

NAMES: Final = {
    # of RQ: what waits, what a worker took and has not begun, what it lists of its own
    "QUEUE": "rq:queue:pentimento",
    "TAKEN": "rq:queue:pentimento:intermediate",
    "QUEUES": "rq:queues",
    "RUNNING_RQ": "rq:wip:pentimento",
    "message": "rq:job:{}",
    # of jobs
    "job": "pentimento:job:{}",
    "events": "pentimento:job:{}:events",
    "preview": "pentimento:job:{}:preview",
    "webhooks": "pentimento:job:{}:webhooks",
    "deliveries": "pentimento:job:{}:deliveries",
    "jobs_of": "pentimento:image:{}:jobs",
    "jobs_by": "pentimento:jobs:{}",
    "unended_by": "pentimento:tenant:{}:unended",
    "unended_of_kind": "pentimento:unended:{}",
    "cached": "pentimento:cached:{}",
    "popped": "pentimento:popped:{}",
    "ACTIVE": "pentimento:active",
    "DEADLINES": "pentimento:deadlines",
    "OUTBOX": "pentimento:outbox",
    "TRIES": "pentimento:outbox:tries",
    "RECENT": "pentimento:recent",
    "ENDED": "pentimento:ended",
    # of images and their inversions
    "image": "pentimento:image:{}",
    "record": "pentimento:image:{}:record:{}",
    "records": "pentimento:image:{}:records",
    "waiting": "pentimento:image:{}:record:{}:waiting",
    "held_before": "pentimento:image:{}:waiting",
    "images_by": "pentimento:images:{}",
    "deleted": "pentimento:image:{}:deleted",
    "EXPIRY": "pentimento:expiry",
    "RECORDS": "pentimento:records",
    # of workers and keepers
    "WORKERS": "pentimento:workers",
    "SERVES": "pentimento:workers:serve",
    "MODELS": "pentimento:models",
    "KEEPERS": "pentimento:keepers",
}


def lua() -> str:
    """The names as Lua."""
    return "".join(f"local {_definition(name, template)}\n" for name, template in NAMES.items())


def _definition(name: str, template: str) -> str:
    first, *rest = template.split("{}")
    if not rest:
        return f"{name} = '{template}'"
    given = "abc"[: len(rest)]
    joined = " .. ".join(f"{each} .. '{text}'" for each, text in zip(given, rest, strict=True))
    return f"function {name}({', '.join(given)}) return '{first}' .. {joined} end"
