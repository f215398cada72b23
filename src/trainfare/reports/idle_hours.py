"""Idle hours: of the GPUs that were paid for in each hour, those that no run held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.period import HOUR, Interval
from trainfare.reports.chart_idle import IdleHour

BY_THE_DAY = "{} (billed by the day)"
"""The group of machines of which nobody knows in which hours of a day they were paid for."""


@dataclass(frozen=True, slots=True)
class PaidSlot:
    """A stretch for which a machine's GPUs were paid for, all of it or a part of it."""

    place: str
    group: str
    interval: Interval
    """An hour, or more where the bill says no more."""
    gpus: Fraction
    paid_ns: int
    """GPU-nanoseconds."""

    @property
    def is_whole(self) -> bool:
        """Whether all GPUs were paid for all the time, so that every hour is known."""
        return self.paid_ns >= self.gpus * self.interval.duration_ns


def idle_hours(slots: Iterable[PaidSlot], claims: Mapping[str, Sequence[Claim]]) -> list[IdleHour]:
    """Per group and hour the GPUs that were paid for, and those that no run held.

    Over an hour, idle is paid less held and never below 0: claims beyond a machine share it.
    A machine that was paid for during a part of a longer stretch, nobody knows when, is in a group
    of its own (:data:`BY_THE_DAY`), idle unknown.

    Args:
        slots: of all machines; those of one machine do not overlap.
        claims: by the place of the machine that they claim.

    >>> slot = PaidSlot("i-0", "p5", Interval(0, HOUR), Fraction(8), 8 * HOUR)
    >>> half = Claim("r", 1, "i-0", Interval(0, HOUR // 2))
    >>> [(one.paid, one.idle) for one in idle_hours([slot], {"i-0": [half]})]
    [(Fraction(8, 1), Fraction(4, 1))]
    """
    held = {place: _held(group) for place, group in claims.items()}
    paid: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    idle: dict[tuple[str, int], Fraction | None] = {}
    for slot in slots:
        own = held.get(slot.place, {})
        is_known = slot.is_whole or slot.interval.duration_ns <= HOUR
        share = Fraction(slot.paid_ns, slot.interval.duration_ns)
        for part in slot.interval.cut(HOUR):
            start_ns = part.start_ns // HOUR * HOUR
            key = (slot.group if is_known else BY_THE_DAY.format(slot.group), start_ns)
            amount = share * Fraction(part.duration_ns, HOUR)
            paid[key] += amount
            if is_known:
                busy = own.get(start_ns, Fraction(0)) * slot.gpus
                idle[key] = (idle.get(key) or Fraction(0)) + max(Fraction(0), amount - busy)
    return [
        IdleHour(at_ns, group, paid[group, at_ns], idle.get((group, at_ns)))
        for group, at_ns in sorted(paid)
    ]


def _held(claims: Sequence[Claim]) -> dict[int, Fraction]:
    """Hour → the part of the machine that runs held, over the hour."""
    found: dict[int, Fraction] = defaultdict(Fraction)
    for holding in holdings(merge_claims(claims)):
        for part in holding.interval.cut(HOUR):
            hours = Fraction(part.duration_ns, HOUR)
            found[part.start_ns // HOUR * HOUR] += holding.share * hours
    return found


def claimed_slots(
    place: str, group: str, gpus: Fraction, claims: Sequence[Claim]
) -> Iterator[PaidSlot]:
    """A machine without a bill is taken to be paid for while any run is on it."""
    end_ns = None
    for claim in sorted(claims, key=lambda one: one.interval):
        start_ns = max(claim.interval.start_ns, end_ns or claim.interval.start_ns)
        end_ns = max(claim.interval.end_ns, start_ns)
        for part in Interval(start_ns, end_ns).cut(HOUR):
            yield PaidSlot(place, group, part, gpus, int(gpus * part.duration_ns))
