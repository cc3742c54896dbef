"""Progress, time left, and the three reasons to stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
import torch
from PIL import Image
from redis.exceptions import ConnectionError

import engine
from api_schemas import InvertOptions, JobKind, Progress
from engine.progress import Rows
from store import Claim, Fenced, JobStore, Verdict
from workers.eta import Costs, Phase
from workers.reporter import Canceled, HandedBack, Reporter
from workers.watchdog import Guard

CLAIM = Claim(
    job_id="job_x",
    worker="bench",
    attempt=1,
    kind=JobKind.INVERT,
    image_id="img_x",
    record_id="rec_x",
    request=InvertOptions(prompt="a cat"),
    inversion=InvertOptions(prompt="a cat"),
    listed=False,
    queued_s=0,
)


@dataclass
class FakeJobs:
    """Takes note of what is told."""

    told: list[tuple[Progress, float | None]] = field(default_factory=list)
    answer: Callable[[], Verdict] = lambda: Verdict.OK

    def progress(self, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
        self.told.append((progress, eta_s))
        return self.answer()

    def preview(self, claim: Claim, png: bytes) -> Verdict:
        return self.answer()

    def beat(self, claim: Claim, lease_s: float) -> Verdict:
        return self.answer()


class Quiet(Guard):
    def alive(self, rows: float = 0.0, row_s: float = 0.0) -> None:
        pass


@dataclass
class Bench:
    jobs: FakeJobs = field(default_factory=FakeJobs)
    at: float = 100.0
    leave: bool = False
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        jobs = cast(JobStore, self.jobs)
        self.reporter = Reporter(
            jobs, CLAIM, Quiet(1), lambda: self.leave, 20, self.costs, clock=lambda: self.at
        )

    def step(
        self, phase: str, step: int, total: int, after: float, rows: Rows | None = None
    ) -> tuple[Progress, float | None]:
        self.at += after
        self.reporter(engine.Progress(phase, step, total, rows=rows))
        return self.jobs.told[-1]


def test_time_left_is_unknown_until_three_steps_were_timed_and_then_counts_later_phases() -> None:
    bench = Bench()
    bench.reporter.expect(Phase(name="invert", steps=10), Phase(name="edit", steps=10, rows=3))
    etas = [bench.step("invert", step, 10, after=0.5)[1] for step in range(6)]
    assert etas[:3] == [None, None, None]
    assert etas[3] == pytest.approx(0.5 * (7 + 30))
    assert etas[5] == pytest.approx(0.5 * (5 + 30))


def test_one_slow_step_does_not_upset_the_time_left() -> None:
    bench = Bench()
    bench.reporter.expect(Phase(name="invert", steps=10))
    for step in range(5):
        bench.step("invert", step, 10, after=0.5)
    assert bench.step("invert", 5, 10, after=30)[1] == pytest.approx(0.5 * 5)


def test_percent_grows_to_100_over_all_phases_and_is_null_outside_the_plan() -> None:
    bench = Bench()
    assert bench.step("other", 1, 2, after=1)[0].percent is None
    bench.reporter.expect(Phase(name="invert", steps=4), Phase(name="edit", steps=4, rows=3))
    steps = [("invert", step) for step in range(5)] + [("edit", step) for step in range(5)]
    percents = [bench.step(phase, step, 4, after=1)[0].percent for phase, step in steps]
    assert None not in percents
    assert percents == sorted(percents, key=lambda percent: percent or 0)
    assert (percents[4], percents[-1]) == (25, 100)


def test_percent_does_not_fall_when_the_plan_changes() -> None:
    bench = Bench()
    bench.reporter.expect(Phase(name="invert", steps=4), Phase(name="edit", steps=4))
    assert bench.step("invert", 4, 4, after=1)[0].percent == 50
    bench.reporter.expect(Phase(name="edit", steps=4))
    assert [bench.step("edit", step, 4, after=1)[0].percent for step in (1, 3)] == [50, 75]


def test_percent_grows_to_100_although_a_phase_is_longer_than_was_thought_and_ends_early() -> None:
    bench = Bench()
    bench.reporter.expect(
        Phase(name="invert", steps=4), Phase(name="optimize", steps=10, rows=3), Phase(name="decode", steps=1)
    )
    steps = [("invert", step, 4) for step in range(5)]
    steps += [("optimize", step, 40) for step in (0, 1, 2, 20, 21, 22)]
    steps += [("decode", step, 1) for step in range(2)]
    percents = [bench.step(phase, step, total, after=1)[0].percent or 0 for phase, step, total in steps]
    assert percents == sorted(percents)
    assert percents[7] < 15, "the phase is as long as it says, not as was thought"
    assert percents[-1] == 100


def test_steps_that_are_skipped_bring_the_end_nearer() -> None:
    bench = Bench()
    bench.reporter.expect(Phase(name="optimize", steps=1000, rows=3))
    ahead = [(1, 0.5), (1, 0.5), (98, 0.0)] * 8
    step = 0
    for steps, seconds in ahead:
        step += steps
        told, eta = bench.step("optimize", step, 1000, after=seconds)
    assert eta == pytest.approx((1000 - told.step) * 0.01, rel=0.2)


def test_steps_that_say_what_they_cost_are_weighed_by_that() -> None:
    bench = Bench()
    bench.reporter.expect(Phase(name="edit", steps=8, rows=2), Phase(name="decode", steps=1))
    costs = [2] * 6 + [1] * 4
    ahead = [sum(costs[n + 1 :]) for n in range(10)]
    etas = [
        bench.step("edit", n + 1, 10, after=0.5 * cost, rows=Rows(16 - left, left))[1]
        for n, (cost, left) in enumerate(zip(costs, ahead, strict=True))
    ]
    assert etas[3:] == [pytest.approx(0.5 * (left + 1)) for left in ahead[3:]]


def test_the_next_job_of_its_sort_knows_what_each_phase_cost() -> None:
    costs = Costs()
    for _ in range(2):
        bench = Bench(costs=costs)
        bench.reporter.expect(Phase(name="edit", steps=5, rows=4), Phase(name="save", steps=1))
        etas = [bench.step("edit", step, 5, after=2)[1] for step in range(6)]
        bench.step("save", 0, 1, after=0)
        bench.step("save", 1, 1, after=7)
        bench.reporter.learn()
    assert etas[3:] == [pytest.approx(2 * left + 7) for left in (2, 1, 0)]


def test_fast_steps_are_told_now_and_then_and_a_new_phase_soon() -> None:
    bench = Bench()
    for step in range(101):
        bench.step("invert", step, 100, after=0.01)
    assert 5 <= len(bench.jobs.told) <= 8
    bench.step("invert", 100, 100, after=0.2)
    assert bench.step("decode", 0, 1, after=0.01)[0].phase == "invert"
    assert bench.step("decode", 1, 1, after=0.05)[0].phase == "decode"


def test_a_store_that_cannot_be_reached_does_not_disturb_the_job() -> None:
    bench = Bench()
    tries = []

    def unreachable() -> Verdict:
        tries.append(bench.at)
        raise ConnectionError

    bench.jobs.answer = unreachable
    bench.reporter.show(Image.new("RGB", (32, 32), "teal"))
    for phase in ("encode", "invert"):
        for step in range(10):
            bench.at += 0.5
            bench.reporter(engine.Progress(phase, step, 100, torch.zeros(1, 4, 8, 8)))
    assert len(tries) == 5


@pytest.mark.parametrize(("verdict", "error"), [(Verdict.CANCEL, Canceled), (Verdict.FENCED, Fenced)])
def test_the_stores_verdict_ends_the_job_also_while_it_waits(
    verdict: Verdict, error: type[Exception]
) -> None:
    bench = Bench()
    bench.jobs.answer = lambda: verdict
    with pytest.raises(error):
        bench.step("invert", 1, 10, after=1)
    bench.at += 1
    with pytest.raises(error):
        bench.reporter.check()


def test_a_worker_that_must_leave_ends_the_job() -> None:
    bench = Bench(leave=True)
    with pytest.raises(HandedBack):
        bench.step("invert", 1, 10, after=1)
    with pytest.raises(HandedBack):
        bench.reporter.check()
