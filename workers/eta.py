"""How much of a job is done, and how long the rest of it takes."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

from engine import Progress

_ENOUGH: Final = 3
_ALIKE: Final = ("encode", "decode", "save")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a job: so many steps as far as is known before, each costing so many rows of the denoiser."""

    name: str
    steps: int
    rows: float = 1.0


class Costs:
    """Seconds that a row of each phase took, of the last job of each sort that ended in this process.

    To encode, decode and save takes as long whatever the sort, so that it is learned from any job.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, dict[str, float]] = {}
        self._alike: dict[str, float] = {}

    def of(self, sort: Hashable) -> dict[str, float]:
        """What such jobs cost by phase; of nothing that was not seen."""
        return {**self._alike, **self._seen.get(sort, {})}

    def learn(self, sort: Hashable, costs: dict[str, float]) -> None:
        """Remember what such a job did cost."""
        self._seen[sort] = {**self._seen.get(sort, {}), **costs}
        self._alike |= {name: cost for name, cost in costs.items() if name in _ALIKE}


class Pace:
    """Weighs what is left of a job by what its phases cost, and times it by the steps of late.

    `costs`, seconds per row by phase, correct the guesses of the plan; a phase that is not among them costs a
    row as much as it did so far, or, before its first step, as the others do on the average.
    """

    def __init__(self, costs: dict[str, float]) -> None:
        self._costs = costs
        self._plan: tuple[Phase, ...] = ()
        self._paces: deque[tuple[float, float, str]] = deque(maxlen=40)
        self._spent: dict[str, tuple[float, float]] = {}
        self._last: tuple[str, float, float] | None = None
        self._percent = 0.0

    def expect(self, *phases: Phase) -> None:
        """Say which phases are still to come, in order; without it there is no percentage and no ETA."""
        self._plan = phases

    def hear(self, now: Progress, at: float) -> tuple[float | None, float | None]:
        """Take note of a step; gives the percentage done and the seconds left, None where not known."""
        index = next((index for index, phase in enumerate(self._plan) if phase.name == now.phase), None)
        if index is None:
            self._last = None
            return None, None
        phase = replace(self._plan[index], steps=now.total)
        done, rows = now.rows or (now.step * phase.rows, (now.total - now.step) * phase.rows)
        if now.rows and now.total:
            phase = replace(phase, rows=(done + rows) / now.total)
        self._plan = (*self._plan[:index], phase, *self._plan[index + 1 :])
        self._time(phase.name, done, at)
        left = rows * self._cost(phase.name)
        left += sum(each.steps * each.rows * self._cost(each.name) for each in self._plan[index + 1 :])
        total = sum(each.steps * each.rows * self._cost(each.name) for each in self._plan)
        if total:
            self._percent = max(self._percent, min(100.0, 100 * (1 - left / total)))
        return round(self._percent, 1), left * self._pace() if len(self._paces) >= _ENOUGH else None

    @property
    def rows_ahead(self) -> float:
        """Rows of the largest step that is planned, from the phase that was heard of last on."""
        begun = self._last[0] if self._last else None
        index = next((index for index, phase in enumerate(self._plan) if phase.name == begun), 0)
        return max((phase.rows for phase in self._plan[index:] if phase.steps), default=0.0)

    @property
    def slowest_row_s(self) -> float:
        """Seconds that a row took in the phase where it took longest, now or in the job before."""
        return max((*self._costs.values(), *self.costs.values()), default=0.0)

    @property
    def costs(self) -> dict[str, float]:
        """Seconds per row of the phases that were timed."""
        return {name: seconds / rows for name, (seconds, rows) in self._spent.items() if seconds > 0}

    def _time(self, name: str, done: float, at: float) -> None:
        """Rows were done since the last step; where none were, the time counts for those that follow."""
        if self._last is not None and self._last[0] == name:
            _, before, then = self._last
            if done <= before:
                return
            self._paces.append((at - then, done - before, name))
            seconds, rows = self._spent.get(name, (0.0, 0.0))
            self._spent[name] = seconds + at - then, rows + done - before
        self._last = (name, done, at)

    def _cost(self, name: str) -> float:
        known = {**self.costs, **self._costs}
        return known.get(name, sum(known.values()) / len(known) if known else 1.0)

    def _pace(self) -> float:
        """Seconds per weight of late, but for the slowest step; steps skipped count as quick ones."""
        kept = sorted(self._paces)[:-1]
        weights = sum(rows * self._cost(name) for _, rows, name in kept)
        return sum(seconds for seconds, _, _ in kept) / weights
