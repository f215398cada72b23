"""Alerts on runs: idle accelerators, no step for long, and figures unlike those of comparable runs.

=========  ================================================================================
idle       an accelerator under 1 % activity for at least ten minutes, up to now, every window
           known; level 2 where all that the run holds are idle
stalled    in the train stage no step for ten times the usual step time and at least five
           minutes; or no sample for five minutes
run        $/h, or time per step, over 1.5 times the median of at least three comparable runs;
           or it has spent, or will at the very least, more than comparable runs ever
           did (:mod:`.overrun`)
=========  ================================================================================

Missing telemetry is unknown: it opens no alert and closes none.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainfare.budgets.alert import Finding, Kind
from trainfare.budgets.overrun import Past, overrun_limit
from trainfare.core.activity import low_stretches
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.run import DeviceUse
from trainfare.core.stage import TRAIN, UNNAMED

FRESH_NS = 120 * SECOND
"""A device's last window may be so old; after that nothing is known of it at present."""

STALL_NS = 300 * SECOND
"""At least so long without a step; less can be an evaluation that nobody named."""
STALL_TIMES = 10
"""And so many times the usual step time, as in the stalls of a receipt."""

UNLIKE, UNLIKE_BAND = 1.5, 1.3
"""So many times the usual figure is told, and stays told until it is under the second."""
COMPARABLE_MIN = 3
"""So few runs say nothing on what is usual."""


@dataclass(frozen=True, slots=True)
class Comparable:
    """A finished run of the same configuration."""

    total: Money | None
    price_per_hour: Money | None
    step_ns: int | None


@dataclass(frozen=True, slots=True)
class RunSight:
    """What is seen of one running run at one moment; None is unknown."""

    run: str
    name: str
    at_ns: int
    price_per_hour: Money | None = None
    spent: Money | None = None
    expected: Money | None = None
    """The least that it is expected to have cost when it ends: the low end of its forecast."""
    stage: str | None = None
    """What it does now; a training that names no stages is in *run*."""
    seen_ns: int | None = None
    """When its last sample was taken."""
    uses: tuple[DeviceUse, ...] = ()
    """The last windows of its accelerators, in absolute time."""
    devices: tuple[str, ...] = ()
    """All that it holds."""
    last_step_ns: int | None = None
    """When it last made a step, or since when it has made none for sure."""
    step_ns: int | None = None
    """Its usual time per step until then."""
    recent_step_ns: int | None = None
    """Its time per step lately."""
    comparable: tuple[Comparable, ...] = ()


def find_run_alerts(sights: Iterable[RunSight], past: Past) -> Iterator[Finding]:
    """What is to be told of the runs that are running.

    Args:
        sights: of every running run.
        past: how far finished runs were off, which says what is unlike.
    """
    for one in sights:
        yield from _idle(one)
        yield from _stalled(one)
        yield from _unlike(one, past)


def _called(one: RunSight) -> str:
    return f"{one.name} " if one.name != one.run else ""


def _idle(one: RunSight) -> Iterator[Finding]:
    low_ns: list[int] = []
    unknown = 0
    stretches = low_stretches(one.uses)
    for device in one.devices:
        own = [use for use in one.uses if use.device_id == device]
        last = max(own, key=lambda use: use.end_ns, default=None)
        is_stale = last is None or one.at_ns - last.end_ns > FRESH_NS
        if last is None or is_stale or last.activity_permille is None:
            unknown += 1
            continue
        if stretches[device] and stretches[device][-1].end_ns == last.end_ns:
            low_ns.append(stretches[device][-1].duration_ns)
    if low_ns:
        minutes = min(low_ns) // (60 * SECOND)
        is_all = len(low_ns) == len(one.devices)
        hourly = one.price_per_hour
        part = ""
        if hourly is not None:
            wasted = Money(hourly.nano * len(low_ns) // len(one.devices), hourly.currency)
            part = f", {wasted.display()} an hour"
        sentence = (
            f"{_called(one)}{len(low_ns)} of {len(one.devices)} accelerators idle for "
            f"{minutes} min or longer{part}"
        )
        yield Finding(Kind.IDLE, one.run, sentence, level=2 if is_all else 1)
    elif unknown:
        yield Finding(Kind.IDLE, one.run, f"activity of {unknown} is not known", level=0)


def _stalled(one: RunSight) -> Iterator[Finding]:
    if one.seen_ns is None:
        return
    silent_ns = one.at_ns - one.seen_ns
    if silent_ns >= STALL_NS:
        sentence = f"{_called(one)}no sample for {silent_ns // (60 * SECOND)} min: it is stopped, or its machine is"
        yield Finding(Kind.STALLED, one.run, sentence)
        return
    if one.stage not in (TRAIN, UNNAMED) or one.last_step_ns is None or not one.step_ns:
        return
    waited_ns = one.at_ns - one.last_step_ns
    if waited_ns >= max(STALL_NS, STALL_TIMES * one.step_ns):
        usual = one.step_ns / SECOND
        sentence = (
            f"{_called(one)}no step for {waited_ns // (60 * SECOND)} min; "
            f"a step usually takes {usual:.3g} s"
        )
        yield Finding(Kind.STALLED, one.run, sentence)


def _unlike(one: RunSight, past: Past) -> Iterator[Finding]:
    """Each figure that is unlike the usual is a level of one alert."""
    said: list[str] = []
    is_near = False
    for what, own, usual in _figures(one):
        times = own / usual
        if times > UNLIKE:
            said.append(f"{what} is {times:.1f} times that of comparable runs")
        is_near = is_near or times > UNLIKE_BAND
    said += _overrun(one, past)
    if said:
        sentence = f"{_called(one)}{'; '.join(said)}"
        yield Finding(Kind.RUN, one.run, sentence, level=len(said))
    elif is_near:
        yield Finding(Kind.RUN, one.run, "about as dear as it may be", level=0)


def _overrun(one: RunSight, past: Past) -> Iterator[str]:
    """More than comparable runs ever cost: spent already, else to be expected at the very least."""
    for amount, verb in ((one.spent, "it spent"), (one.expected, "it will cost at least")):
        if amount is None:
            continue
        totals = [each.total for each in one.comparable if each.total is not None]
        usual = _median([total.nano for total in totals if total.currency == amount.currency])
        if usual and amount.nano > usual * overrun_limit(past):
            typical = Money(round(usual), amount.currency).display()
            yield f"{verb} {amount.display()}; comparable runs cost {typical}"
            return


def _figures(one: RunSight) -> Iterator[tuple[str, float, float]]:
    if one.price_per_hour is not None:
        currency = one.price_per_hour.currency
        hourly = [each.price_per_hour for each in one.comparable]
        usual = _median([h.nano for h in hourly if h is not None and h.currency == currency])
        if usual:
            yield "its price per hour", one.price_per_hour.nano, usual
    if one.recent_step_ns:
        usual = _median([e.step_ns for e in one.comparable if e.step_ns])
        if usual:
            yield "its time per step", one.recent_step_ns, usual


def _median(values: Sequence[int]) -> float | None:
    return statistics.median(values) if len(values) >= COMPARABLE_MIN else None
