"""What comes with a request beside its body."""

from api_schemas import EditRequest, JobStatus
from store import Ask, Store, keys
from tests.store.conftest import CAT, IMAGE, RECORD, RESULT, begin, invert, job


def test_a_request_sent_again_with_its_job_id_makes_no_second_job(shared: Store) -> None:
    invert(shared)
    once = Ask(job_id=keys.new_job_id())
    for _ in range(2):
        submission = shared.jobs.submit_edit(EditRequest(image_id=IMAGE, prompt="a dog"), CAT, ask=once)
        assert submission.job_id == once.job_id
    assert shared.redis.lrange(keys.waiting(IMAGE, RECORD), 0, -1) == [once.job_id]


def test_an_answer_from_the_cache_that_is_asked_for_again_is_one_job(shared: Store) -> None:
    first = invert(shared)
    once = Ask(job_id=keys.new_job_id())
    assert [invert(shared, ask=once), invert(shared, ask=once)] == [first, first]
    shared.jobs.succeed(begin(shared, first), RESULT)
    assert [invert(shared, ask=once), invert(shared, ask=once)] == [once.job_id, once.job_id]
    assert job(shared, str(once.job_id)).status is JobStatus.SUCCEEDED
    assert len(shared.events.read(str(once.job_id))) == 2
    assert sum(shared.stats().ended.values()) == 2
    assert {found.id for found in shared.jobs.page("default", limit=9)[0]} == {first, once.job_id}
