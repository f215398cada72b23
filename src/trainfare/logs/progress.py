"""Progress: how much work a training had done after how many seconds, as forecasts replay it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.logs.detect import read_log
from trainfare.logs.keys import Keys
from trainfare.logs.training_log import TrainingLog, steps_made

STEPS, EPOCHS = "steps", "epochs"


@dataclass(frozen=True, slots=True)
class Progress:
    """Work done by time, both rising."""

    unit: str
    """steps or epochs."""
    points: tuple[tuple[float, int], ...]
    """Work done since the beginning, and nanoseconds since then."""
    planned: float | None
    """How much there is to do, where the log says it."""


def read_progress(path: Path, keys: Keys | None = None, *, kind: str | None = None) -> Progress:
    """The progress that one log tells of; of its last stretch where it was restarted.

    Raises:
        BadInput: as :func:`~trainfare.logs.detect.read_log`, or its lines have no times.
    """
    logs = read_log(path, keys, kind=kind)
    progress = make_progress(logs[-1]) if logs else None
    if progress is None:
        raise BadInput(f"{path} does not say when its steps or epochs were made")
    return progress


def make_progress(log: TrainingLog) -> Progress | None:
    """The progress of one stretch, or None where nothing says when.

    >>> from trainfare.logs.training_log import Clock, Entry
    >>> rows = tuple(Entry(at, step, None, {}) for at, step in ((0, 0), (30, 10), (60, 20)))
    >>> make_progress(TrainingLog("csv", Clock.TIMER, 0, 60, rows)).points
    ((0.0, 0), (10.0, 30), (20.0, 60))
    """
    made = steps_made(log.entries, log.clock)
    by_step = _rising(
        (float(count), entry.at_ns - log.start_ns)
        for count, entry in zip(made, log.entries, strict=True)
        if entry.at_ns is not None and entry.step is not None
    )
    if len(by_step) > 1:
        return Progress(STEPS, by_step, log.planned_steps)
    epochs = [e for e in log.entries if e.at_ns is not None and e.epoch is not None]
    by_epoch = _rising(
        (float(number), (entry.at_ns or 0) - log.start_ns)
        for number, entry in enumerate(epochs, start=1)
    )
    return Progress(EPOCHS, by_epoch, None) if len(by_epoch) > 1 else None


def _rising(points: Iterable[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """The points at which both work and time have grown; of equal work the latest time."""
    rising: list[tuple[float, int]] = []
    for work, at_ns in points:
        if rising and work == rising[-1][0]:
            rising[-1] = (work, max(at_ns, rising[-1][1]))
        elif not rising or (work > rising[-1][0] and at_ns > rising[-1][1]):
            rising.append((work, at_ns))
    return tuple(rising)
