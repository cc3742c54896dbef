"""The state that service and workers share: jobs, images, files, who is alive."""

from store.errors import (
    BlobMissing,
    Fenced,
    InversionFailed,
    NoSuchImage,
    StorageFull,
    StoreError,
)
from store.jobs import Claim, How, JobStore, Submission, Verdict
from store.keys import image_id
from store.locks import Lock
from store.opening import Store, connect, open
from store.secrets import webhook_secret
from store.settings import StoreSettings, home

__all__ = [
    "BlobMissing",
    "Claim",
    "Fenced",
    "How",
    "InversionFailed",
    "JobStore",
    "Lock",
    "NoSuchImage",
    "StorageFull",
    "Store",
    "StoreError",
    "StoreSettings",
    "Submission",
    "Verdict",
    "connect",
    "home",
    "image_id",
    "open",
    "webhook_secret",
]
