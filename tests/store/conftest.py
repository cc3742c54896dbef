"""Jobs to tell stories of, and the steps that their owner can take."""

from collections.abc import Callable

from api_schemas import (
    EditRequest,
    ErrorCode,
    InvertOptions,
    Job,
    JobStatus,
    Problem,
)
from store import Ask, Claim, Store, record_id
from store.asking import BY_DEFAULT
from tests.results import inverted

IMAGE = "img_" + "a" * 26

QUEUE = "rq:queue:pentimento"

RESULT = inverted(IMAGE)

PROBLEM = Problem.of(ErrorCode.NUMERICAL_ERROR, "the latents are not finite")


CAT = InvertOptions(prompt="a cat", model="miniature")

RECORD = record_id(IMAGE, CAT)


def invert(
    shared: Store,
    image_id: str = IMAGE,
    ask: Ask = BY_DEFAULT,
    webhook: str | None = None,
    inversion: InvertOptions = CAT,
) -> str:
    options = inversion.model_copy(update={"webhook_url": webhook})
    return shared.jobs.submit_invert(image_id, options, model="miniature", width=9, height=8, ask=ask).job_id


def edit(
    shared: Store,
    prompt: str = "a dog",
    image_id: str = IMAGE,
    ask: Ask = BY_DEFAULT,
    webhook: str | None = None,
    inversion: InvertOptions = CAT,
) -> str:
    request = EditRequest(image_id=image_id, prompt=prompt, webhook_url=webhook)
    return shared.jobs.submit_edit(request, inversion, ask=ask).job_id


def job(shared: Store, job_id: str, tenant: str = "default") -> Job:
    found = shared.jobs.get(job_id, tenant)
    assert found is not None
    return found


def begin(shared: Store, job_id: str, lease_s: float = 30) -> Claim:
    claim = shared.jobs.begin(job_id, "worker", lease_s)
    assert claim is not None
    return claim


def status(shared: Store, job_id: str) -> JobStatus:
    return job(shared, job_id).status


def queued(shared: Store) -> list[str]:
    return list(shared.redis.lrange(QUEUE, 0, -1))


STEPS: dict[str, Callable[[Store, Claim], object]] = {
    "succeed": lambda shared, claim: shared.jobs.succeed(claim, RESULT),
    "fail": lambda shared, claim: shared.jobs.fail(claim, PROBLEM),
    "cancel": lambda shared, claim: shared.jobs.cancel(claim),
    "hand_back": lambda shared, claim: shared.jobs.hand_back(claim),
}

ENDS = {
    "succeed": JobStatus.SUCCEEDED,
    "fail": JobStatus.FAILED,
    "cancel": JobStatus.CANCELED,
    "hand_back": JobStatus.QUEUED,
}

ENDINGS = ["succeed", "fail", "cancel"]
