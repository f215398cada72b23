"""Time shares: how the time of a resource is divided over the runs that claim it, in plain Python.

This is the rule in words and whole numbers; the engine's SQL must give the same numbers.

- Instants are whole microseconds, as bills have them; claims are cut down to them.
- Of one run's claims on one resource the largest share counts at every instant.
- While the shares of all runs sum to more than the resource, each counts share / Σ shares; the time
  so scaled is a whole number of ticks (1/64 µs) per stretch between two changes.
- *Used* is the time that is claimed, counting at most the whole resource at every instant.
- Of a charge, used / capacity is for runs; it is divided by their scaled times, runs in order of
  their ids, by cumulative rounding. The rest nobody claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainfare.allocation.evidence import SHARE_GRID
from trainfare.allocation.proportion import ONE, proportion

TICKS = 64
"""Ticks in a microsecond. An hour of eighths of a resource is below 2⁴¹ of them, so that engines
divide it in 64 bits."""


@dataclass(frozen=True, slots=True)
class Hold:
    """*run* holds *share* (of SHARE_GRID) of a resource from *start_us* to *end_us*."""

    run: str
    start_us: int
    end_us: int
    share: int


@dataclass(frozen=True, slots=True)
class TimeShare:
    """*run*'s part of a charge: from the proportion *low* to *high*."""

    run: str
    low: int
    high: int


def merged(holds: Iterable[Hold]) -> list[Hold]:
    """Holds on one resource such that no two of one run overlap or touch with the same share."""
    runs: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        runs[hold.run].append(hold)
    result: list[Hold] = []
    for run in sorted(runs):
        pieces: list[Hold] = []
        for start, end, active in _stretches(runs[run]):
            share = max(hold.share for hold in active)
            goes_on = pieces and (pieces[-1].end_us, pieces[-1].share) == (start, share)
            first = pieces.pop().start_us if goes_on else start
            pieces.append(Hold(run, first, end, share))
        result.extend(pieces)
    return result


def time_shares(
    holds: Sequence[Hold], start_us: int, end_us: int, capacity_us: int
) -> list[TimeShare]:
    """The parts of a charge for [*start_us*, *end_us*) of a resource.

    Args:
        holds: as :func:`merged` gives them.
        start_us: where the charge period begins.
        end_us: where it ends.
        capacity_us: how long the resource was paid for in it, above 0.

    Returns:
        One part per run that holds it in the period, by run, each from where the last ended. What
        is left up to ONE nobody claimed.

    >>> both = [Hold("a", 0, 3600, SHARE_GRID), Hold("b", 1800, 3600, SHARE_GRID)]
    >>> [(s.run, (s.high - s.low) * 4 / ONE) for s in time_shares(both, 0, 3600, 3600)]
    [('a', 3.0), ('b', 1.0)]
    """
    clipped = [
        Hold(hold.run, max(hold.start_us, start_us), min(hold.end_us, end_us), hold.share)
        for hold in holds
    ]
    weights: dict[str, int] = defaultdict(int)
    used = 0
    for start, end, active in _stretches([h for h in clipped if h.end_us > h.start_us]):
        shares = sum(hold.share for hold in active)
        used += (end - start) * min(shares, SHARE_GRID)
        scaled_ticks = (end - start) * TICKS * SHARE_GRID // max(shares, SHARE_GRID)
        for hold in active:
            weights[hold.run] += hold.share * scaled_ticks
    claimed = proportion(ONE, used, max(used, capacity_us * SHARE_GRID))
    parts, low, sum_weights = [], 0, 0
    total = sum(weights.values())
    for run in sorted(weights):
        sum_weights += weights[run]
        high = proportion(claimed, sum_weights, total)
        parts.append(TimeShare(run, low, high))
        low = high
    return parts


def _stretches(holds: Sequence[Hold]) -> Iterable[tuple[int, int, list[Hold]]]:
    """The stretches between two changes that some hold covers, with the holds that do."""
    edges = sorted({edge for hold in holds for edge in (hold.start_us, hold.end_us)})
    for start, end in pairwise(edges):
        active = [hold for hold in holds if hold.start_us <= start and end <= hold.end_us]
        if active:
            yield start, end, active
