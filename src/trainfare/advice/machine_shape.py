"""The shape of a machine: CPUs and memory beside the accelerators, and where it stands.

A machine with the same accelerators and fewer CPUs or less memory does where what was measured fits
with room to spare. A machine of the same type elsewhere does where what it saves is more than what
the move costs: the bytes of its datasets, once, between regions. Disks are not measured, so nothing
is said of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from trainfare.advice.gpu_type import OffersOf
from trainfare.advice.offer import Offer, listed
from trainfare.advice.remains import Part, Remains
from trainfare.advice.trip import Trip, total_of
from trainfare.core.money import Money
from trainfare.core.plain import percent
from trainfare.core.price import GIB, NoPrice
from trainfare.core.recommendation import Confidence, Effort, Kind, NoAdvice, Recommendation

SHAPE, MOVE = "machine_shape", "region"

MEMORY_ROOM = 1.3
"""Memory at its peak and three tenths more: the widest headroom that AWS Compute Optimizer offers."""

CPU_ROOM = 2.0
"""Twice the mean use of CPUs: only the mean is measured, and loaders work in bursts; our own
judgement."""

WORTH_MIN = 0.05
"""From a twentieth on: our own judgement."""

MOVE_BYTES_PER_SECOND = 125_000_000
"""A gigabit a second between regions: an assumption; one's own copies may be faster."""


def find_shapes(
    trips: Iterable[Trip], offers_of: OffersOf, remains: Remains
) -> list[Recommendation | NoAdvice]:
    """One answer for every kind of work on every type of machine that it had for itself."""
    groups = _by_machine(trip for trip in trips if trip.share == 1)
    found = []
    for (family, instance, provider, region), group in sorted(groups.items()):
        answer = _shape((family, f"{instance} of {provider} {region}"), group, offers_of, remains)
        found += [answer] if answer is not None else []
    return found


def _by_machine(trips: Iterable[Trip]) -> dict[tuple[str, str, str, str], list[Trip]]:
    groups: dict[tuple[str, str, str, str], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.instance and trip.provider and trip.price_per_hour:
            place = trip.provider, trip.region or ""
            groups[trip.family, trip.instance, *place].append(trip)
    return groups


def _shape(
    name: tuple[str, str], group: Sequence[Trip], offers_of: OffersOf, remains: Remains
) -> Recommendation | NoAdvice | None:
    first, offers = group[0], offers_of(group[0])
    own, (family, machine) = listed(offers, first.instance, first.region), name
    same = [
        offer
        for offer in offers
        if own is not None and (offer.accelerator, offer.devices) == (own.accelerator, own.devices)
        and offer.price_per_hour < own.price_per_hour * Fraction(1 - WORTH_MIN)
    ]  # fmt: skip
    if own is None or not same:
        return None
    subject = f"{family} on {machine}"
    needed = _needs(group)
    if needed is None:
        why = "not every run tells how much CPU and memory it used, so a smaller machine may not do"
        return NoAdvice(Kind.RIGHTSIZE, SHAPE, subject, why)
    cpus, memory = needed
    fits = [
        offer
        for offer in same
        if offer.cpus is not None and offer.cpus >= cpus * CPU_ROOM
        and offer.memory_gb is not None and offer.memory_gb >= memory * MEMORY_ROOM
    ]  # fmt: skip
    evidence = _evidence(group) | {
        "cpus_used": round(cpus, 2),
        "memory_gb_used": round(memory, 2),
        "smaller_machines": [offer.instance for offer in same],
    }
    if not fits:
        why = (
            f"it uses {cpus:.1f} CPUs and {memory:.1f} GB, and no smaller machine has room to spare"
        )
        return NoAdvice(Kind.RIGHTSIZE, SHAPE, subject, why, evidence)
    best = min(fits, key=lambda offer: (offer.price_per_hour, offer.instance))
    part = 1 - float(best.price_per_hour / own.price_per_hour)
    stakes, low, high = remains.take([Part(trip, part, part, part) for trip in group])
    return Recommendation(
        Kind.RIGHTSIZE,
        SHAPE,
        subject,
        title=f"Use {best.instance} for {family}",
        action=f"Use {best.instance}: the same accelerators, {best.cpus:g} CPUs, {best.memory_gb:g} GB.",
        method="price of the smallest machine that has what was used, with room to spare",
        stakes=tuple(stakes),
        low=low,
        high=high,
        evidence=evidence | {"price_source": best.source},
        assumptions=(
            f"twice the mean of CPUs and {MEMORY_ROOM:g} times the peak of memory are enough",
        ),
        confidence=Confidence.MEDIUM,
        effort=Effort.LOW,
        risk="its disk and network may be smaller too; file cache is not counted as memory used",
        checked=f"all of {len(group)} past runs fit",
    )


def _needs(group: Sequence[Trip]) -> tuple[float, float] | None:
    """CPUs and GB of the run that used most; None where one did not measure both."""
    if any(t.cpu_hours is None or t.host_gb is None or not t.machine_hours for t in group):
        return None
    cpus = max((trip.cpu_hours or 0.0) / trip.machine_hours for trip in group)
    return cpus, max(trip.host_gb or 0.0 for trip in group)


class Passage(NamedTuple):
    """Bytes to another region."""

    amount: Money
    source: str


MoveOf = Callable[[Trip, int], Passage | NoPrice]
"""What moving so many bytes out of the run's region costs, or why nobody knows."""


def find_moves(
    trips: Iterable[Trip], elsewhere: OffersOf, move_of: MoveOf, remains: Remains
) -> list[Recommendation | NoAdvice]:
    """One answer for every kind of work on every type of machine that is cheaper in another region.

    Args:
        trips: the history.
        elsewhere: the same machine in other regions of the same seller.
        move_of: what moving its data costs.
        remains: what earlier rules left.
    """
    found = []
    for (family, instance, provider, region), group in sorted(_by_machine(trips).items()):
        offers = elsewhere(group[0])
        own = listed(offers, instance, region)
        cheaper = [
            offer
            for offer in offers
            if own is not None and offer.region not in (region, "*") and offer.instance == instance
            and offer.price_per_hour < own.price_per_hour * Fraction(1 - WORTH_MIN)
        ]  # fmt: skip
        if cheaper and own is not None:
            best = min(cheaper, key=lambda offer: (offer.price_per_hour, offer.region))
            subject = f"{family} on {instance} of {provider} {region}"
            part = 1 - float(best.price_per_hour / own.price_per_hour)
            title = f"Move to {best.region}: {family} on {instance}"
            found.append(_move((subject, title), group, (best, part), move_of, remains))
    return found


def _move(
    words: tuple[str, str],
    group: Sequence[Trip],
    target: tuple[Offer, float],
    move_of: MoveOf,
    remains: Remains,
) -> Recommendation | NoAdvice:
    (subject, title), (best, part), first = words, target, group[0]
    paid = total_of(group, first.currency)
    gross = Money.nearest(Fraction(part) * paid.nano / 10**9, first.currency)
    known = [trip.read_bytes for trip in group if trip.read_bytes is not None]
    evidence = _evidence(group) | {"region": best.region, "saved_on_machines": gross.text()}
    if not known:
        why = f"{best.region} is {percent(part, 0)} cheaper, but how much data would move was not recorded"
        return NoAdvice(Kind.RIGHTSIZE, MOVE, subject, why, evidence)
    size = max(known)
    passage = move_of(first, size)
    if isinstance(passage, NoPrice):
        why = f"{best.region} is {percent(part, 0)} cheaper, but {passage.why}"
        return NoAdvice(Kind.RIGHTSIZE, MOVE, subject, why, evidence)
    if passage.amount.currency != first.currency:
        why = f"moving data is priced in {passage.amount.currency}, the runs paid {first.currency}"
        return NoAdvice(Kind.RIGHTSIZE, MOVE, subject, why, evidence)
    evidence |= {"bytes_to_move": size, "moving_once": passage.amount.text()}
    net = gross.nano - passage.amount.nano
    if net < WORTH_MIN * paid.nano:
        why = f"not worth it: moving {size / GIB:,.0f} GB costs {passage.amount} of {gross} saved"
        return NoAdvice(Kind.RIGHTSIZE, MOVE, subject, why, evidence)
    stakes, low, high = remains.take([Part(t, part, part, part) for t in group])
    hours = size / MOVE_BYTES_PER_SECOND / 3600
    return Recommendation(
        Kind.RIGHTSIZE,
        MOVE,
        subject,
        title=title,
        action=f"Copy its data to {best.region} once ({size / GIB:,.0f} GB) and train there.",
        method="difference of list prices less the price of moving its largest dataset once",
        stakes=tuple(stakes),
        low=low,
        high=high,
        once=passage.amount,
        evidence=evidence | {"hours_to_move": round(hours, 2), "price_source": best.source},
        assumptions=(passage.source, "the copy takes a gigabit a second", "data is moved once"),
        confidence=Confidence.MEDIUM,
        effort=Effort.MEDIUM,
        risk="the type may be scarce there, and data may have to stay where it is by law",
        checked=f"computed for {len(group)} past runs at the prices of both regions",
    )


def _evidence(group: Sequence[Trip]) -> dict[str, Any]:
    return {
        "runs": [trip.run for trip in group][:10],
        "run_count": len(group),
        "machine_hours": round(sum(trip.machine_hours for trip in group), 3),
        "paid": total_of(group, group[0].currency).text(),
    }
