"""Timers of logs: seconds since a zero that the training sets anew, summed over the rising parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainfare.core.period import SECOND


@dataclass(frozen=True, slots=True)
class Reading:
    """What one line says of the timer."""

    row: int
    step: int | None
    timer_ns: int | None
    """Since the timer was last set to zero; None where the line does not say."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The readings on one clock that never goes back."""

    times: tuple[int | None, ...]
    """Of each reading."""
    part_start_ns: int
    """Where the last rising part begins: what the timer itself still counts."""
    total_ns: int
    notes: tuple[str, ...]
    """Each time that the timer went back, and what that means."""


def sum_parts(readings: Iterable[Reading], name: str) -> TimeLine:
    """Put the rising parts of a timer one after the other.

    A timer is set to zero after warm-up steps, and by a training that starts again. What it had
    counted before was time on the machine all the same.

    >>> warm, after = Reading(1, 10, 960_000_000_000), Reading(2, 11, 95_000_000)
    >>> line = sum_parts([warm, after], "train_time")
    >>> line.total_ns, line.part_start_ns
    (960095000000, 960000000000)
    """
    times: list[int | None] = []
    notes: list[str] = []
    part_start_ns = total_ns = 0
    last: Reading | None = None
    for one in readings:
        if one.timer_ns is None:
            times.append(None)
            continue
        if last is not None and one.timer_ns < (last.timer_ns or 0):
            part_start_ns = total_ns
            notes.append(_went_back(last, one, name))
        total_ns = part_start_ns + one.timer_ns
        times.append(total_ns)
        last = one
    return TimeLine(tuple(times), part_start_ns, total_ns, tuple(notes))


def _went_back(last: Reading, one: Reading, name: str) -> str:
    lost = f"{(last.timer_ns or 0) / SECOND:,.3f} s"
    if last.step is not None and one.step is not None and one.step > last.step:
        return (
            f"line {one.row}: {name} was set to zero after step {last.step:,}; it leaves out the "
            f"{lost} before, which count here"
        )
    if last.step is None or one.step is None:
        return f"line {one.row}: {name} was set to zero; the {lost} before count too"
    return (
        f"line {one.row}: restarted at step {one.step:,} after step {last.step:,}; the {lost} "
        "before count too, the time between does not stand in the log"
    )
