"""Whatever clients, workers and keepers do, in whatever order, the books agree with each other."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from api_schemas import Progress
from store import Ask, Claim, Fenced, InversionFailed, NoSuchImage, QueueFull, Store, keys
from tests.store.conftest import CAT, PROBLEM, QUEUE, RESULT, edit, invert

TENANTS = ("default", "other")
IMAGES = {f"img_{letter * 26}": tenant for letter, tenant in zip("abcd", TENANTS * 2, strict=True)}
INVERSIONS = [CAT, CAT.model_copy(update={"steps": 9})]
PROGRESS = Progress(phase="invert", step=1, total=2)


class World:
    """Some clients and workers that act at random."""

    def __init__(self, shared: Store, seed: int) -> None:
        self.shared, self.jobs = shared, shared.jobs
        self.random = random.Random(seed)
        self.ids: list[tuple[str, str]] = []
        self.claims: list[Claim] = []

    def act(self) -> None:
        often: list[Callable[[], object]] = [self.submit, self.begin, self.report, self.end]
        actions = often * 3 + [self.cancel, self.delete, self.lose, self.jobs.reap]
        try:
            self.random.choice(actions)()
        except (Fenced, NoSuchImage, InversionFailed, QueueFull):
            return

    def submit(self) -> None:
        image = self.random.choice(list(IMAGES))
        deadline = self.random.choice([None, None, None, 0, 60])
        ask = Ask(tenant=IMAGES[image], deadline_s=deadline, max_queued=8)
        make = self.random.choice([invert, edit])
        how: dict[str, Any] = {
            "ask": ask,
            "webhook": "https://a",
            "inversion": self.random.choice(INVERSIONS),
        }
        self.ids.append((make(self.shared, image_id=image, **how), ask.tenant))

    def begin(self) -> None:
        waiting = self.shared.redis.lmove(QUEUE, f"{QUEUE}:intermediate")
        if waiting:
            lease = self.random.choice([0, 60])
            claim = self.jobs.begin(waiting, self.random.choice("vw"), lease)
            self.claims += [claim] if claim else []

    def report(self) -> None:
        if self.claims:
            claim = self.random.choice(self.claims[-4:])
            self.jobs.preview(claim, b"png")
            self.jobs.made(claim, self.random.randrange(1, 99))
            self.jobs.progress(claim, PROGRESS, 1.0)

    def end(self) -> None:
        if self.claims:
            claim = self.random.choice(self.claims[-4:])
            ends: list[Callable[[], object]] = [
                lambda: self.jobs.succeed(claim, RESULT),
                lambda: self.jobs.fail(claim, PROBLEM),
                lambda: self.jobs.cancel(claim),
                lambda: self.jobs.hand_back(claim),
            ]
            self.random.choice(ends)()

    def cancel(self) -> None:
        if self.ids:
            self.jobs.request_cancel(*self.random.choice(self.ids))

    def delete(self) -> None:
        if self.random.random() < 0.3:
            image = self.random.choice(list(IMAGES))
            self.shared.delete_image(image, IMAGES[image])

    def lose(self) -> None:
        self.jobs.abandon(self.random.choice("vw"))


def check(shared: Store) -> None:
    redis = shared.redis
    names = [key for key in redis.scan_iter("pentimento:job:job_*") if key.count(":") == 2]
    jobs: dict[str, dict[str, Any]] = {key.rpartition(":")[2]: redis.hgetall(key) for key in names}
    unended = {id for id, job in jobs.items() if job["status"] in ("queued", "processing")}
    running = {id for id in unended if jobs[id]["status"] == "processing"}
    held = {id for id in unended if "held" in jobs[id]}
    assert redis.sunion("pentimento:unended:invert", "pentimento:unended:edit") == unended
    for tenant in TENANTS:
        mine = {id for id in unended if jobs[id]["tenant"] == tenant}
        assert redis.smembers(f"pentimento:tenant:{tenant}:unended") == mine
        assert mine <= set(redis.zrange(keys.jobs_by(tenant), 0, -1))
    assert set(redis.zrange("pentimento:active", 0, -1)) == running
    queue = redis.lrange(QUEUE, 0, -1) + redis.lrange(f"{QUEUE}:intermediate", 0, -1)
    assert sorted(queue) == sorted(unended - running - held)
    waiting = [id for key in redis.scan_iter("pentimento:image:*:waiting") for id in redis.lrange(key, 0, -1)]
    assert sorted(waiting) == sorted(held)
    assert set(redis.zrange("pentimento:deadlines", 0, -1)) <= unended
    for id, job in jobs.items():
        assert (redis.pttl(keys.job(id)) == -1) == (id in unended)
        assert (redis.pttl(keys.events(id)) == -1) == (id in unended)
        assert redis.xrevrange(keys.events(id), count=1)[0][1]["status"] == job["status"]
        owed = redis.zscore("pentimento:outbox", f"{id} https://a")
        assert (owed is None) == (id in unended)
    count = nbytes = 0
    for image in IMAGES:
        fields = redis.hgetall(keys.image(image))
        listed = redis.zrange(keys.records(image), 0, -1)
        assert bool(fields) == bool(listed) == (fields.get("own") in listed)
        assert not fields or redis.zscore("pentimento:expiry", image) == int(fields["expires"])
        there = redis.keys(f"{keys.image(image)}:record:rec_{26 * '?'}")
        assert {key.rpartition(":")[2] for key in there} == set(listed)
        for record_id in listed:
            record = redis.hgetall(keys.record(image, record_id))
            count, nbytes = count + 1, nbytes + int(record.get("bytes", 0))
            if record["status"] == "pending":
                assert record["job_id"] in unended
            else:
                assert not redis.exists(keys.waiting(image, record_id))
    stats = shared.stats()
    assert (stats.records, stats.record_bytes) == (count, nbytes)


@pytest.mark.parametrize("twice", [False, True], ids=["once", "each-step-twice"])
@pytest.mark.parametrize("seed", range(4))
def test_the_books_agree(shared: Store, monkeypatch: pytest.MonkeyPatch, seed: int, twice: bool) -> None:
    if twice:
        once = shared.redis.evalsha
        monkeypatch.setattr(shared.redis, "evalsha", lambda *args: (once(*args), once(*args))[1])
    world = World(shared, seed)
    for _ in range(150):
        world.act()
        check(shared)
    assert len(world.ids) > 10
    assert len(world.claims) > 5
