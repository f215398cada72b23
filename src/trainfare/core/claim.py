"""Claims: which run holds which share of which resource, and when; and how overlaps are shared.

A claim is attempt × resource × share × half-open interval: "4 of the 8 GPUs of i-0abc from t0 to
t1" is a share of 1/2. Claims that together exceed a resource share it: their effective shares are
scaled so that they sum to 1. Below 1, what nobody claims is idle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.errors import BadInput
from trainfare.core.period import Interval


@dataclass(frozen=True, slots=True)
class Claim:
    """*run*'s *attempt* holds *share* (0 < share ≤ 1) of *resource_id* during *interval*."""

    run: str
    attempt: int
    resource_id: str
    interval: Interval
    share: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise BadInput(
                f"run {self.run} claims {self.share} of {self.resource_id}; "
                "a share is above 0 and at most 1"
            )


@dataclass(frozen=True, slots=True)
class Holding:
    """A stretch of time during which *claim* really holds *share* of its resource."""

    claim: Claim
    interval: Interval
    share: Fraction


def share_text(share: Fraction) -> str:
    """A share as a decimal of at most 9 places, the form of files and the API.

    >>> share_text(Fraction(1, 2)), share_text(Fraction(1)), share_text(Fraction(1, 3))
    ('0.5', '1', '0.333333333')
    """
    billionths = round(share * 10**9)
    whole, rest = divmod(billionths, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def exact_share(share: Fraction) -> str:
    """A share as a decimal where that is exact, else as a fraction.

    >>> exact_share(Fraction(1, 2)), exact_share(Fraction(1, 3))
    ('0.5', '1/3')
    """
    text = share_text(share)
    return text if Fraction(text) == share else str(share)


def merge_claims(claims: Iterable[Claim]) -> list[Claim]:
    """One claim per (run, attempt, resource, share) and unbroken stretch of time.

    Eight ranks of one run on one node are eight claims on the same machine; they are one use of it.
    Where claims of one run overlap with different shares the larger share counts.
    """
    groups: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.run, claim.resource_id].append(claim)
    merged: list[Claim] = []
    for group in groups.values():
        pieces: list[Claim] = []
        if len(group) == 1:
            merged.extend(one for one in group if one.interval.duration_ns)
            continue
        for interval, active in _elementary(group):
            best = max(active, key=lambda c: (c.share, -c.attempt))
            start_ns = interval.start_ns
            if pieces and _continues(pieces[-1], best, start_ns):
                start_ns = pieces.pop().interval.start_ns
            whole = Interval(start_ns, interval.end_ns)
            pieces.append(Claim(best.run, best.attempt, best.resource_id, whole, best.share))
        merged.extend(pieces)
    return merged


def _continues(last: Claim, claim: Claim, start_ns: int) -> bool:
    """Whether *claim*, from *start_ns* on, carries on where *last* ended."""
    same = (last.share, last.attempt) == (claim.share, claim.attempt)
    return same and last.interval.end_ns == start_ns


def holdings(claims: Sequence[Claim]) -> list[Holding]:
    """Cut *claims* on one resource at every change and give each its effective share.

    While Σ shares ≤ 1 each claim holds its own share; above that each holds share / Σ shares.

    Returns:
        Stretches in time order; at every instant the shares sum to at most 1.

    >>> hour = Interval(0, 3600)
    >>> a, b = Claim("a", 1, "i-0", hour), Claim("b", 1, "i-0", Interval(1800, 3600))
    >>> [(h.claim.run, h.interval.duration_ns, str(h.share)) for h in holdings([a, b])]
    [('a', 1800, '1'), ('a', 1800, '1/2'), ('b', 1800, '1/2')]
    """
    result: list[Holding] = []
    for interval, active in _elementary(claims):
        if len(active) == 1:
            result.append(Holding(active[0], interval, active[0].share))
            continue
        claimed = sum((claim.share for claim in active), Fraction(0))
        scale = min(Fraction(1), 1 / claimed)
        result.extend(Holding(claim, interval, claim.share * scale) for claim in active)
    return result


def _elementary(claims: Sequence[Claim]) -> Iterable[tuple[Interval, list[Claim]]]:
    """The stretches between consecutive edges, each with the claims that cover it (never none)."""
    opening, closing = defaultdict(list), defaultdict(list)
    for index, claim in enumerate(claims):
        if claim.interval.duration_ns:
            opening[claim.interval.start_ns].append(index)
            closing[claim.interval.end_ns].append(index)
    edges = sorted(opening.keys() | closing.keys())
    active: dict[int, Claim] = {}
    for position, edge in enumerate(edges):
        for index in closing[edge]:
            del active[index]
        for index in opening[edge]:
            active[index] = claims[index]
        if active:
            ordered = [active[index] for index in sorted(active)]
            yield Interval(edge, edges[position + 1]), ordered
