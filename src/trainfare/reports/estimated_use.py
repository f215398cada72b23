"""Estimated use: the machine days and money of metered runs, for homes without a bill.

A machine is taken to be paid for while any run is on it; what of it no run claimed meanwhile is
idle, counted once however many runs looked on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from trainfare.core.charge import Remainder
from trainfare.core.estimate import Stretch
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval
from trainfare.reports.gpu_time import MachineDay
from trainfare.reports.utilization import OwnedMoney


def estimated_use(
    stretches: Iterable[tuple[str, Stretch]], gpus: Mapping[str, Fraction]
) -> tuple[list[MachineDay], list[OwnedMoney]]:
    """Machine days and money of estimates.

    Args:
        stretches: (run, stretch of its estimate); those on machines without GPUs are left out.
        gpus: machine → how many GPUs it has.
    """
    by_machine: dict[str, list[tuple[str, Stretch]]] = defaultdict(list)
    for run, stretch in stretches:
        if gpus.get(stretch.resource_id) and stretch.interval.duration_ns:
            by_machine[stretch.resource_id].append((run, stretch))
    days: list[MachineDay] = []
    money: list[OwnedMoney] = []
    for machine, group in sorted(by_machine.items()):
        group.sort(key=lambda one: (one[1].interval, one[0]))
        on = _union([stretch.interval for _, stretch in group])
        days.extend(_days(machine, on, gpus[machine]))
        covered_ns = 0
        for run, stretch in group:
            money.extend(_by_day(machine, run, stretch.interval, stretch.estimated_cost))
            fresh_ns = max(covered_ns, stretch.interval.start_ns)
            if stretch.idle_cost is not None and fresh_ns < stretch.interval.end_ns:
                fresh = Interval(fresh_ns, stretch.interval.end_ns)
                seen_ns = stretch.interval.duration_ns - fresh.duration_ns
                idle = stretch.idle_cost.split([seen_ns, fresh.duration_ns])[1]
                money.extend(_by_day(machine, None, fresh, idle))
            covered_ns = max(covered_ns, stretch.interval.end_ns)
    return days, money


def _union(intervals: Sequence[Interval]) -> list[Interval]:
    """Sorted *intervals* without what they have in common."""
    found: list[Interval] = []
    for one in intervals:
        if found and one.start_ns <= found[-1].end_ns:
            end_ns = max(found[-1].end_ns, one.end_ns)
            found[-1] = Interval(found[-1].start_ns, end_ns)
        else:
            found.append(one)
    return found


def _days(machine: str, on: Sequence[Interval], gpus: Fraction) -> Iterator[MachineDay]:
    times: dict[int, int] = defaultdict(int)
    for interval in on:
        for part in interval.cut(DAY):
            times[part.start_ns // DAY] += part.duration_ns
    for day, time_ns in sorted(times.items()):
        whole = Interval(day * DAY, (day + 1) * DAY)
        yield MachineDay(machine, whole, gpus, int(gpus * time_ns))


def _by_day(
    machine: str, run: str | None, interval: Interval, amount: Money | None
) -> Iterator[OwnedMoney]:
    if amount is None:
        return
    parts = list(interval.cut(DAY))
    left = Remainder.IDLE if run is None else None
    for part, share in zip(parts, amount.split([p.duration_ns for p in parts]), strict=True):
        slot = (machine, part.start_ns // DAY)
        yield OwnedMoney(slot, run, left, share.currency, share.nano)
