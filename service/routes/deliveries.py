"""What became of a job's webhooks."""

from fastapi import APIRouter

from api_schemas import DeliveryList, ErrorCode
from service import openapi
from service.answers import no_job
from service.auth import TheCaller
from service.routes.common import JobPath, TheStore
from service.webhooks import read_log

router = APIRouter(tags=["jobs"])


@router.get(
    "/jobs/{job_id}/deliveries",
    summary="Look at a job's webhooks",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def list_deliveries(job_id: JobPath, store: TheStore, caller: TheCaller) -> DeliveryList:
    """Every try so far to deliver the job to each URL that was asked for."""
    if store.jobs.get(job_id, caller.tenant) is None:
        raise no_job(job_id)
    urls, log = store.outbox.urls(job_id), store.outbox.log(job_id)
    return DeliveryList(deliveries=read_log(urls, log))
