"""The course of a recorded run: its segments and their trails → work done by time, pauses apart."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.budgets.course import Course, Pause, make_course
from trainfare.core.run import Attempt, RunRecord, Segment
from trainfare.core.stage import FINISH, TRAIN, Status
from trainfare.core.work import leader, work_of
from trainfare.metering.home import runs_folder
from trainfare.metering.trail import Trail, read_trail


class _Clock:
    """Train time of a segment: it stands still before the training begins and in its pauses."""

    def __init__(self, segment: Segment) -> None:
        spans = [(m.at_ns, end, m.stage) for m, end in segment.stage_spans if end > m.at_ns]
        named = [i for i, one in enumerate(spans) if one[2] == TRAIN]
        if not named:  # a loop that names no stages: all of its time is work
            spans, named = [(0, segment.duration_ns, TRAIN)], [0]
        spans = spans[named[0] :]
        if spans[-1][2] == FINISH:
            spans.pop()
        self.spans = spans
        self._edges, self._sums = [], []
        passed = 0
        for start_ns, end_ns, stage in spans:
            self._edges.append(start_ns)
            self._sums.append(passed)
            passed += end_ns - start_ns if stage == TRAIN else 0
        self.total_ns = passed

    def until(self, at_ns: int) -> int:
        index = bisect_right(self._edges, at_ns) - 1
        if index < 0:
            return 0
        start_ns, end_ns, stage = self.spans[index]
        inside = max(0, min(at_ns, end_ns) - start_ns) if stage == TRAIN else 0
        return self._sums[index] + inside

    @property
    def paused_ns(self) -> int:
        """How long the pause at its end lasts, 0 where it ends at work."""
        start_ns, end_ns, stage = self.spans[-1]
        return 0 if stage == TRAIN else end_ns - start_ns


@dataclass(frozen=True, slots=True)
class Known:
    """A run's course, or why there is none that ends."""

    course: Course | None
    why: str = ""


def read_course(home: Path, run: RunRecord) -> Known:
    """The course of *run*, of all its attempts one after the other.

    Steps that were made again count again, in what is done as in what is planned.
    """
    unit, why = _unit(run)
    if unit is None:
        return Known(None, why)
    points: list[tuple[float, int]] = []
    pauses: list[Pause] = []
    made, latest, passed_ns, paused_ns = 0.0, 0.0, 0, 0
    for attempt in run.attempts:
        segment = leader(attempt)
        clock = _Clock(segment)
        own = _points(home, attempt, unit, clock)
        if not own:
            continue
        points += [(made + work, passed_ns + at_ns) for work, at_ns in own]
        pauses += _pauses(own, clock, made)
        latest = max(work for work, _ in own)
        made, passed_ns, paused_ns = made + latest, passed_ns + clock.total_ns, clock.paused_ns
    left, why = _left(run, unit, made, latest)
    is_over = run.status is not Status.RUNNING
    planned = made if is_over else None if left is None else made + left
    if not is_over and paused_ns:
        pauses = pauses[:-1]  # the one that it is in
    course = make_course(
        unit, points, planned, pauses, now_ns=passed_ns, paused_ns=0 if is_over else paused_ns
    )
    return Known(course, why)


def _unit(run: RunRecord) -> tuple[str | None, str]:
    """What the work is counted in, or why it is not counted."""
    last = leader(run.attempts[-1])
    plan = last.plan
    if plan.steps is None and plan.tokens is not None and last.tokens:
        return "tokens", ""
    if plan.steps is None and plan.samples is not None and last.samples:
        return "samples", ""
    if any(leader(one).steps for one in run.attempts):
        return "steps", ""
    if any(mark.epoch is not None for mark in last.stages):
        return "epochs", ""
    return None, "the training counts no steps or epochs yet"


def _points(home: Path, attempt: Attempt, unit: str, clock: _Clock) -> list[tuple[float, int]]:
    """Work done in one attempt by train time, from 0."""
    segment = leader(attempt)
    if unit == "epochs":
        return _epoch_points(segment, clock)
    trail = read_trail(runs_folder(home) / segment.run / segment.id)
    marks = _counts(trail, segment, unit)
    scale = 1.0
    if unit in ("samples", "tokens"):  # each process counts its own
        known = [count for s in attempt.segments if (count := getattr(s, unit)) is not None]
        scale = sum(known) / (getattr(segment, unit) or 1)
    return [(0.0, 0), *((count * scale, clock.until(at_ns)) for at_ns, count in sorted(marks))]


def _counts(trail: Trail, segment: Segment, unit: str) -> list[tuple[int, int]]:
    if unit == "samples":
        return [*trail.samples, (segment.duration_ns, segment.samples or 0)]
    if unit == "tokens":
        return [*trail.tokens, (segment.duration_ns, segment.tokens or 0)]
    said = [(one.at_ns, one.steps) for one in segment.stages if one.steps is not None]
    ended = [] if segment.status is Status.RUNNING else [(segment.duration_ns, segment.steps)]
    return [*trail.steps, *said, *ended]


def _epoch_points(segment: Segment, clock: _Clock) -> list[tuple[float, int]]:
    """The moments at which epochs were over."""
    entered: list[tuple[int, int]] = []
    for mark in segment.stages:
        if mark.epoch is not None and (not entered or entered[-1][0] != mark.epoch):
            entered.append((mark.epoch, mark.at_ns))
    points = [(float(n), clock.until(at_ns)) for n, (_, at_ns) in enumerate(entered)]
    is_inside = bool(segment.stages) and segment.stages[-1].epoch is not None
    if entered and (not is_inside or segment.status is not Status.RUNNING):
        points.append((float(len(entered)), clock.total_ns))
    return points


def _pauses(own: Sequence[tuple[float, int]], clock: _Clock, made: float) -> list[Pause]:
    """The pauses of one attempt, at the work that was done when each began."""
    times = [at_ns for _, at_ns in own]
    found = []
    for start_ns, end_ns, stage in clock.spans:
        if stage != TRAIN:
            index = bisect_right(times, clock.until(start_ns)) - 1
            work = own[index][0] if index >= 0 else 0.0
            found.append(Pause(made + work, end_ns - start_ns, stage))
    return found


def _left(run: RunRecord, unit: str, made: float, latest: float) -> tuple[float | None, str]:
    """How much work is left, or why nobody knows, after *made* in all, *latest* since a restart."""
    last = leader(run.attempts[-1])
    plan, work = last.plan, work_of(run)
    if unit in ("samples", "tokens"):
        planned = getattr(plan, unit)
        if len(run.attempts) > 1:
            return None, f"how many {unit} were taken in again after a restart is not known"
        return max(0.0, planned - made), ""
    if unit == "steps" and plan.steps is not None:
        if work.redone_steps is None:
            return None, work.whys.get("redone", "how many steps were made again is not known")
        return max(0.0, plan.steps - (made - work.redone_steps)), ""
    if plan.epochs is not None:
        return _epochs_left(last, unit, latest)
    if unit == "steps" and plan.loop_steps is not None:
        return float(max(0.0, plan.loop_steps - latest)), ""
    return None, "nobody said how much there is to do: run.expect(steps=…)"


def _epochs_left(last: Segment, unit: str, latest: float) -> tuple[float | None, str]:
    """Work left in the planned epochs, from the epoch that the loop is in."""
    marks = [one for one in last.stages if one.epoch is not None]
    if not marks or last.plan.epochs is None:
        return None, "the first epoch has not begun"
    if last.stages[-1].epoch is None:
        return 0.0, ""
    epoch = last.stages[-1].epoch or 0
    ahead = last.plan.epochs - epoch
    if unit == "epochs":
        return float(max(0, ahead)), ""
    entered = {one.epoch: one.steps or 0 for one in reversed(marks)}
    begins = [*sorted(entered.values())]
    sizes = [after - before for before, after in itertools.pairwise(begins)]
    each = sizes[-1] if sizes else last.plan.epoch_steps
    if each is None:
        return None, "how many steps an epoch has shows when the first one is over"
    return float(max(0, each * ahead - (latest - entered[epoch]))), ""
