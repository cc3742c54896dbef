"""The state that service and workers share: jobs, images, files, who is alive."""

from store.apikeys import ApiKey, ApiKeys, check_tenant
from store.asking import Ask, How, Submission
from store.claims import Claim, Verdict
from store.errors import (
    BadCursor,
    BlobDamaged,
    BlobMissing,
    Fenced,
    InversionFailed,
    KeyInUse,
    KeyReused,
    NoSuchImage,
    QueueFull,
    StorageFull,
    StorageUnavailable,
    StoreError,
)
from store.events import AsyncEvents, Event, Events
from store.jobs import JobStore
from store.keys import RecordKey, image_id, painted_id, record_id
from store.locks import Lock
from store.opening import Store, connect, open
from store.outbox import Outbox, Owed
from store.secrets import replace_webhook_secret, webhook_secrets
from store.settings import StoreSettings, home
from store.stats import Ended, Stats
from store.views import inversion_info

__all__ = [
    "ApiKey",
    "ApiKeys",
    "Ask",
    "AsyncEvents",
    "BadCursor",
    "BlobDamaged",
    "BlobMissing",
    "Claim",
    "Ended",
    "Event",
    "Events",
    "Fenced",
    "How",
    "InversionFailed",
    "JobStore",
    "KeyInUse",
    "KeyReused",
    "Lock",
    "NoSuchImage",
    "Outbox",
    "Owed",
    "QueueFull",
    "RecordKey",
    "Stats",
    "StorageFull",
    "StorageUnavailable",
    "Store",
    "StoreError",
    "StoreSettings",
    "Submission",
    "Verdict",
    "check_tenant",
    "connect",
    "home",
    "image_id",
    "inversion_info",
    "open",
    "painted_id",
    "record_id",
    "replace_webhook_secret",
    "webhook_secrets",
]
