"""What is seen of the runs that are running, beside the finished ones that they compare with."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from trainfare.budgets.overrun import Past
from trainfare.budgets.run_alerts import COMPARABLE_MIN, Comparable, RunSight
from trainfare.core.errors import TrainfareError
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR
from trainfare.core.run import DeviceUse, Segment
from trainfare.core.stage import TRAIN, Status
from trainfare.flows.forecast import Forecaster, price_per_hour
from trainfare.flows.watch import present_stage
from trainfare.metering.pulse import Pulse, read_pulse
from trainfare.metering.receipt import Receipt

STEPS_MIN = 10
"""So few steps say nothing on how long a step takes."""

_MONTH_NS = 30 * DAY

_Configuration = tuple[str | None, tuple[tuple[str, str], ...]]


def see_runs(home: Path, receipts: Sequence[Receipt], at_ns: int) -> list[RunSight]:
    """Every run of *receipts* that is running, as its last minutes show it."""
    finished, expected = _finished(receipts), _expected(home, receipts)
    return [
        replace(
            _sight(home, one, at_ns),
            expected=expected.get(one.run.id),
            comparable=tuple(map(_comparable, finished[_configuration(one)])),
        )
        for one in receipts
        if one.run.status is Status.RUNNING
    ]


def _expected(home: Path, receipts: Sequence[Receipt]) -> dict[str, Money]:
    """Run → the least that it will cost; nothing where forecasts fail: no idle GPU hides behind one."""
    try:
        forecaster = Forecaster(home)
        forecasts = {one.run.id: forecaster.forecast(one) for one in receipts}
    except TrainfareError:
        return {}
    return {run: one.low for run, one in forecasts.items() if one and one.low is not None}


def past_of(receipts: Sequence[Receipt]) -> Past:
    """How far the cost of finished runs was from the median of those before them."""
    ratios: list[float] = []
    finished = _finished(receipts)
    for group in finished.values():
        totals = [one.estimate.total for one in group]
        known = [t.nano for t in totals if t is not None and t.currency == _currency(totals)]
        for place in range(COMPARABLE_MIN, len(known)):
            usual = statistics.median(known[:place])
            if usual:
                ratios.append(known[place] / usual)
    starts = [one.run.interval.start_ns for group in finished.values() for one in group]
    months = max(1.0, (max(starts) - min(starts)) / _MONTH_NS) if starts else 1.0
    return Past(tuple(ratios), len(starts) / months)


def _currency(totals: Sequence[Money | None]) -> str | None:
    return next((one.currency for one in totals if one is not None), None)


def _configuration(one: Receipt) -> _Configuration:
    """What makes runs comparable: they are called the same and bear the same labels."""
    return one.run.name, tuple(sorted(one.run.labels.items()))


def _finished(receipts: Sequence[Receipt]) -> dict[_Configuration, list[Receipt]]:
    groups: dict[_Configuration, list[Receipt]] = defaultdict(list)
    for one in receipts:
        if one.run.status is Status.FINISHED:
            groups[_configuration(one)].append(one)
    return groups


def _comparable(one: Receipt) -> Comparable:
    machine, duration_ns = one.machine_cost, one.duration_ns
    hourly = (
        Money.nearest(Fraction(machine.nano * HOUR, duration_ns * 10**9), machine.currency)
        if machine is not None and duration_ns
        else None
    )
    step_ns = duration_ns // one.steps if one.steps >= STEPS_MIN else None
    return Comparable(one.estimate.total, hourly, step_ns)


def _sight(home: Path, receipt: Receipt, at_ns: int) -> RunSight:
    run = receipt.run
    segments = [s for s in run.attempts[-1].segments if s.status is Status.RUNNING]
    pulses = [(s, read_pulse(home, run.id, s.id)) for s in segments]
    mark = present_stage(segments)
    seen = [p.seen_wall_ns for _, p in pulses if p.seen_wall_ns is not None]
    sight = RunSight(
        run=run.id,
        name=run.name or run.id,
        at_ns=at_ns,
        price_per_hour=price_per_hour(receipt, segments),
        spent=receipt.estimate.total,
        stage=mark.stage if mark else None,
        seen_ns=min(seen) if len(seen) == len(pulses) and seen else None,
        uses=tuple(use for segment, pulse in pulses for use in _uses(segment, pulse)),
        devices=tuple(dict.fromkeys(d for s in segments for d in s.held_devices)),
    )
    counting = max(pulses, key=lambda pair: pair[1].hosts[-1].steps if pair[1].hosts else 0)
    return _with_steps(sight, *counting)


def _uses(segment: Segment, pulse: Pulse) -> list[DeviceUse]:
    """The device windows of a pulse by the clock on the wall, each accelerator by its id."""
    if pulse.seen_wall_ns is None:
        return []
    began_ns = pulse.seen_wall_ns - pulse.hosts[-1].mono_ns
    ids = [one.id for one in segment.machine.accelerators]
    return [
        DeviceUse(
            ids[one.device], began_ns + one.start_ns, began_ns + one.mono_ns, one.activity_permille
        )
        for one in pulse.devices
        if one.device < len(ids)
    ]


def _with_steps(sight: RunSight, segment: Segment, pulse: Pulse) -> RunSight:
    """*sight* with when the training last made a step, and how long a step takes."""
    hosts = pulse.hosts
    if not hosts or not hosts[-1].steps:
        return sight
    first, last = hosts[0], hosts[-1]
    made = next(one for one in hosts if one.steps == last.steps)
    train_ns = next((mark.at_ns for mark in segment.stages if mark.stage == TRAIN), 0)
    new = last.steps - first.steps
    recent_ns = (made.mono_ns - first.mono_ns) // new if new >= STEPS_MIN else None
    return replace(
        sight,
        last_step_ns=last.wall_ns - (last.mono_ns - made.mono_ns),
        step_ns=max(0, made.mono_ns - train_ns) // last.steps,
        recent_step_ns=recent_ns,
    )
