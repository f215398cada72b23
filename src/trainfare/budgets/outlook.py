"""Outlooks: what will be spent until a budget's period ends, from live runs and from past days.

    rest = Σ over the days that are left: max(what live runs will cost then, what such a day costs)

A day costs what the same weekday cost on average in the last four weeks; the rest of today counts
for its part. Live runs are part of such days, so the larger of the two stands, not their sum.

The interval is where each live run and the days end within theirs, all early or all late; its coverage
is the least of those. Days are off by as much as past stretches of the same length were, each forecast
from the days before it; stretches that overlap count as one trial. Scenarios draw from the same errors,
from a fixed seed; the share of them above the limit is the probability of breaching it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.budgets.conformal import Band, band
from trainfare.core.forecast import Forecast
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, Interval

WEEKS = 4
"""A day is forecast from so many weeks before it."""

LEAST_DAYS = 7
"""Fewer past days say nothing about days to come."""

LEAST_TRIALS = 2
"""Fewer stretches of the past that do not overlap give no interval."""

DRAWS = 200


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will be spent from now until the period ends."""

    rest: Money
    low: Money | None = None
    high: Money | None = None
    coverage: float | None = None
    """Share of the past that was between such bounds; None with *low* and *high*."""
    scenarios: tuple[Money, ...] = ()
    """As it may come, in order; empty where nothing says how sure it is."""

    def breach_probability(self, left: Money) -> float | None:
        """The share of scenarios that cost more than what is *left* of the limit."""
        if not self.scenarios:
            return None
        return sum(one > left for one in self.scenarios) / len(self.scenarios)


def look_ahead(
    window: Interval,
    at_ns: int,
    riding: Sequence[Forecast],
    days: Sequence[tuple[Interval, Money]],
    currency: str,
) -> Outlook:
    """The outlook of *window* at an instant in it.

    Args:
        window: the budget's period.
        at_ns: now.
        riding: forecasts of live runs whose end and price are known.
        days: whole past days and what was spent on each, oldest first, the last one yesterday's.
        currency: of all amounts.
    """
    left = Interval(at_ns, window.end_ns)
    parts = list(left.cut(DAY)) if len(days) >= LEAST_DAYS else [left]
    usual = [_usual(days, part) if len(days) >= LEAST_DAYS else 0 for part in parts]
    # Live runs were last seen a moment ago: what they cost since then is still to come.
    clipped = [Interval(min([at_ns, *(one.at_ns for one in riding)]), parts[0].end_ns), *parts[1:]]

    def rest(ratios: Sequence[float], factor: float) -> int:
        total = 0
        for part, nano in zip(clipped, usual, strict=True):
            live = sum(_ride_nano(*one, part) for one in zip(riding, ratios, strict=True))
            total += max(live, round(nano * Fraction(factor)))
        return total

    expected = Money(rest([1.0] * len(riding), 1.0), currency)
    factors = _factors(days, len(parts)) if any(usual) else (1.0,)
    trials = len(factors) // len(parts)
    is_sure = trials >= LEAST_TRIALS if any(usual) else bool(riding)
    if not is_sure:
        return Outlook(expected)
    of_days = band(factors, independent=trials) if any(usual) else None
    of_rides = [band(one.ratios) for one in riding]
    low, high = (
        rest([_end(one, is_late=late) for one in of_rides], _end(of_days, is_late=late))
        for late in (False, True)
    )
    choices = [one.ratios or (1.0,) for one in riding]
    if len(factors) == 1 and len(choices) == 1:
        drawn = [rest([ratio], factors[0]) for ratio in choices[0]]
    else:
        chance = random.Random(0)  # noqa: S311 (scenarios, the same each time)
        drawn = [
            rest([chance.choice(one) for one in choices], chance.choice(factors))
            for _ in range(DRAWS)
        ]
    return Outlook(
        expected,
        Money(low, currency),
        Money(high, currency),
        min((one.coverage for one in (of_days, *of_rides) if one), default=None),
        tuple(Money(nano, currency) for nano in sorted(drawn)),
    )


def _end(known: Band | None, *, is_late: bool) -> float:
    if known is None:
        return 1.0
    return known.high if is_late else known.low


def _ride_nano(one: Forecast, ratio: float, part: Interval) -> int:
    """What a live run costs within *part*, in nano-units."""
    if one.remaining_ns is None or one.price_per_hour is None:
        return 0
    ends_ns = one.at_ns + round(one.remaining_ns * ratio)
    overlap_ns = max(0, min(ends_ns, part.end_ns) - max(one.at_ns, part.start_ns))
    return round(Fraction(one.price_per_hour.nano * overlap_ns, HOUR))


def _usual(days: Sequence[tuple[Interval, Money]], part: Interval) -> int:
    """What such a day usually costs, in nano-units, for the part of it that is asked."""
    weekdays: dict[int, list[int]] = defaultdict(list)
    latest = days[-7 * WEEKS :]
    for day, amount in latest:
        weekdays[_weekday(day)].append(amount.nano)
    like = weekdays[_weekday(part)]
    if len(like) < 2:
        like = [amount.nano for _, amount in latest]
    return sum(like) * part.duration_ns // (len(like) * DAY)


def _weekday(day: Interval) -> int:
    return day.start_ns // DAY % 7


def _factors(days: Sequence[tuple[Interval, Money]], ahead: int) -> tuple[float, ...]:
    """Spent ÷ forecast of every stretch of so many past days, each forecast from those before it."""
    found = []
    for first in range(LEAST_DAYS, len(days) - ahead + 1):
        stretch = days[first : first + ahead]
        usual = sum(_usual(days[:first], day) for day, _ in stretch)
        real = sum(amount.nano for _, amount in stretch)
        if usual > 0 and real > 0:
            found.append(real / usual)
    return tuple(found)
