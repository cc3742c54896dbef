"""Every change of a job or an image, as Lua: each script is one step that happens whole or not at all.

Times are milliseconds of the server's clock. A job's `worker` and `attempt` are its fencing token: the
attempt grows whenever a worker begins the job, and only the holder of the latest may write. The worker
counts too, because a server that is killed may forget its last second, and with it an attempt. A client
whose answer was lost sends a script again: the second run must find what the first did. RQ's queue is the
list `rq:queue:pentimento`; a worker pops into `...:intermediate` and begins the job from there.
"""

from store.scripts.asking import CANCEL, SUBMIT_EDIT, SUBMIT_INVERT
from store.scripts.images import DELETE_IMAGE, ERASE_JOBS, EXPIRE_IMAGE, EXPIRED_IMAGES, SWEPT
from store.scripts.locks import RENEW, UNLOCK
from store.scripts.looking import IMAGES, PAGE, STATS
from store.scripts.losses import ABANDON, REAP
from store.scripts.outbox import SETTLE, TAKE
from store.scripts.presence import PUBLISH_KEEPER, PUBLISH_WORKER
from store.scripts.running import BEAT, BEGIN, FINISH, HAND_BACK, MADE, PREVIEW, PROGRESS

__all__ = [
    "ABANDON",
    "BEAT",
    "BEGIN",
    "CANCEL",
    "DELETE_IMAGE",
    "ERASE_JOBS",
    "EXPIRED_IMAGES",
    "EXPIRE_IMAGE",
    "FINISH",
    "HAND_BACK",
    "IMAGES",
    "MADE",
    "PAGE",
    "PREVIEW",
    "PROGRESS",
    "PUBLISH_KEEPER",
    "PUBLISH_WORKER",
    "REAP",
    "RENEW",
    "SETTLE",
    "STATS",
    "SUBMIT_EDIT",
    "SUBMIT_INVERT",
    "SWEPT",
    "TAKE",
    "UNLOCK",
]
