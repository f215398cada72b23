"""The type of accelerator: cheaper for the same work, by own runs first, by data sheets only then.

Own runs of the same work on two types say which is cheaper. Where one was never used, a roofline
gives an interval, and the type is advised only where even its dear end is no dearer.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from typing import Any, NamedTuple

from trainfare.advice.offer import Offer, listed, not_alike, roofline_ratios
from trainfare.advice.remains import Part, Remains, worth
from trainfare.advice.trip import Trip, common_unit, device_hours_per, total_of
from trainfare.core.money import Money
from trainfare.core.recommendation import Confidence, Effort, Kind, NoAdvice, Recommendation
from trainfare.prices.accelerators import models

RULE, ESTIMATED_RULE = "gpu_type", "gpu_type_estimated"

WORTH_MIN = 0.05
"""Another type is worth the change from a twentieth on: our own judgement."""

ESTIMATED_MIN = 0.1
"""By data sheets alone, from a tenth on."""

SPREAD_MAX = 1.5
"""Where runs on one type differ by more than this in time for a unit of work, the unit is not the
same work in each, and types are not compared by it: our own judgement."""

SURE_UNITS = ("tokens", "samples")
"""A step or an epoch may hold more work in one run than in another; these may not."""

OffersOf = Callable[[Trip], Sequence[Offer]]
"""Machines that the run could have used instead: same seller, same region, same way to pay."""


def find_gpu_types(
    trips: Iterable[Trip], offers_of: OffersOf, remains: Remains
) -> list[Recommendation | NoAdvice]:
    """One answer for every kind of work, by own runs where there are some on several types."""
    groups: dict[str, list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.accelerator and trip.devices and trip.price_per_hour:
            groups[trip.family].append(trip)
    found: list[Recommendation | NoAdvice] = []
    for family, group in sorted(groups.items()):
        if len({trip.accelerator for trip in group}) > 1:
            found.append(_by_own_runs(family, group, remains))
        else:
            for subject, own in sorted(_by_machine(family, group).items()):
                answer = _by_data_sheets(subject, own, offers_of, remains)
                found += [answer] if answer is not None else []
    return found


def _by_machine(family: str, group: Sequence[Trip]) -> dict[str, list[Trip]]:
    """Subject → its runs, on one type of one seller in one region."""
    found: dict[str, list[Trip]] = defaultdict(list)
    for trip in group:
        if trip.instance and trip.provider:
            found[f"{family} on {trip.instance} of {trip.provider} {trip.region}"].append(trip)
    return found


class _Price(NamedTuple):
    """What a unit of work costs on one type: least, median, most."""

    low: float
    middle: float
    high: float
    hours: float


def _by_own_runs(family: str, group: Sequence[Trip], remains: Remains) -> Recommendation | NoAdvice:
    unit = common_unit(group)
    if unit is None:
        return NoAdvice(Kind.RIGHTSIZE, RULE, family, "its runs count no common unit of work")
    types: dict[str, list[Trip]] = defaultdict(list)
    for trip in group:
        types[trip.accelerator].append(trip)
    doubt = _doubt(types, unit)
    if doubt:
        return NoAdvice(Kind.RIGHTSIZE, RULE, family, doubt, _evidence(group))
    prices = {name: _price_of(found, unit) for name, found in types.items()}
    best = min(prices, key=lambda name: (prices[name].middle, name))
    doubt = _too_fast(types, best, unit)
    if doubt:
        return NoAdvice(Kind.RIGHTSIZE, RULE, family, doubt, _evidence(group))
    evidence = _evidence(group) | {
        "unit": unit,
        "types": {
            name: {"runs": len(types[name]), "estimated_per_unit": Money.nearest(Fraction(one.middle), group[0].currency).text(),
                   "device_hours_per_unit": one.hours}
            for name, one in sorted(prices.items())
        },
    }  # fmt: skip
    parts = [
        Part(
            trip,
            1 - prices[best].high / max(each, 1e-300),
            1 - prices[best].middle / max(each, 1e-300),
            1 - prices[best].low / max(each, 1e-300),
        )
        for trip in group
        if trip.accelerator != best
        and (each := _unit_price(trip, unit)) * (1 - WORTH_MIN) > prices[best].middle
    ]
    if worth(parts, group) < WORTH_MIN:
        why = f"{best} is the cheapest of {', '.join(sorted(types))} for it, and mostly used"
        return NoAdvice(Kind.RIGHTSIZE, RULE, family, why, evidence)
    stakes, low, high = remains.take(parts)
    slowest = max(prices[part.trip.accelerator].hours for part in parts)
    return Recommendation(
        Kind.RIGHTSIZE,
        RULE,
        family,
        title=f"Use {best} for {family}",
        action=f"Use {best} instead of {', '.join(sorted({p.trip.accelerator for p in parts}))}.",
        method=f"money for one of its {unit}, as own runs measured it",
        stakes=tuple(stakes),
        low=low,
        high=high,
        evidence=evidence,
        confidence=Confidence.HIGH
        if unit in SURE_UNITS and len(types[best]) > 1
        else Confidence.MEDIUM,
        effort=Effort.LOW,
        risk=f"a unit of work takes {prices[best].hours / slowest:.2g} times the accelerator-hours",
        checked=f"{len(types[best])} own runs on {best} did the same work",
    )


def _doubt(types: Mapping[str, Sequence[Trip]], unit: str) -> str:
    """Why a unit of work may not be the same in all runs; empty where it is."""
    if unit not in SURE_UNITS and min(len(found) for found in types.values()) < 2:
        return f"one run on a type, counted in {unit}: their size is not known; count samples or tokens"
    for name, found in sorted(types.items()):
        hours = [device_hours_per(trip, unit) for trip in found]
        spread = max(hours) / min(hours) if min(hours) > 0 else float("inf")
        if spread > SPREAD_MAX:
            return f"its runs on {name} differ {spread:.2g}-fold in time for one of their {unit}"
    return ""


def _too_fast(types: Mapping[str, Sequence[Trip]], best: str, unit: str) -> str:
    """Why runs on *best* cannot have done the work of the others; empty where they can.

    Only runs on as many accelerators are held beside each other, for more of them each do less.
    """
    for name, found in sorted(types.items()):
        for count in sorted({trip.devices for trip in found}):
            theirs = [device_hours_per(one, unit) for one in found if one.devices == count]
            own = [device_hours_per(one, unit) for one in types[best] if one.devices == count]
            if name == best or not own:
                continue
            factor = statistics.median(own) / statistics.median(theirs)
            why = not_alike(best, name, factor, found[0].dtype)
            if why:
                return why
    return ""


def _unit_price(trip: Trip, unit: str) -> float:
    """What one unit of work cost the run, by the time of its train stage."""
    hourly = (trip.price_per_hour or Fraction(0)) * trip.share * trip.machines / trip.devices
    return float(hourly) * device_hours_per(trip, unit)


def _price_of(group: Sequence[Trip], unit: str) -> _Price:
    each = [_unit_price(trip, unit) for trip in group]
    hours = statistics.median(device_hours_per(trip, unit) for trip in group)
    return _Price(min(each), statistics.median(each), max(each), hours)


def _by_data_sheets(
    family: str, group: Sequence[Trip], offers_of: OffersOf, remains: Remains
) -> Recommendation | NoAdvice | None:
    """By a roofline; None where there is nothing to compare with."""
    first = group[0]
    have = models().get(first.accelerator)
    used = [trip.memory_gb for trip in group if trip.memory_gb is not None]
    if have is None:
        return None
    if not used:
        why = (
            "how much accelerator memory it needs was not measured, so no other type is known to do"
        )
        return NoAdvice(Kind.RIGHTSIZE, ESTIMATED_RULE, family, why)
    offers = offers_of(first)
    own = listed(offers, first.instance, first.region)
    if own is None:
        why = (
            f"nobody lists {first.instance or 'its machine'} there, so there is nothing to compare"
        )
        return NoAdvice(Kind.RIGHTSIZE, ESTIMATED_RULE, family, why)
    best: tuple[float, float, float, Offer] | None = None
    for offer in offers:
        ratio = _money_ratio(first, own, offer, max(used))
        if ratio is not None and (best is None or ratio[1] < best[1]):
            best = (*ratio, offer)
    if best is None or best[1] > 1 - ESTIMATED_MIN or best[2] > 1:
        why = "no other type there is cheaper by its data sheet, dear end included"
        return NoAdvice(Kind.RIGHTSIZE, ESTIMATED_RULE, family, why, _evidence(group))
    low, middle, high, offer = best
    stakes, low_end, high_end = remains.take(
        [Part(trip, 1 - high, 1 - middle, 1 - low) for trip in group]
    )
    return Recommendation(
        Kind.RIGHTSIZE,
        ESTIMATED_RULE,
        family,
        title=f"Try {offer.accelerator} ({offer.instance}) for {family}",
        action=f"Run it once on {offer.instance} in {offer.region}; own runs then settle it.",
        method="roofline: time goes as peak or as bandwidth, and lies between",
        stakes=tuple(stakes),
        low=low_end,
        high=high_end,
        evidence=_evidence(group)
        | {
            "machine": offer.instance,
            "price_source": offer.source,
            "money_ratio": [round(each, 4) for each in (low, middle, high)],
        },
        assumptions=("estimated from data sheets; no own run on it",),
        confidence=Confidence.LOW,
        effort=Effort.MEDIUM,
        risk="data sheets say nothing of software, interconnect or the batch that fits",
        checked="not checked: no past run used it",
    )


def _money_ratio(
    trip: Trip, own: Offer, offer: Offer, used_gb: float
) -> tuple[float, float, float] | None:
    """Money there over money here: by the better ratio, between, by the worse; None if it won't do."""
    want, have = models().get(offer.accelerator), models()[trip.accelerator]
    if want is None or offer.accelerator == trip.accelerator or want.memory_gb is None:
        return None
    if float(want.memory_gb) < used_gb or offer.instance == own.instance:
        return None
    times = roofline_ratios(have, want, trip.dtype)
    if times is None or not own.price_per_hour or own.devices != offer.devices:
        return None
    price = float(offer.price_per_hour / own.price_per_hour)
    low, high = min(times) * price, max(times) * price
    return low, sqrt(low * high), high


def _evidence(group: Sequence[Trip]) -> dict[str, Any]:
    return {
        "runs": [trip.run for trip in group][:10],
        "run_count": len(group),
        "paid": total_of(group, group[0].currency).text(),
        "accelerator_hours": round(sum(trip.device_hours for trip in group), 3),
    }
