"""What the store refuses."""

from api_schemas import Problem


class StoreError(Exception):
    """Base of everything below."""


class NoSuchImage(StoreError):
    """The image was never sent, or was deleted."""


class InversionFailed(StoreError):
    """The image cannot be edited; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Fenced(StoreError):
    """Another attempt owns the job now, or it has ended: whatever this one made does not count."""


class BlobMissing(StoreError):
    """There is nothing under this key."""


class BlobDamaged(StoreError):
    """What is under this key is not what was stored there."""


class StorageFull(StoreError):
    """The object store has no room left."""


class StorageUnavailable(StoreError):
    """The object store cannot be reached, or refuses to work for us; the message says why in a few words."""


class BadCursor(StoreError):
    """This is no cursor of this list, or no id of an event: only those that were given out go on."""


class QueueFull(StoreError):
    """As many jobs as may wait are waiting already; there will be room in about `retry_after_s` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class KeyReused(StoreError):
    """The idempotency key came with another request before."""


class KeyInUse(StoreError):
    """The request with this idempotency key is being worked on."""
