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


class StorageFull(StoreError):
    """The object store has no room left."""
