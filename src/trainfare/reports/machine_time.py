"""Machine time: what whole machines recorded of themselves, beside what runs claimed of them.

The time that a machine was there × its price is paid; what no run claimed of it is idle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.money import Money
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import Segment
from trainfare.core.stage import Status


@dataclass(frozen=True, slots=True)
class MachineTime:
    """One machine over a stretch of time."""

    last: Segment
    """Its newest record: what it is, and whether it is there now."""
    there_ns: int
    """For how long it was there within the stretch."""
    idle_ns: Fraction
    """For how long nobody claimed it; half of a machine for an hour is half an hour."""
    idle_cost: Money | None
    """None where it has no price, or prices in several currencies."""
    price: Price | NoPrice | None
    """The last that is known."""
    held_share: Fraction
    """What runs claim of it at the end of the stretch."""
    runs: tuple[str, ...]
    """Which runs those are."""

    @property
    def is_there(self) -> bool:
        """Whether its agent still records."""
        return self.last.status is Status.RUNNING

    @property
    def idle_now_per_hour(self) -> Money | None:
        """What it costs an hour while nobody claims the rest of it; None without a price."""
        if not isinstance(self.price, Price):
            return None
        share = 1 - self.held_share if self.is_there else Fraction(0)
        return Money.nearest(self.price.per_quantum * share * HOUR, self.price.currency)


def machine_times(
    machines: Iterable[Segment], runs: Iterable[Segment], window: Interval
) -> list[MachineTime]:
    """Every machine that was there within *window*, the dearest idle first.

    Args:
        machines: what machines recorded of themselves.
        runs: segments of runs; those that are on none of the machines are of no interest.
        window: from when to when; its end is now.
    """
    records: dict[str, list[Segment]] = defaultdict(list)
    for one in machines:
        if _until_now(one, window).interval.overlap_ns(window):
            records[one.machine.resource_id].append(one)
    claims: dict[str, list[Claim]] = defaultdict(list)
    for one in runs:
        if one.machine.resource_id in records:
            claims[one.machine.resource_id].append(_until_now(one, window).claim(1))
    found = [
        _machine_time(sorted(group, key=lambda one: one.started_wall_ns), claims[name], window)
        for name, group in records.items()
    ]
    return sorted(
        found, key=lambda one: (-(one.idle_cost.nano if one.idle_cost else 0), one.last.id)
    )


def _machine_time(
    records: Sequence[Segment], claims: Sequence[Claim], window: Interval
) -> MachineTime:
    held = holdings(merge_claims(claims))
    there_ns, idle_ns = 0, Fraction(0)
    amounts: dict[str, Fraction] = defaultdict(Fraction)
    is_priced = True
    for stretch, price in _stretches(records, window):
        used_ns = sum((h.share * h.interval.overlap_ns(stretch) for h in held), Fraction(0))
        there_ns += stretch.duration_ns
        idle_ns += stretch.duration_ns - used_ns
        if isinstance(price, Price):
            amounts[price.currency] += price.per_quantum * (stretch.duration_ns - used_ns)
        else:
            is_priced = False
    now = [h for h in held if h.interval.end_ns >= window.end_ns]
    idle_cost = None
    if is_priced and len(amounts) == 1:
        [(currency, exact)] = amounts.items()
        idle_cost = Money.nearest(exact, currency)
    last = records[-1]
    return MachineTime(
        last=last,
        there_ns=there_ns,
        idle_ns=idle_ns,
        idle_cost=idle_cost,
        price=last.prices[-1].price if last.prices else None,
        held_share=sum((h.share for h in now), Fraction(0)),
        runs=tuple(sorted({h.claim.run for h in now})),
    )


def _stretches(
    records: Sequence[Segment], window: Interval
) -> Iterable[tuple[Interval, Price | NoPrice | None]]:
    """When a machine was there at which price; a moment that two records tell of counts once."""
    free_ns = window.start_ns
    for one in records:
        whole = _until_now(one, window).interval
        marks: list[tuple[int, Price | NoPrice | None]] = [
            (whole.start_ns + mark.at_ns, mark.price) for mark in one.prices
        ]
        marks = marks or [(whole.start_ns, None)]
        starts = [whole.start_ns, *(at for at, _ in marks[1:])]
        for (_, price), start, end in zip(marks, starts, [*starts[1:], whole.end_ns], strict=True):
            cut = Interval(start, max(start, end)).clip(Interval(free_ns, window.end_ns))
            if cut is not None and cut.duration_ns:
                yield cut, price
        free_ns = min(window.end_ns, max(free_ns, whole.end_ns))


def _until_now(one: Segment, window: Interval) -> Segment:
    """What goes on goes on until now: its last sample is some seconds old."""
    if one.status is not Status.RUNNING:
        return one
    return replace(one, duration_ns=max(one.duration_ns, window.end_ns - one.started_wall_ns))
