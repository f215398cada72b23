"""Holding: from when to when a machine was held for a training, by its log and by what the user says."""

from __future__ import annotations

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, Interval, format_instant
from trainfare.logs.training_log import Clock, TrainingLog


def held_for(file: str, log: TrainingLog, start_ns: int | None, end_ns: int | None) -> Interval:
    """From when to when the machine was held: as the user says, else as the lines of *file* say.

    Args:
        file: the log's name, for messages.
        log: one stretch of training.
        start_ns: what the user says; None leaves it to the log.
        end_ns: likewise.

    Raises:
        BadInput: both together say too little, or contradict each other.
    """
    if log.clock is Clock.WALL:
        held = _around_lines(file, log, start_ns, end_ns)
    elif log.clock is Clock.TIMER:
        held = _around_timer(file, log, start_ns, end_ns)
    elif start_ns is None or end_ns is None:
        raise BadInput(
            f"{file} has no times: add --start and --end, from when to when the machine was held "
            "(2026-10-01T08:00:00Z)"
        )
    else:
        held = Interval(start_ns, end_ns)
    if not held.duration_ns:
        raise BadInput(f"{file} tells of one moment only; add --start and --end")
    return held


def _around_lines(
    file: str, log: TrainingLog, start_ns: int | None, end_ns: int | None
) -> Interval:
    """What encloses the lines of a log that has the wall clock."""
    first_ns = log.start_ns if start_ns is None else start_ns
    last_ns = log.end_ns if end_ns is None else end_ns
    if first_ns > log.start_ns or last_ns < log.end_ns:
        lines = f"{format_instant(log.start_ns)} to {format_instant(log.end_ns)}"
        raise BadInput(f"{file} has lines from {lines}; --start and --end must enclose them")
    return Interval(first_ns, last_ns)


def _around_timer(
    file: str, log: TrainingLog, start_ns: int | None, end_ns: int | None
) -> Interval:
    """Where a timer of its own ran: after the start, before the end, or somewhere between them."""
    if start_ns is None and end_ns is None:
        raise BadInput(
            f"{file} has no wall clock, its times count from its own start: add --start or --end "
            "(2026-10-01T08:00:00Z)"
        )
    if start_ns is None:
        start_ns = (end_ns or 0) - log.duration_ns
    held = Interval(start_ns, start_ns + log.duration_ns if end_ns is None else end_ns)
    if held.duration_ns < log.duration_ns:
        raise BadInput(
            f"{file} counts {log.duration_ns / SECOND:,.3f} s, more than lies between --start and "
            "--end"
        )
    return held
