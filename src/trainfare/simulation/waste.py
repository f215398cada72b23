"""Waste: what some metered runs do that need not be, planted where it is known, with a ledger of it.

Runs stay where and when they were, and cost what they cost; what they did inside changes, and for
trainings that were made twice also what they are called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from trainfare.core.period import HOUR, Interval
from trainfare.simulation.fault import SOURCES
from trainfare.simulation.schedule import Ending, Habit, TrueRun
from trainfare.simulation.seed import stream

LEAST_NS = 2 * HOUR
"""Runs that waste last at least so long."""

ERROR = "CUDA error: an illegal memory access was encountered (rank 3)"
"""What runs that fail twice say."""

_DETAILS = {
    Habit.DUPLICATE: "the training of {other} once more: one configuration, data and seed",
    Habit.FAILED_AGAIN: "fails as {other} failed before",
    Habit.DIVERGED: "its loss is no number after the first epoch",
    Habit.NEVER_USED: "its GPUs do nothing",
    Habit.KEPT_AFTER_TRAINING: "its GPUs do nothing in its last third",
    Habit.UNREAD_CHECKPOINTS: "keeps a checkpoint of 400 GiB of every epoch",
}
_PAIRED = (Habit.DUPLICATE, Habit.FAILED_AGAIN)


@dataclass(frozen=True, slots=True)
class Wasted:
    """One run that wastes, and how."""

    habit: Habit
    run: str
    detail: str


def wasteful(
    seed: int, runs: Sequence[TrueRun], bill: Interval, rate: float
) -> tuple[list[TrueRun], list[Wasted]]:
    """*runs*, of which some waste, and the ledger of them.

    Args:
        seed: of the world.
        runs: all.
        bill: the time that bills cover; what wastes lies within it.
        rate: how many of the runs have each habit, at least one where there is one that can.
    """
    rng = stream(seed, "waste")
    able = [run for run in runs if _can(run, bill)]
    rng.shuffle(able)
    changed: dict[str, TrueRun] = {}
    ledger: list[Wasted] = []
    for habit in Habit:
        for _ in range(max(1, round(rate * len(runs)))):
            for run, other in _found(habit, able):
                done = _changed(habit, run, other)
                changed.update({one.id: one for one in done})
                able = [one for one in able if one.id not in changed]
                detail = _DETAILS[habit].format(other=other.id if other else "")
                ledger.append(Wasted(habit, run.id, detail))
                break
    return [changed.get(run.id, run) for run in runs], ledger


def _can(run: TrueRun, bill: Interval) -> bool:
    """Whether *run* is metered, in one piece, long, whole within *bill*, and finished."""
    first, *more = run.attempts
    span = first.interval
    return (
        not more
        and run.venue not in SOURCES
        and first.ending is Ending.COMPLETED
        and span.duration_ns >= LEAST_NS
        and span.overlap_ns(bill) == span.duration_ns
    )


def _found(habit: Habit, able: Sequence[TrueRun]) -> Iterator[tuple[TrueRun, TrueRun | None]]:
    """Runs that may have *habit*, each with the one before it that it repeats."""
    for run in able:
        if habit not in _PAIRED:
            yield run, None
            continue
        for other in able:
            is_before = other.attempts[0].interval.end_ns <= run.attempts[0].interval.start_ns
            if is_before and dict(other.labels)["team"] == dict(run.labels)["team"]:
                yield run, other


def _changed(habit: Habit, run: TrueRun, other: TrueRun | None) -> list[TrueRun]:
    if other is None:
        return [replace(run, habit=habit)]
    if habit is Habit.FAILED_AGAIN:
        last = replace(run.attempts[0], ending=Ending.FAILED)
        before = replace(other.attempts[0], ending=Ending.FAILED)
        return [
            replace(run, labels=other.labels, attempts=(last,), habit=habit, error=ERROR),
            replace(other, attempts=(before,), error=ERROR),
        ]
    said = {**dict(other.labels), "config_hash": f"c-{other.id}", "data": "corpus-3", "seed": "1"}
    labels = tuple(sorted(said.items()))
    return [replace(run, labels=labels, habit=habit), replace(other, labels=labels)]
