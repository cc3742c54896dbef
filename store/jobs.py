"""Job records: how they are made, found and given up."""

import json
from typing import Any
from uuid import uuid4

from redis.client import NEVER_DECODE
from rq.job import Job as Message

from api_schemas import (
    EditRequest,
    ErrorCode,
    GenerateRequest,
    InvertOptions,
    Job,
    JobKind,
    JobStatus,
    Problem,
)
from api_schemas import (
    Submission as Asked,
)
from store import keys, pages
from store.asking import BY_DEFAULT, Ask, How, Submission
from store.claims import Claims, about, as_json, milliseconds
from store.errors import InversionFailed, NoSuchImage, QueueFull
from store.queue import message
from store.scripts import Scripts
from store.settings import StoreSettings
from store.views import inversion_info, tenants_job, wire_job

_POPPED_MS = 5000


class JobStore(Claims):
    """All changes of jobs, those by the holder of a claim included."""

    def __init__(self, redis: Any, settings: StoreSettings) -> None:
        super().__init__(redis)
        self._redis, self._settings = redis, settings
        about_jobs = ("submit_invert", "submit_edit", "submit_both", "cancel", "reap", "abandon", "page")
        about_images = ("delete_image", "erase_jobs", "expire_image", "expired_images", "swept")
        self._scripts = Scripts(redis, *about_jobs, *about_images)

    def submit_invert(
        self,
        image_id: str,
        options: InvertOptions,
        *,
        model: str,
        width: int,
        height: int,
        ask: Ask = BY_DEFAULT,
        request: GenerateRequest | None = None,
    ) -> Submission:
        """Queue an inversion, join the one that is under way, or answer from the finished one.

        It is the image's own from then on. The source must be stored before. `width` and `height` are those
        of the picture as sent. A job that is joined has the latest deadline of all its requests, and calls
        the webhooks of all. `request` is what asks for a painting, which `options` describe. Raises
        QueueFull.
        """
        options = options.model_copy(update={"model": model})
        asked = self._asked(image_id, request or options, options, ask)
        of_it = (width, height, options.fit or "", 0)
        answer = self._submit("submit_invert", *asked, *of_it, *self._fields(asked[0]))
        how, job_id = How(answer[0]), answer[1]
        return Submission(
            job_id=job_id,
            image_id=image_id,
            inversion=inversion_info(keys.record_id(image_id, options), options),
            status=self._status(job_id),
            how=how,
        )

    def submit_edit(
        self, request: EditRequest, inversion: InvertOptions, *, ask: Ask = BY_DEFAULT
    ) -> Submission:
        """Queue an edit of this inversion of the image, or hold it until that has ended if it is under way.

        The job makes the inversion if there is none. Its model must be named. Raises NoSuchImage,
        InversionFailed, and QueueFull.
        """
        asked = self._asked(request.image_id, request, inversion, ask)
        return self._edit(request, inversion, "submit_edit", *asked, *self._fields(asked[0]))

    def submit_both(
        self,
        request: EditRequest,
        inversion: InvertOptions,
        *,
        width: int,
        height: int,
        chosen: bool,
        ask: Ask = BY_DEFAULT,
        its: Ask = BY_DEFAULT,
    ) -> Submission:
        """Queue an edit, and before it the inversion unless that is there or under way: both or neither.

        The source must be stored before. `width` and `height` are those of the picture as sent; `chosen`
        says that `auto` chose the inversion, whose own terms are `its`. The inversion that is queued is the
        image's own. Raises QueueFull; a queue without a job takes both though it may hold only one.
        """
        asked = self._asked(request.image_id, request, inversion, ask)
        first, _, _, options, terms, _ = self._asked(request.image_id, inversion, inversion, its)
        of_it = (first, options, terms, width, height, inversion.fit or "", int(chosen))
        fields = self._fields(first)
        more = (*of_it, len(fields), *fields, *self._fields(asked[0]))
        return self._edit(request, inversion, "submit_both", *asked, *more)

    def _edit(
        self, request: EditRequest, inversion: InvertOptions, script: str, *args: str | int | bytes
    ) -> Submission:
        how, *more = self._submit(script, *args)
        if how == "missing":
            raise NoSuchImage(request.image_id)
        if how == "failed":
            raise InversionFailed(Problem.model_validate_json(more[0]))
        return Submission(
            job_id=more[0],
            image_id=request.image_id,
            inversion=inversion_info(keys.record_id(request.image_id, inversion), inversion),
            status=JobStatus.QUEUED,
            how=How.ACCEPTED,
        )

    def is_made(self, image_id: str, record_id: str) -> bool:
        """Whether an inversion would be answered from what is there."""
        return bool(self._redis.hexists(keys.record(image_id, record_id), "result"))

    def unmake(self, image_id: str, record_id: str) -> None:
        """Let the inversion be made again when it is next asked for: what was made is lost or damaged."""
        self._redis.hdel(keys.record(image_id, record_id), "result")

    def get(self, job_id: str, tenant: str = "default") -> Job | None:
        """The job as it stands now, or None if the tenant never had it or it has expired."""
        return tenants_job(job_id, self._redis.hgetall(keys.job(job_id)), tenant)

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

        A page may be short, even empty, and have a next one. Raises BadCursor.
        """
        # A cursor names a job, which must not be another tenant's.
        if image_id is not None and self._redis.hget(keys.image(image_id), "tenant") != tenant:
            return [], None
        index = keys.jobs_by(tenant) if image_id is None else keys.jobs_of(image_id)
        wanted = {"tenant": tenant, "status": status, "kind": kind}
        ids, after = pages.read(self._scripts, index, keys.job(""), limit, cursor, wanted)
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hgetall(keys.job(job_id))
            found = zip(ids, pipeline.execute(), strict=True)
        return [wire_job(job_id, fields) for job_id, fields in found if fields], after

    def latest_preview(self, job_id: str, tenant: str = "default") -> bytes | None:
        """The picture shown last, or None; it is forgotten some minutes after the job has ended."""
        if self._redis.hget(keys.job(job_id), "tenant") != tenant:
            return None
        png: bytes | None = self._redis.execute_command("GET", keys.preview(job_id), **{NEVER_DECODE: True})
        return png

    def request_cancel(self, job_id: str, tenant: str = "default") -> JobStatus | None:
        """Cancel a waiting job at once and ask a running one to stop.

        The status found: CANCELED and PROCESSING mean it is or will be canceled, SUCCEEDED and the
        like that it was too late; None if the tenant has no such job.
        """
        status = self._scripts.run("cancel", job_id, tenant)
        return JobStatus(status) if status else None

    def reap(self) -> tuple[list[str], list[str]]:
        """Queue again the jobs whose worker is gone: those queued, and those ended for good.

        Queued jobs past their deadline are aborted too. Any process may do this, at any time.
        """
        detail = f"the worker was lost {self._settings.max_attempts} times while it ran this job"
        lost = Problem.of(ErrorCode.WORKER_LOST, detail).model_dump_json(exclude_none=True)
        again, ended = self._scripts.run("reap", self._settings.max_attempts, _POPPED_MS, lost)
        for job_id in again:
            if not self._redis.exists(f"rq:job:{job_id}"):
                message(self._redis, job_id, Message).save()
        return again, ended

    def abandon(self, worker: str) -> None:
        """Let every job of a worker that is known to be dead be reaped at once."""
        self._scripts.run("abandon", worker)

    def delete_image(self, image_id: str, tenant: str = "default") -> bool:
        """Forget an image and its jobs, cancel those that run; False if the tenant has no such image.

        Files are not touched: the image is due for `Store.expire_image` until they are known to be gone.
        """
        return bool(self._scripts.run("delete_image", image_id, tenant, uuid4().hex)) and self._erase(
            image_id
        )

    def expire_image(self, image_id: str) -> bool:
        """Like `delete_image`, for an image that is due; False if it is not, or if a job on it is unended."""
        return bool(self._scripts.run("expire_image", image_id)) and self._erase(image_id)

    def _erase(self, image_id: str) -> bool:
        """Erase the ended jobs of a forgotten image, some at a time so that no other caller waits long."""
        unended = 0
        while unended >= 0:
            unended = self._scripts.run("erase_jobs", image_id, unended)
        return True

    def expired_images(self, limit: int) -> list[str]:
        """Images whose time has come; `Store.expire_image` removes each unless it is used meanwhile."""
        return list(self._scripts.run("expired_images", limit))

    def swept(self, image_id: str) -> None:
        """The files of a forgotten image are gone; it is no longer due, unless a job on it runs even now."""
        self._scripts.run("swept", image_id)

    def _asked(
        self, image_id: str, request: Asked, inversion: InvertOptions, ask: Ask
    ) -> tuple[str, str, str, str, str, str]:
        """A request as the scripts take it, the id of its job first."""
        job_id = ask.job_id or keys.new_job_id()
        terms = json.dumps(self._terms(ask, request.webhook_url))
        record = keys.record_id(image_id, inversion)
        return job_id, image_id, record, request.model_dump_json(), terms, about(inversion)

    def _fields(self, job_id: str) -> list[str | int | bytes]:
        """The names and values of RQ's own record of a job, in turn."""
        fields = message(self._redis, job_id, Message).to_dict()
        return [each for field in fields.items() for each in field]

    def _submit(self, script: str, *args: str | int | bytes) -> list[str]:
        answer: list[str] = self._scripts.run(script, *args)
        if answer[0] == "full":
            raise QueueFull(_FULL[answer[1]], int(answer[2]))
        return answer

    def _terms(self, ask: Ask, webhook: str | None) -> dict[str, str | int]:
        """What the scripts are to know of a request beside its body; times in milliseconds."""
        settings = self._settings
        terms = {
            "tenant": ask.tenant,
            "request_id": ask.request_id,
            "traceparent": ask.traceparent,
            "deadline": None if ask.deadline_s is None else milliseconds(ask.deadline_s),
            "webhook": webhook,
            "noticed": as_json(ask.warnings) if ask.warnings else None,
            "chosen": ask.chosen.model_dump_json() if ask.chosen else None,
            "job_ttl": settings.job_ttl_s * 1000,
            "image_ttl": settings.image_ttl_s * 1000,
            "queue_limit": settings.queue_limit,
            "max_queued": settings.max_queued if ask.max_queued is None else ask.max_queued,
        }
        return {name: value for name, value in terms.items() if value is not None}

    def _status(self, job_id: str) -> JobStatus:
        return JobStatus(self._redis.hget(keys.job(job_id), "status") or "queued")


_FULL = {
    "all": "as many jobs as the queue may hold are waiting or running",
    "webhooks": "the inversion under way calls as many webhooks as a job may",
    "tenant": "you have as many jobs waiting or running as you may",
}
