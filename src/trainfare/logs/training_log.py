"""Training logs: what a log tells of one uninterrupted stretch of training, in one form.

A log has one of three clocks. With the wall clock every line says when it was written. A timer
counts from a zero that only the training knew. Some logs have no times at all. What a log does not
say stays unsaid here: nothing is filled in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from trainfare.core.run import StageMark
from trainfare.core.stage import FINISH, SETUP, TRAIN, Status

ENTRIES_MAX = 5_000_000
"""A log with more lines of progress is refused: it would take gigabytes to hold."""

COUNT_MAX = 2**53
"""The largest step that a log may name: up to here a number is the same whole and as a float."""


class Clock(StrEnum):
    """What the times of a log count from."""

    WALL = "wall"
    """1970: its lines say when."""
    TIMER = "timer"
    """A zero of its own: its lines say how long."""
    NONE = "none"
    """It has no times."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of progress."""

    at_ns: int | None
    """An instant or a time on the timer, by the log's clock; None where this line has none."""
    step: int | None
    epoch: float | None
    """As the log has it: the epoch's number, or how many were done (1.5)."""
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Timer:
    """The log's own timer, which is not the time for which the machine was held."""

    name: str
    """``run_start to run_stop``, ``train_time``, ``train_runtime``."""
    start_ns: int
    """Since the log's first moment …"""
    end_ns: int


@dataclass(frozen=True, slots=True)
class Made:
    """Data that the stretch made or read."""

    role: str
    """output or dataset."""
    uri: str
    weight: int | None = None
    """An output's part of the work, against that of the others."""
    of: tuple[str, ...] = ()
    """Other outputs that went into it."""


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """One uninterrupted stretch of training as its log tells it."""

    kind: str
    """mllog, tensorboard, jsonl, csv, nanogpt, dbt or mlflow."""
    clock: Clock
    start_ns: int
    """Its first moment: an instant, or 0 on a timer."""
    duration_ns: int
    """From the first moment to the last that it knows; 0 where it has no times."""
    entries: tuple[Entry, ...]
    """In the order of time."""
    stages: tuple[StageMark, ...] = ()
    """Since the first moment; none where it has no times."""
    timer: Timer | None = None
    planned_steps: int | None = None
    samples: int | None = None
    """Taken in, where the log says it; tokens likewise."""
    tokens: int | None = None
    status: Status | None = None
    """How the training ended; None where the log does not say."""
    error: str | None = None
    model: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """What else it says of the run, in words fit for labels."""
    hostname: str | None = None
    notes: tuple[str, ...] = ()
    """What the reader noticed or had to assume."""
    made: tuple[Made, ...] = ()

    @property
    def end_ns(self) -> int:
        """Its last moment."""
        return self.start_ns + self.duration_ns


def steps_made(entries: Sequence[Entry], clock: Clock) -> list[int]:
    """How many steps the stretch has made by each entry, from its first moment on.

    A step that is done again after a restart counts again, as it is paid for again. With a wall
    clock the steps before the first line lie before its first moment; a timer and a log without
    times count from before the first step of the first line.

    >>> lines = [Entry(n, step, None, {}) for n, step in enumerate([10, 20, 30, 25, 35])]
    >>> steps_made(lines, Clock.WALL), steps_made(lines, Clock.TIMER)
    ([0, 10, 20, 30, 40], [10, 20, 30, 40, 50])
    """
    steps = [entry.step for entry in entries if entry.step is not None]
    gap = min((b - a for a, b in itertools.pairwise(steps) if b > a), default=0)
    made: list[int] = []
    count, last = 0, None
    for entry in entries:
        if entry.step is not None:
            if last is None:
                count = 0 if clock is Clock.WALL else min(entry.step, gap or entry.step)
            elif entry.step > last:
                count += entry.step - last
            elif entry.step < last:
                count += min(entry.step, gap)
            last = entry.step
        made.append(count)
    return made


def epoch_numbers(entries: Sequence[Entry]) -> list[int | None]:
    """The epoch that each entry tells of.

    Whole numbers are the epochs' own. Where a log counts epochs done in fractions, 1.0 is the end of
    epoch 0 and 1.02 lies in epoch 1.

    >>> lines = [Entry(None, None, done, {}) for done in (0.5, 1.0, 1.02)]
    >>> epoch_numbers(lines)
    [0, 0, 1]
    """
    known = [entry.epoch for entry in entries if entry.epoch is not None]
    is_whole = all(epoch == int(epoch) for epoch in known)
    return [
        None
        if entry.epoch is None
        else int(entry.epoch)
        if is_whole
        else max(0, -int(-entry.epoch // 1) - 1)
        for entry in entries
    ]


def mark_stages(
    entries: Sequence[Entry], clock: Clock, start_ns: int, end_ns: int
) -> tuple[StageMark, ...]:
    """The stages of a stretch that logs only progress.

    A line tells of the time since the line before it: an epoch begins where the last line of the
    epoch before it stands. A timer starts with the training; in a log with the wall clock all before
    the first line is setup. After the last line the training is finishing.

    Args:
        entries: of the stretch.
        clock: theirs; without times there are no stages.
        start_ns: the stretch's first moment.
        end_ns: its last.

    >>> lines = [Entry(at, None, done, {}) for at, done in ((4, 1.0), (9, 2.0), (15, 3.0))]
    >>> [(mark.at_ns, mark.epoch) for mark in mark_stages(lines, Clock.TIMER, 0, 15)]
    [(0, 1), (4, 2), (9, 3)]
    """
    numbered: list[tuple[Entry, int | None]]
    numbered = list(zip(entries, epoch_numbers(entries), strict=True))
    times = [entry.at_ns for entry in entries if entry.at_ns is not None]
    if not times or clock is Clock.NONE:
        return ()
    at = 0 if clock is Clock.TIMER else times[0] - start_ns
    if any(number is not None and entry.at_ns is None for entry, number in numbered):
        numbered = [(entry, None) for entry in entries]  # when they began stands nowhere
    epoch = next((number for _, number in numbered if number is not None), None)
    marks = [StageMark(0, SETUP)] if at else []
    marks.append(StageMark(at, TRAIN, epoch))
    for entry, number in numbered:
        if number is not None and number != epoch:
            epoch = number
            marks.append(StageMark(at, TRAIN, epoch))
        if entry.at_ns is not None:
            at = entry.at_ns - start_ns
    if at < end_ns - start_ns:
        marks.append(StageMark(at, FINISH))
    return tuple(marks)


def whole_step(value: object) -> int | None:
    """A step as a log has it, or None where it is no whole number from 0 to 2**53.

    >>> whole_step(7), whole_step(7.0), whole_step(7.5), whole_step("7"), whole_step(-1)
    (7, 7, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value <= COUNT_MAX or value != int(value):
        return None
    return int(value)


def merge_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Neighbouring entries of one step as one, at the time of the first.

    Writers of single values (TensorBoard) have a line for each; together they are one line.
    """
    merged: list[Entry] = []
    for entry in entries:
        last = merged[-1] if merged else None
        if last is None or last.step != entry.step or set(last.metrics) & set(entry.metrics):
            merged.append(entry)
            continue
        epoch = last.epoch if entry.epoch is None else entry.epoch
        merged[-1] = Entry(last.at_ns, last.step, epoch, {**last.metrics, **entry.metrics})
    return merged
