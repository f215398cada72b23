"""What is left of each run's money as the rules of one kind speak one after another.

Two rules cannot save the same dollar: what makes a run a third cheaper leaves two thirds for the
next. A rule asks for a part of what is left, in the order in which the rules are called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.advice.trip import Trip
from trainfare.core.recommendation import Stake


@dataclass(frozen=True, slots=True)
class Part:
    """The part of what one run paid that would not have been paid, with its ends."""

    trip: Trip
    low: float
    middle: float
    high: float


class Remains:
    """Parts of runs that no earlier rule of the same kind has taken; begins with all of them."""

    def __init__(self) -> None:
        self._left: dict[str, float] = defaultdict(lambda: 1.0)

    def take(self, parts: Iterable[Part]) -> tuple[list[Stake], Fraction, Fraction]:
        """Stakes for *parts* of what is left, and the ends as parts of the expected saving."""
        stakes, low, middle, high = [], 0.0, 0.0, 0.0
        for part in parts:
            left = self._left[part.trip.run]
            wanted = min(1.0, max(0.0, part.middle)) * left
            self._left[part.trip.run] = left - wanted
            stakes += part.trip.stake(wanted)
            whole = part.trip.total.nano * left
            low, middle, high = (
                low + whole * part.low,
                middle + whole * part.middle,
                high + whole * min(1.0, part.high),
            )
        if middle <= 0:
            return stakes, Fraction(1), Fraction(1)
        ends = [Fraction(end / middle).limit_denominator(10**6) for end in (low, high)]
        return stakes, min(ends[0], Fraction(1)), max(ends[1], Fraction(1))


def worth(parts: Sequence[Part], trips: Sequence[Trip]) -> float:
    """What the parts come to, out of all that *trips* paid."""
    paid = sum(trip.total.nano for trip in trips)
    saved = sum(part.trip.total.nano * max(0.0, part.middle) for part in parts)
    return saved / paid if paid else 0.0
