"""The number of accelerators: what more of them cost, and when fewer would do.

More accelerators are a choice between money and time, no waste by itself. Without a word on what
an hour is worth only numbers that another beats in both are advised against; else the front of
(hours, money) is shown with the price of every hour gained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from trainfare.advice.remains import Part, Remains
from trainfare.advice.scaling import (
    POOR_FIT,
    Scaling,
    best_count,
    better_count,
    fit_scaling,
    pareto,
)
from trainfare.advice.trip import Trip, common_unit, hours_per, total_of
from trainfare.core.money import Money
from trainfare.core.plain import percent
from trainfare.core.recommendation import Confidence, Effort, Kind, NoAdvice, Recommendation

RULE = "gpu_count"


def find_gpu_counts(
    trips: Iterable[Trip], remains: Remains, value_per_hour: Fraction | None = None
) -> list[Recommendation | NoAdvice]:
    """One answer for every kind of work that ran on more than one number of accelerators.

    Args:
        trips: the history.
        remains: what earlier rules left.
        value_per_hour: what an hour sooner is worth, if the user says so.
    """
    groups: dict[tuple[str, str], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.accelerator and trip.devices and trip.price_per_hour is not None:
            groups[trip.family, trip.accelerator].append(trip)
    found = []
    for (family, accelerator), group in sorted(groups.items()):
        if len({trip.devices for trip in group}) > 1:
            found.append(_advise(f"{family} on {accelerator}", group, remains, value_per_hour))
    return found


def _advise(
    subject: str, group: Sequence[Trip], remains: Remains, value_per_hour: Fraction | None
) -> Recommendation | NoAdvice:
    unit = common_unit(group)
    if unit is None:
        return NoAdvice(Kind.RIGHTSIZE, RULE, subject, "its runs count no common unit of work")
    law = fit_scaling((trip.devices, hours_per(trip, unit)) for trip in group)
    if isinstance(law, str):
        return NoAdvice(Kind.RIGHTSIZE, RULE, subject, law)
    if law.error > POOR_FIT:
        why = f"the law t = a + b/n + c·n misses a run by {percent(law.error, 0)}"
        return NoAdvice(Kind.RIGHTSIZE, RULE, subject, why)
    price = _device_price(group)
    evidence = _evidence(group, law, price, unit)
    ratio = 0.0 if value_per_hour is None else float(value_per_hour / price)
    parts = [
        part
        for trip in group
        if (part := _part(trip, law, ratio, is_stated=value_per_hour is not None)) is not None
    ]
    if not parts:
        return NoAdvice(
            Kind.RIGHTSIZE, RULE, subject, _why_not(law, price, value_per_hour), evidence
        )
    stakes, low, high = remains.take(parts)
    best = _target(
        law, ratio, max(part.trip.devices for part in parts), is_stated=value_per_hour is not None
    )
    slower = law.hours(best) / law.hours(max(part.trip.devices for part in parts)) - 1
    return Recommendation(
        Kind.RIGHTSIZE,
        RULE,
        subject,
        title=f"Use {best} accelerators for {subject}",
        action=f"Ask for {best} accelerators instead of {_counts(parts)}.",
        method="t(n) = a + b/n + c·n by non-negative least squares on own runs; money is n·t(n)",
        stakes=tuple(stakes),
        low=low,
        high=high,
        evidence=evidence,
        assumptions=()
        if value_per_hour is None
        else (f"an hour sooner is worth {float(value_per_hour):g}",),
        confidence=Confidence.HIGH if law.error < POOR_FIT / 5 else Confidence.MEDIUM,
        effort=Effort.LOW,
        risk=f"a run takes {percent(slower, 0)} longer" if slower > 0 else "",
        checked=f"the law meets every one of {len(group)} past runs within {percent(law.error)}",
    )


def _device_price(group: Sequence[Trip]) -> Fraction:
    """Of one accelerator-hour: the median of what the runs paid."""
    prices = sorted(
        (trip.price_per_hour or Fraction(0)) * trip.share * trip.machines / trip.devices
        for trip in group
    )
    return prices[len(prices) // 2]


def _target(law: Scaling, ratio: float, count: int, *, is_stated: bool) -> int:
    """The number that should have been taken instead of *count*."""
    if is_stated:
        return best_count(law, ratio, law.counts)
    return better_count(law, count)


def _part(trip: Trip, law: Scaling, ratio: float, *, is_stated: bool) -> Part | None:
    """What the run would have saved on the better number; None where it would have cost more."""
    count = _target(law, ratio, trip.devices, is_stated=is_stated)
    part = 1 - count * law.hours(count) / (trip.devices * law.hours(trip.devices))
    if count == trip.devices or part <= 0:
        return None
    return Part(trip, part - law.error, part, part + law.error)


def _counts(parts: Sequence[Part]) -> str:
    return " or ".join(str(n) for n in sorted({part.trip.devices for part in parts}))


def _evidence(group: Sequence[Trip], law: Scaling, price: Fraction, unit: str) -> dict[str, Any]:
    points = [(law.hours(n), float(price) * n * law.hours(n)) for n in law.counts]
    front = set(pareto(points))
    rows = [
        {
            "accelerators": n,
            f"hours_per_{unit[:-1]}": hours,
            f"estimated_per_{unit[:-1]}": Money.nearest(Fraction(money), group[0].currency).text(),
            "efficiency": round(law.efficiency(n, law.counts[0]), 4),
            "on_front": place in front,
        }
        for place, (n, (hours, money)) in enumerate(zip(law.counts, points, strict=True))
    ]
    return {
        "runs": [trip.run for trip in group][:10],
        "run_count": len(group),
        "paid": total_of(group, group[0].currency).text(),
        "law": {"a": law.fixed, "b": law.divided, "c": law.communication},
        "counts": rows,
    }


def _why_not(law: Scaling, price: Fraction, value_per_hour: Fraction | None) -> str:
    if value_per_hour is not None:
        return "its runs used the number that what an hour is worth asks for"
    few, many = law.counts[0], law.counts[-1]
    gained = law.hours(few) - law.hours(many)
    if gained <= 0:
        return "its runs used the cheapest number"
    dearer = float(price) * (many * law.hours(many) - few * law.hours(few))
    return (
        f"a choice, no waste: from {few} to {many} accelerators an hour sooner costs "
        f"{dearer / gained:,.2f}; trainfare plan --hour-worth settles which"
    )
