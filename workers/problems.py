"""Errors of the engine and the store, as the wire has them."""

from rq.timeouts import JobTimeoutException

from api_schemas import ErrorCode, Problem
from parameters import PentimentoError
from store import BlobDamaged, NoSuchImage, StorageFull, StorageUnavailable
from workers.originals import MaskLost


def problem_of(error: Exception, job_id: str) -> Problem:
    """The problem for the client; of an unforeseen error only where to look it up."""
    if isinstance(error, PentimentoError):
        return Problem.of_error(error)
    if isinstance(error, StorageFull):
        return Problem.of(ErrorCode.INSUFFICIENT_STORAGE, "there was no room left to store the result")
    if isinstance(error, StorageUnavailable):
        return Problem.of(ErrorCode.STORAGE_UNAVAILABLE, f"the file store did not work: {error}")
    if isinstance(error, BlobDamaged):
        return Problem.of(ErrorCode.DAMAGED, "the stored picture is damaged; send the image again to mend it")
    if isinstance(error, MaskLost):
        lost = "the mask of the edit is lost or damaged; send the edit again with the mask as a file"
        return Problem.of(ErrorCode.DAMAGED, lost, parameter="mask")
    if isinstance(error, NoSuchImage):
        return Problem.of(ErrorCode.NOT_FOUND, f"there is no image {error}; it may have been deleted")
    if isinstance(error, JobTimeoutException):
        return Problem.of(ErrorCode.DEADLINE_EXCEEDED, "the job took longer than a job may take")
    return Problem.of(ErrorCode.INTERNAL_ERROR, f"the worker failed; its log has the error under {job_id}")
