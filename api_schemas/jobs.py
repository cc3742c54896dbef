"""Jobs: what is accepted, how far it is, and how it ended."""

from enum import StrEnum

from pydantic import ConfigDict, Field, JsonValue, computed_field

from api_schemas.base import ImageId, JobId, Notice, Response, Time
from api_schemas.errors import Problem
from api_schemas.results import Chosen, EditResult, InversionInfo, InvertResult


class JobStatus(StrEnum):
    """Where a job is; the last four never change again."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ABORTED = "aborted"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


class JobKind(StrEnum):
    """What a job does."""

    INVERT = "invert"
    GENERATE = "generate"
    EDIT = "edit"


class Progress(Response):
    """How far a job is within its present phase."""

    phase: str = Field(
        description="What is being done: encode, invert, paint, optimize, reconstruct, find (a region), "
        "mask (where predictions differ), edit, decode or save.",
        examples=["invert"],
    )
    step: int = Field(ge=0, description="Steps of this phase already done.")
    total: int = Field(ge=0, description="The most steps this phase can have.")
    percent: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="How much of the whole job is done: null until known, 100 once it has succeeded.",
    )
    preview_url: str | None = Field(
        default=None,
        description="A small PNG of what the latents show by now, null while there is nothing to see. "
        "Every new one has a new URL, which shows the latest.",
    )


class Links(Response):
    """Where to go from here; paths on the same host."""

    self: str = Field(description="The job itself.")
    events: str = Field(description="Its progress as server-sent events.")
    cancel: str = Field(description="POST here to cancel the job.")
    image: str = Field(description="The image the job works on.")

    @classmethod
    def of(cls, job_id: str, image_id: str) -> "Links":
        """The links of this job on this image."""
        return cls.model_validate(
            {
                "self": f"/jobs/{job_id}",
                "events": f"/jobs/{job_id}/events",
                "cancel": f"/jobs/{job_id}/cancel",
                "image": f"/images/{image_id}",
            }
        )


_IDS = {"job_id": "job_01k9s0v6x1p4q8w2z3e5r7t9y0", "image_id": "img_mfzgs3tbonrw65dfon2gk4tfmq"}
_LINKS = Links.of(_IDS["job_id"], _IDS["image_id"]).model_dump()


class Accepted(Response):
    """The answer to a request that will be worked on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_IDS, "status": "queued", "links": _LINKS}]})

    job_id: JobId = Field(description="Ask for this job to learn how it goes.")
    image_id: ImageId = Field(description="The image; edits may name it at once.")
    status: JobStatus = Field(
        description="Queued; processing if the same inversion is under way already; succeeded if it is known."
    )
    inversion: InversionInfo | None = Field(
        default=None,
        description="The inversion that the job makes or edits; edits of the image may name it, whatever "
        "becomes of the image's own.",
    )
    chosen: Chosen | None = Field(
        default=None, description="What `auto` chose and why; null where a method was named."
    )
    links: Links = Field(description="Where to go from here.")
    warnings: list[Notice] = Field(
        default_factory=list,
        description="What was done to the picture, and words that the model was not taught. The job has "
        "them too.",
    )


class Job(Response):
    """One job as it stands now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_IDS,
                    "id": _IDS["job_id"],
                    "kind": "invert",
                    "status": "processing",
                    "progress": {"phase": "invert", "step": 12, "total": 50, "percent": 23.5},
                    "eta_s": 4.2,
                    "created_at": "2026-01-05T10:00:00Z",
                    "started_at": "2026-01-05T10:00:01Z",
                    "expires_at": "2026-01-12T10:00:00Z",
                    "links": _LINKS,
                }
            ]
        }
    )

    id: JobId = Field(description="The job's id.")
    kind: JobKind = Field(description="What the job does.")
    status: JobStatus = Field(description="Where the job is.")
    image_id: ImageId = Field(description="The image it works on.")
    progress: Progress | None = Field(default=None, description="How far it is, null before it starts.")
    eta_s: float | None = Field(default=None, ge=0, description="Seconds still needed, null until known.")
    created_at: Time = Field(description="When it was accepted.")
    started_at: Time | None = Field(default=None, description="When a worker last began it.")
    finished_at: Time | None = Field(default=None, description="When it ended.")
    deadline_at: Time | None = Field(
        default=None, description="When it is given up unless it has ended, as `Cancel-After` asked."
    )
    expires_at: Time = Field(description="When this record is forgotten.")
    request: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What was asked for, with every default filled in: post it again to get the same.",
    )
    warnings: list[Notice] = Field(
        default_factory=list,
        description="What was done differently from asked, and what the result may suffer from.",
    )
    result: InvertResult | EditResult | None = Field(
        default=None, description="What it made, if it succeeded."
    )
    error: Problem | None = Field(default=None, description="Why it failed, if it failed.")
    links: Links = Field(description="Where to go from here.")

    @computed_field(description="The job's id, as every other answer names it.")  # type: ignore[prop-decorator]
    @property
    def job_id(self) -> JobId:
        """The job's id."""
        return self.id


class JobEvent(Response):
    """What happened to a job: the data of one server-sent event, named `status` or `progress`.

    The event's id resumes the stream after it, by `Last-Event-ID`. The stream ends with a status that never
    changes again; the job itself then has the result or the error.
    """

    job_id: JobId = Field(description="The job.")
    status: JobStatus = Field(description="Where the job is.")
    progress: Progress | None = Field(default=None, description="How far it is, null before it starts.")
    eta_s: float | None = Field(default=None, ge=0, description="Seconds still needed, null until known.")
    at: Time = Field(description="When it happened.")


class JobList(Response):
    """A page of jobs."""

    jobs: list[Job] = Field(description="Newest first.")
    next_cursor: str | None = Field(
        default=None, description="Give this as `cursor` for the page after; null on the last one."
    )
