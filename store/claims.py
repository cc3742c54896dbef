"""The right to run a job, and all that its holder may say about the job."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import Any, Final

from api_schemas import (
    Chosen,
    EditRequest,
    EditResult,
    GenerateRequest,
    InvertOptions,
    InvertResult,
    JobKind,
    JobStatus,
    Notice,
    Problem,
    Progress,
)
from store.errors import Fenced
from store.keys import RecordKey
from store.scripts import Scripts

_REQUESTS: Final[Mapping[JobKind, type[InvertOptions | GenerateRequest | EditRequest]]] = {
    JobKind.INVERT: InvertOptions,
    JobKind.GENERATE: GenerateRequest,
    JobKind.EDIT: EditRequest,
}


class Verdict(StrEnum):
    """The answer to every report of a running job's owner; CANCEL also once its deadline passed."""

    OK = "ok"
    CANCEL = "cancel"
    FENCED = "fenced"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to run a job: writes by another `worker` or under an older `attempt` are refused.

    `inversion` is the inversion that the job makes or needs, as it was when the job was accepted; `listed`
    is whether the image had it already when the job began. `chosen` is what `auto` chose for an edit.
    """

    job_id: str
    worker: str
    attempt: int
    kind: JobKind
    image_id: str
    record_id: str
    request: InvertOptions | GenerateRequest | EditRequest
    inversion: InvertOptions
    listed: bool
    queued_s: float
    chosen: Chosen | None = None
    tenant: str = "default"
    request_id: str | None = None
    traceparent: str | None = None
    deadline_s: float | None = None

    @property
    def method(self) -> str:
        """The method of the edit, or of the inversion that is the job itself."""
        return (self.request if isinstance(self.request, EditRequest) else self.inversion).method

    @property
    def record(self) -> RecordKey:
        """The inversion that the job makes or needs."""
        return RecordKey(self.image_id, self.record_id)


class Claims:
    """Every method is one atomic step and raises redis errors unchanged."""

    def __init__(self, redis: Any) -> None:
        self._owners = Scripts(redis, "begin", "beat", "progress", "made", "preview", "finish", "hand_back")

    def begin(self, job_id: str, worker: str, lease_s: float) -> Claim | None:
        """Take a queued job, or find that `worker` has it; None if it is not to be had.

        It is not if it has ended, is held, or is run by another; a job past its deadline ends here.
        """
        answer = self._owners.run("begin", job_id, worker, milliseconds(lease_s))
        if answer is None:
            return None
        flat, status = answer
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        kind = JobKind(fields["kind"])
        model = _REQUESTS[kind]
        deadline = fields.get("deadline")
        return Claim(
            job_id=job_id,
            worker=worker,
            attempt=int(fields["attempt"]),
            kind=kind,
            image_id=fields["image_id"],
            record_id=fields["record"],
            request=model.model_validate_json(fields["request"]),
            inversion=InvertOptions.model_validate_json(fields["about"]),
            listed=status == "ready",
            queued_s=max(0.0, (int(fields["started"]) - int(fields["created"])) / 1000),
            chosen=Chosen.model_validate_json(fields["chosen"]) if "chosen" in fields else None,
            tenant=fields["tenant"],
            request_id=fields.get("request_id"),
            traceparent=fields.get("traceparent"),
            deadline_s=None if deadline is None else max(0.0, int(deadline) / 1000 - time()),
        )

    def beat(self, claim: Claim, lease_s: float) -> Verdict:
        """Keep the job for another `lease_s` seconds."""
        return self._verdict("beat", claim, milliseconds(lease_s))

    def progress(self, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
        """Say how far the job is."""
        eta = "" if eta_s is None else f"{eta_s:.3f}"
        return self._verdict("progress", claim, progress.model_dump_json(exclude_none=True), eta)

    def made(self, claim: Claim, nbytes: int) -> Verdict:
        """List the claim's inversion under its image if it is not: its files are stored, in so many bytes."""
        return self._verdict("made", claim, nbytes, claim.record_id, about(claim.inversion))

    def preview(self, claim: Claim, png: bytes) -> Verdict:
        """Show this picture as what the job has by now."""
        return self._verdict("preview", claim, png)

    def succeed(
        self, claim: Claim, result: InvertResult | EditResult, warnings: Sequence[Notice] = ()
    ) -> bool:
        """Record the result, or that the job was canceled or missed its deadline before.

        False if the image was deleted meanwhile. Raises Fenced.
        """
        return self._finish(claim, JobStatus.SUCCEEDED, result=result.model_dump_json(), warnings=warnings)

    def fail(self, claim: Claim, problem: Problem, warnings: Sequence[Notice] = ()) -> bool:
        """Record why the running job failed. Otherwise like `succeed`."""
        error = problem.model_dump_json(exclude_none=True)
        return self._finish(claim, JobStatus.FAILED, error=error, cause=error, warnings=warnings)

    def cancel(self, claim: Claim, warnings: Sequence[Notice] = ()) -> bool:
        """Record that the running job stopped as it was asked to. Otherwise like `succeed`."""
        return self._finish(claim, JobStatus.CANCELED, warnings=warnings)

    def hand_back(self, claim: Claim) -> bool:
        """Put the running job back to the front of the queue, unless it is to stop. Raises Fenced."""
        if self._verdict("hand_back", claim) is Verdict.FENCED:
            raise Fenced(claim.job_id)
        return True

    def _verdict(self, name: str, claim: Claim, *args: str | int | bytes) -> Verdict:
        return Verdict(self._owners.run(name, claim.job_id, claim.worker, claim.attempt, *args))

    def _finish(
        self,
        claim: Claim,
        status: JobStatus,
        *,
        result: str = "",
        error: str = "",
        cause: str = "",
        warnings: Sequence[Notice] = (),
    ) -> bool:
        holder = (claim.job_id, claim.worker, claim.attempt)
        answer = self._owners.run("finish", *holder, status.value, result, error, cause, as_json(warnings))
        if answer == "fenced":
            raise Fenced(claim.job_id)
        return answer == "ok"


def as_json(warnings: Sequence[Notice]) -> str:
    """Warnings as they are stored."""
    return json.dumps([warning.model_dump(mode="json", exclude_defaults=True) for warning in warnings])


def about(inversion: InvertOptions) -> str:
    """An inversion as it is stored: all that it depends on."""
    return inversion.model_dump_json(exclude={"webhook_url", "preset", "fit"})


def milliseconds(seconds: float) -> int:
    """As the scripts count time."""
    return round(seconds * 1000)
