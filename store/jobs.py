"""Job records: who may change them, when, and how they look on the wire."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from api_schemas import (
    EditRequest,
    EditResult,
    ErrorCode,
    InvertOptions,
    InvertResult,
    Job,
    JobKind,
    JobStatus,
    Problem,
    Progress,
)
from store import keys, scripts
from store.asking import BY_DEFAULT, Ask, How, Submission
from store.errors import Fenced, InversionFailed, NoSuchImage
from store.queue import message
from store.settings import StoreSettings
from store.views import wire_job

_POPPED_MS = 5000
_CANCELED = Problem.of(ErrorCode.CANCELED, "the inversion of the image was canceled").model_dump_json()
_DELETED = Problem.of(ErrorCode.CANCELED, "the image was deleted").model_dump_json()


class Verdict(StrEnum):
    """What the owner of a running job is told whenever it reports."""

    OK = "ok"
    CANCEL = "cancel"
    FENCED = "fenced"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to run a job: writes by another `worker` or under an older `attempt` are refused."""

    job_id: str
    worker: str
    attempt: int
    kind: JobKind
    image_id: str
    request: InvertOptions | EditRequest
    queued_s: float
    tenant: str = "default"
    request_id: str | None = None
    traceparent: str | None = None
    deadline_s: float | None = None


class JobStore:
    """All changes of jobs; every method is one atomic step and raises redis errors unchanged."""

    def __init__(self, redis: Any, settings: StoreSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._ttl_ms = settings.job_ttl_s * 1000
        self._scripts = {
            name: redis.register_script(getattr(scripts, name))
            for name in ("BEGIN", "BEAT", "PROGRESS", "FINISH", "HAND_BACK", "CANCEL", "REAP", "ABANDON")
        }

    def submit_invert(
        self,
        image_id: str,
        options: InvertOptions,
        *,
        model: str,
        width: int,
        height: int,
        ask: Ask = BY_DEFAULT,
    ) -> Submission:
        """Queue an inversion, join the one that is under way, or answer from the finished one.

        The source must be stored before. `width` and `height` are those of the picture as sent.
        Raises QueueFull.
        """
        job_id = ask.job_id or keys.new_job_id()
        options = options.model_copy(update={"model": model})
        about = json.dumps({**options.model_dump(mode="json"), "width": width, "height": height})
        request = options.model_dump_json()
        answer = self._submit(scripts.SUBMIT_INVERT, job_id, image_id, request, about)
        found, how = answer[0], How(answer[1])
        return Submission(job_id=found, image_id=image_id, status=self._status(found), how=how)

    def submit_edit(self, request: EditRequest, *, ask: Ask = BY_DEFAULT) -> Submission:
        """Queue an edit, or hold it until the inversion of its image has ended.

        Raises NoSuchImage, InversionFailed if there is nothing to wait for, and QueueFull.
        """
        job_id = ask.job_id or keys.new_job_id()
        how, error = self._submit(scripts.SUBMIT_EDIT, job_id, request.image_id, request.model_dump_json())
        if how == "missing":
            self._redis.delete(f"rq:job:{job_id}")
            raise NoSuchImage(request.image_id)
        if how == "failed":
            self._redis.delete(f"rq:job:{job_id}")
            raise InversionFailed(Problem.model_validate_json(error))
        return Submission(job_id=job_id, image_id=request.image_id, status=JobStatus.QUEUED, how=How.ACCEPTED)

    def get(self, job_id: str, tenant: str = "default") -> Job | None:
        """The job as it stands now, or None if it never was or has expired."""
        fields = self._redis.hgetall(keys.job(job_id))
        if "status" not in fields:
            return None
        return wire_job(job_id, fields)

    def page(
        self,
        tenant: str,
        *,
        limit: int,
        cursor: str | None = None,
        status: JobStatus | None = None,
        kind: JobKind | None = None,
        image_id: str | None = None,
    ) -> tuple[list[Job], str | None]:
        """The tenant's jobs, newest first, from `cursor` on, and the cursor of the next page if there is one.

        Raises BadCursor.
        """
        raise NotImplementedError

    def preview(self, claim: Claim, png: bytes) -> Verdict:
        """Show this picture as what the job has by now."""
        raise NotImplementedError

    def latest_preview(self, job_id: str, tenant: str = "default") -> bytes | None:
        """The picture shown last, or None; it is forgotten some minutes after the job has ended."""
        raise NotImplementedError

    def expired_images(self, limit: int) -> list[str]:
        """Images whose time has come; `Store.expire_image` removes each unless it is used meanwhile."""
        raise NotImplementedError

    def recent(self, limit: int = 50) -> list[Job]:
        """The latest jobs, newest first."""
        ids = self._redis.zrevrange(f"{keys.PREFIX}jobs", 0, limit - 1)
        jobs = (self.get(job_id) for job_id in ids)
        return [job for job in jobs if job is not None]

    def request_cancel(self, job_id: str, tenant: str = "default") -> JobStatus | None:
        """Cancel a waiting job at once and ask a running one to stop.

        The status found: CANCELED and PROCESSING mean it is or will be canceled, SUCCEEDED and the
        like that it was too late; None if there is no such job.
        """
        status = self._run("CANCEL", job_id, _CANCELED)
        return JobStatus(status) if status else None

    def begin(self, job_id: str, worker: str, lease_s: float) -> Claim | None:
        """Take a queued job, or find that `worker` has it; None if it is not to be had.

        It is not if it has ended, is held, or is run by another.
        """
        attempt = int(self._run("BEGIN", job_id, worker, _ms(lease_s)))
        if attempt == 0:
            return None
        names = ("kind", "image_id", "request", "created", "started")
        kind, image_id, request, created, started = self._redis.hmget(keys.job(job_id), names)
        model: type[InvertOptions] | type[EditRequest] = InvertOptions if kind == "invert" else EditRequest
        return Claim(
            job_id=job_id,
            worker=worker,
            attempt=attempt,
            kind=JobKind(kind),
            image_id=image_id,
            request=model.model_validate_json(request),
            queued_s=max(0.0, (int(started) - int(created)) / 1000),
        )

    def beat(self, claim: Claim, lease_s: float) -> Verdict:
        """Keep the job for another `lease_s` seconds."""
        return self._verdict("BEAT", claim, _ms(lease_s))

    def progress(self, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
        """Say how far the job is."""
        eta = "" if eta_s is None else f"{eta_s:.3f}"
        return self._verdict("PROGRESS", claim, progress.model_dump_json(), eta)

    def succeed(
        self, claim: Claim, result: InvertResult | EditResult, warnings: tuple[str, ...] = ()
    ) -> bool:
        """Record the result, or the cancellation that was asked for before.

        False if the image was deleted meanwhile. Raises Fenced.
        """
        return self._finish(claim, JobStatus.SUCCEEDED, result=result.model_dump_json(), warnings=warnings)

    def fail(self, claim: Claim, problem: Problem, warnings: tuple[str, ...] = ()) -> bool:
        """Record why the job failed; edits that wait for it fail alike. Otherwise like `succeed`."""
        text = problem.model_dump_json(exclude_none=True)
        return self._finish(claim, JobStatus.FAILED, error=text, cause=text, warnings=warnings)

    def cancel(self, claim: Claim, warnings: tuple[str, ...] = ()) -> bool:
        """Record that the running job stopped as it was asked to. Otherwise like `succeed`."""
        return self._finish(claim, JobStatus.CANCELED, cause=_CANCELED, warnings=warnings)

    def hand_back(self, claim: Claim) -> bool:
        """Put the running job back to the front of the queue. Raises Fenced."""
        if self._verdict("HAND_BACK", claim) is Verdict.FENCED:
            raise Fenced(claim.job_id)
        return True

    def reap(self) -> tuple[list[str], list[str]]:
        """Queue again the jobs whose worker is gone: those queued, and those ended for good."""
        detail = f"the worker was lost {self._settings.max_attempts} times while it ran this job"
        lost = Problem.of(ErrorCode.WORKER_LOST, detail).model_dump_json(exclude_none=True)
        again, ended = self._run("REAP", self._settings.max_attempts, _POPPED_MS, lost, _CANCELED)
        for job_id in again:
            if not self._redis.exists(f"rq:job:{job_id}"):
                message(self._redis, job_id, self._settings.job_timeout_s).save()
        return again, ended

    def abandon(self, worker: str) -> None:
        """Let every job of a worker that is known to be dead be reaped at once."""
        self._run("ABANDON", worker)

    def delete_image(self, image_id: str, tenant: str = "default") -> bool:
        """Forget an image and cancel its jobs; False if there is no such image. Files are not touched."""
        return bool(self._redis.eval(scripts.DELETE_IMAGE, 0, image_id, _DELETED, uuid4().hex))

    def _submit(self, script: str, job_id: str, image_id: str, *rest: str) -> list[str]:
        request, *about = rest
        with self._redis.pipeline(transaction=True) as pipeline:
            message(self._redis, job_id, self._settings.job_timeout_s).save(pipeline=pipeline)
            pipeline.expire(f"rq:job:{job_id}", 3600)
            pipeline.eval(script, 0, job_id, image_id, request, str(self._ttl_ms), *about)
            answer: list[str] = pipeline.execute()[-1]
        return answer

    def _run(self, name: str, *args: str | int) -> Any:
        return self._scripts[name](args=list(args))

    def _verdict(self, name: str, claim: Claim, *args: str | int) -> Verdict:
        return Verdict(self._run(name, claim.job_id, claim.worker, claim.attempt, *args))

    def _finish(
        self,
        claim: Claim,
        status: JobStatus,
        *,
        result: str = "",
        error: str = "",
        cause: str = "",
        warnings: tuple[str, ...] = (),
    ) -> bool:
        holder = (claim.job_id, claim.worker, claim.attempt)
        end = (status.value, result, error, cause, json.dumps(warnings))
        answer = self._run("FINISH", *holder, *end, _CANCELED)
        if answer == "fenced":
            raise Fenced(claim.job_id)
        return answer == "ok"

    def _status(self, job_id: str) -> JobStatus:
        return JobStatus(self._redis.hget(keys.job(job_id), "status") or "queued")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
