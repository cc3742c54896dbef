"""Jobs with webhooks, made and ended without a model."""

from api_schemas import InvertOptions
from store import Ask, Store
from store.asking import BY_DEFAULT
from tests.service.conftest import begin, inverted


def image_of(number: int) -> str:
    return f"img_{number:026d}"


def submit(shared: Store, url: str | None, number: int = 1, ask: Ask = BY_DEFAULT) -> str:
    """An inversion that is queued."""
    options = InvertOptions(prompt="a cat on grass", webhook_url=url)
    return shared.jobs.submit_invert(
        image_of(number), options, model="miniature", width=64, height=64, ask=ask
    ).job_id


def ended(shared: Store, url: str | None, number: int = 1, ask: Ask = BY_DEFAULT) -> str:
    """An inversion that has succeeded."""
    job_id = submit(shared, url, number, ask)
    shared.jobs.succeed(begin(shared, job_id), inverted(image_of(number)))
    return job_id
