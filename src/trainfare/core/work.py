"""Work: what a run's training loop did, and which of it was done again after a restart.

    steps   = Σ over attempts: steps of the process that made most
    redone  = Σ over attempts: max(0, reached before − step at which it went on), at most its steps

Where an attempt did not say at which step it went on, and neither its log nor its epochs tell,
redone work is unknown, which is not 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainfare.core.run import Attempt, RunRecord, Segment, StageMark
from trainfare.core.stage import TRAIN


@dataclass(frozen=True, slots=True)
class Lap:
    """What one attempt trained in one epoch (None: outside epochs), in order of time."""

    attempt: int
    epoch: int | None
    steps: int
    redone_steps: int
    """Those of *steps*, the first of them, that an earlier attempt had made already."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run did; every count is None where nobody counted, and *whys* says why."""

    epochs: int | None
    steps: int | None
    samples: int | None
    tokens: int | None
    redone_steps: int | None
    laps: tuple[Lap, ...]
    whys: Mapping[str, str] = field(default_factory=dict)


NO_WORK = Work(None, None, None, None, None, ())
"""What is said of a run whose work nobody asked for."""


def leader(attempt: Attempt) -> Segment:
    """The segment that counted most steps, low ranks first: the one whose steps are the run's."""
    return min(attempt.segments, key=lambda s: (-s.steps, s.rank, s.is_wrapper, s.id))


def work_of(run: RunRecord, logged_steps: Mapping[str, int] | None = None) -> Work:
    """What *run* did.

    Args:
        run: its segments.
        logged_steps: segment → the step of the whole training at which it began to count, as its
            own log tells it; used where the training did not say so itself.
    """
    whys: dict[str, str] = {}
    firsts = _first_steps(run, logged_steps or {})
    redone = _redone(run, firsts, whys)
    laps: list[Lap] = []
    for attempt in run.attempts:
        laps += _laps(attempt, redone[attempt.number] if redone else 0)
    steps = sum(lap.steps for lap in laps)
    marks = [mark for attempt in run.attempts for mark in leader(attempt).stages]
    epochs = len({m.epoch for m in marks if m.stage == TRAIN and m.epoch is not None})
    if not steps:
        whys["steps"] = "the training counts no steps"
    if not epochs:
        whys["epochs"] = "the training names no epochs"
    return Work(
        epochs=epochs or None,
        steps=steps or None,
        samples=_taken(run, "samples", whys),
        tokens=_taken(run, "tokens", whys),
        redone_steps=None if redone is None else sum(redone.values()),
        laps=tuple(laps),
        whys=whys,
    )


def _taken(run: RunRecord, what: str, whys: dict[str, str]) -> int | None:
    """Samples or tokens of all processes and attempts; each process says what it took in itself."""
    total = 0
    for attempt in run.attempts:
        said = [count for s in attempt.segments if (count := getattr(s, what)) is not None]
        if not said and (leader(attempt).steps or len(run.attempts) == 1):
            place = f"attempt {attempt.number}" if len(run.attempts) > 1 else "the training"
            whys[what] = f"{place} does not say how many {what} it took in: run.step({what}=…)"
            return None
        total += sum(said)
    return total


def _first_steps(run: RunRecord, logged_steps: Mapping[str, int]) -> dict[int, int | None]:
    """Attempt → the step at which it began to count: said, else logged, else by its first epoch."""
    firsts: dict[int, int | None] = {}
    for attempt in run.attempts:
        said = [s.first_step for s in _by_steps(attempt) if s.first_step is not None]
        logged = [logged_steps[s.id] for s in _by_steps(attempt) if s.id in logged_steps]
        first = next(iter([*said, *logged]), None)
        if first is None:
            first = 0 if attempt.number == 1 else _by_epoch(run, attempt, firsts)
        firsts[attempt.number] = first
    return firsts


def _by_steps(attempt: Attempt) -> list[Segment]:
    return sorted(attempt.segments, key=lambda s: (-s.steps, s.rank))


def _by_epoch(run: RunRecord, attempt: Attempt, firsts: Mapping[int, int | None]) -> int | None:
    """The step at which an earlier attempt had entered the epoch that *attempt* begins with."""
    begun = next((m.epoch for m in leader(attempt).stages if m.epoch is not None), None)
    if not begun:  # epoch 0 is also how a loop begins that numbers its epochs anew
        return None
    for earlier in reversed(run.attempts[: attempt.number - 1]):
        own, first = leader(earlier), firsts[earlier.number]
        marks = [m for m in own.stages if m.epoch is not None and m.steps is not None]
        entered = next((m.steps for m in marks if m.epoch == begun), None)
        if entered is None and marks and marks[-1].epoch == begun - 1:
            entered = own.steps if own.stages[-1].epoch is None else None
        if entered is not None and first is not None:
            return first + entered
    return None


def _redone(
    run: RunRecord, firsts: Mapping[int, int | None], whys: dict[str, str]
) -> dict[int, int] | None:
    """Attempt → how many of its first steps were made before; None, with the reason, if unknown."""
    if len(run.attempts) > 1 and not any(leader(a).steps for a in run.attempts):
        whys["redone"] = "the training counts no steps"
        return None
    redone, reached = {}, 0
    for attempt in run.attempts:
        made, first = leader(attempt).steps, firsts[attempt.number]
        redone[attempt.number] = 0
        if not made:
            continue
        if first is None:
            hint = _hint(run, attempt.number)
            whys["redone"] = (
                f"attempt {attempt.number} did not say where it went on: run.resume(step=…){hint}"
            )
            return None
        if attempt.number > 1 and first > reached:
            whys["redone"] = (
                f"attempt {attempt.number} goes on at step {first:,}, but only {reached:,} steps "
                "were made before it"
            )
            return None
        if attempt.number > 1:
            redone[attempt.number] = min(made, reached - first)
        reached = max(reached, first + made)
    return redone


def _hint(run: RunRecord, number: int) -> str:
    """What it would be if the attempt went on from the last checkpoint before it."""
    steps = [
        (one.held.start_ns, one.steps, leader(earlier).steps)
        for earlier in run.attempts[: number - 1]
        for segment in earlier.segments
        for one in segment.artifacts
        if one.role == "checkpoint" and one.steps is not None
    ]
    if not steps:
        return ""
    _, kept, made = max(steps)
    return f"; from its last checkpoint it would have redone {max(0, made - kept):,} steps"


def _laps(attempt: Attempt, redone: int) -> list[Lap]:
    """The epochs of one attempt with their steps; one lap where its marks do not tell."""
    own = leader(attempt)
    laps: dict[int | None, Lap] = {}
    for epoch, steps in _counted(own.stages, own.steps):
        again = min(steps, redone)
        redone -= again
        one = laps.get(epoch, Lap(attempt.number, epoch, 0, 0))
        laps[epoch] = replace(one, steps=one.steps + steps, redone_steps=one.redone_steps + again)
    return list(laps.values())


def _counted(marks: Sequence[StageMark], total: int) -> list[tuple[int | None, int]]:
    """(epoch, steps) from each mark of the train stage to the next mark.

    Steps that are counted outside the train stage go to the epoch that they were made in.
    """
    if not marks or any(m.steps is None for m in marks):
        named = {m.epoch for m in marks if m.stage == TRAIN and m.epoch is not None}
        return [(named.pop() if len(named) == 1 else None, total)]
    ends = [*(m.steps or 0 for m in marks[1:]), total]
    return [
        (m.epoch, max(0, end - (m.steps or 0)))
        for m, end in zip(marks, ends, strict=True)
        if m.stage == TRAIN or end > (m.steps or 0)
    ]
