"""What comes with a request beside its body."""

from api_schemas import EditRequest
from store import Ask, Store, keys
from tests.store.conftest import IMAGE, invert


def test_a_request_sent_again_with_its_job_id_makes_no_second_job(shared: Store) -> None:
    invert(shared)
    once = Ask(job_id=keys.new_job_id())
    for _ in range(2):
        submission = shared.jobs.submit_edit(EditRequest(image_id=IMAGE, prompt="a dog"), ask=once)
        assert submission.job_id == once.job_id
    assert shared.redis.lrange(f"{keys.image(IMAGE)}:waiting", 0, -1) == [once.job_id]
