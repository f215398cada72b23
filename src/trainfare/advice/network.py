"""Network: bytes that a NAT gateway carried to an object store, and that crossed regions again.

A bill says what was carried, not where to. How much of it was reads of object stores is what metered
runs say that they read; without that nothing is claimed.

    NAT            min(bytes read from object stores, bytes carried) ÷ bytes carried
    cross region   1 − distinct bytes read ÷ bytes read: a copy per region is carried once
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.money import Money
from trainfare.core.price import GIB
from trainfare.core.recommendation import (
    Confidence,
    Effort,
    Kind,
    NoAdvice,
    Recommendation,
    Slot,
    Stake,
)

NAT, CROSS_REGION = "nat_for_store", "cross_region_reads"


@dataclass(frozen=True, slots=True)
class Carried:
    """What one resource carried in one month, and who paid for it."""

    rule: str
    """:data:`NAT` or :data:`CROSS_REGION`."""
    resource: str
    gb: Fraction | None
    """None where the bill does not say."""
    shares: Mapping[Slot, Money]
    """Slot → what of the charge it has."""


@dataclass(frozen=True, slots=True)
class StoreReads:
    """What metered runs read from object stores in the history."""

    bytes: int = 0
    distinct_bytes: int = 0


_TITLES = {
    NAT: "Read object stores through an endpoint, not through NAT",
    CROSS_REGION: "Keep a copy of what is read again in the region where it is read",
}
_ACTIONS = {
    NAT: "Add a gateway endpoint for the object store to the network; on AWS it costs nothing.",
    CROSS_REGION: "Copy the datasets once to a bucket in the region of the machines, or move the runs.",
}
_METHODS = {
    NAT: "NAT processing on the bill × the part that runs say they read from object stores",
    CROSS_REGION: "transfer between regions on the bill × the part that was read before",
}
_RISKS = {
    NAT: "Policies that name the NAT gateway's address have to name the endpoint.",
    CROSS_REGION: "The copy has to be kept up to date, and is kept twice.",
}


def advise_network(
    carried: Sequence[Carried], reads: StoreReads
) -> Iterator[Recommendation | NoAdvice]:
    """What carrying bytes could have cost less, one recommendation per rule and currency."""
    groups: dict[tuple[str, str], list[Carried]] = defaultdict(list)
    for one in carried:
        for currency in {amount.currency for amount in one.shares.values()}:
            groups[one.rule, currency].append(one)
    for (rule, currency), group in sorted(groups.items()):
        paid: dict[Slot, int] = defaultdict(int)
        for one in group:
            for slot, amount in one.shares.items():
                if amount.currency == currency:
                    paid[slot] += max(0, amount.nano)
        known = [one.gb for one in group if one.gb is not None]
        gb = sum(known, Fraction(0))
        part = _part(rule, gb, reads)
        resources = sorted({one.resource for one in group})
        evidence = {
            "resources": resources[:10],
            "gb": round(float(gb), 3),
            "paid": Money(sum(paid.values()), currency).text(),
            "gb_read_by_runs": round(reads.bytes / GIB, 3),
            "distinct_gb_read_by_runs": round(reads.distinct_bytes / GIB, 3),
        }
        if not part:
            why = "how much of it runs read, or read again, is not known: run.dataset(uri, bytes=…)"
            yield NoAdvice(Kind.NETWORK, rule, currency, why, evidence)
            continue
        yield Recommendation(
            Kind.NETWORK,
            rule,
            currency,
            _TITLES[rule],
            _ACTIONS[rule],
            method=_METHODS[rule],
            stakes=tuple(
                Stake(slot, Money(int(nano * part), currency)) for slot, nano in paid.items()
            ),
            low=Fraction(0),
            high=1 / part,
            evidence=evidence,
            assumptions=(
                "what runs read from object stores went this way",
                "low: none of it did; high: all of the traffic",
            ),
            confidence=Confidence.LOW,
            effort=Effort.MEDIUM,
            risk=_RISKS[rule],
            checked=f"charges of {len(resources)} resources beside what metered runs read",
        )


def _part(rule: str, gb: Fraction, reads: StoreReads) -> Fraction:
    """Which part of the charges would not have been paid; 0 where nobody knows."""
    if not reads.bytes or not gb:
        return Fraction(0)
    if rule == NAT:
        return min(Fraction(1), Fraction(reads.bytes, GIB) / gb)
    again = 1 - Fraction(reads.distinct_bytes, reads.bytes)
    return again * min(Fraction(1), Fraction(reads.bytes, GIB) / gb)
