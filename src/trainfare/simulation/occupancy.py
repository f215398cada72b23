"""Occupancy: who truly held each machine, second by second.

The time that an instance started for one run was up is all that run's, boot and shutdown included.
Elsewhere runs own what they held, and what nobody held is idle; a machine that no run ever held
within the bill has no known owner.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from trainfare.core.charge import Remainder
from trainfare.core.claim import Claim, holdings
from trainfare.core.period import SECOND, Interval
from trainfare.simulation.fleet import Machine
from trainfare.simulation.line import Ownership, owned_by
from trainfare.simulation.schedule import TrueRun


def true_claims(runs: Iterable[TrueRun]) -> list[Claim]:
    """What each run really held: one claim per attempt and machine (or job)."""
    return [
        Claim(run.id, attempt.number, resource_id, attempt.interval, share)
        for run in runs
        for attempt in run.attempts
        for resource_id, share in attempt.holds
    ]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Who held one machine: stretches in order of time, each with runs and their weights."""

    starts: tuple[int, ...]
    """Where each stretch begins, in seconds since the epoch."""
    stretches: tuple[tuple[int, int, tuple[tuple[str, int], ...]], ...]
    """Start and end in seconds, and weights out of *grid*."""
    grid: int
    rest: Remainder
    run: str | None
    """The one run that owns all of it."""

    def ownership(self, start_ns: int, end_ns: int) -> Ownership:
        """Whose the machine was from *start_ns* to *end_ns*, of which all is paid."""
        if self.run is not None:
            return owned_by(self.run)
        start, end = start_ns // SECOND, end_ns // SECOND
        weights: dict[str, int] = defaultdict(int)
        for first, last, held in self.stretches[max(0, bisect_right(self.starts, start) - 1) :]:
            if first >= end:
                break
            seconds = min(end, last) - max(start, first)
            if seconds > 0:
                for run, weight in held:
                    weights[run] += weight * seconds
        return Ownership(tuple(sorted(weights.items())), (end - start) * self.grid, self.rest)


def occupancies(
    machines: Iterable[Machine], runs: Iterable[TrueRun], bill: Interval
) -> dict[str, Occupancy]:
    """Machine → who held it, as *runs* were, in a bill that covers *bill*."""
    claims: dict[str, list[Claim]] = defaultdict(list)
    for claim in true_claims(runs):
        claims[claim.resource_id].append(claim)
    return {machine.id: _occupancy(machine, claims[machine.id], bill) for machine in machines}


def _occupancy(machine: Machine, claims: list[Claim], bill: Interval) -> Occupancy:
    if machine.run is not None:
        return Occupancy((), (), 1, Remainder.IDLE, machine.run)
    is_known = any(claim.interval.overlap_ns(bill) for claim in claims)
    held = holdings(claims)
    grid = math.lcm(1, *(holding.share.denominator for holding in held))
    stretches: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    for holding in held:
        span = (holding.interval.start_ns // SECOND, holding.interval.end_ns // SECOND)
        stretches[span].append((holding.claim.run, int(holding.share * grid)))
    ordered = tuple((*span, tuple(found)) for span, found in sorted(stretches.items()))
    rest = Remainder.IDLE if is_known else Remainder.UNALLOCATED
    if machine.serves_all:
        rest = Remainder.SHARED
    return Occupancy(tuple(first for first, _, _ in ordered), ordered, grid, rest, None)
