"""Network: bytes that a NAT gateway carried to an object store, and that crossed regions again.

A bill says what was carried, not where to. How much of it was reads of object stores is what metered
runs say that they read; without that nothing is claimed.

    NAT            min(bytes read from object stores, bytes carried) ÷ bytes carried
    cross region   1 − distinct bytes read ÷ bytes read, of buckets in another region: a copy is
                   carried once, and keeping it is paid
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class ForeignReads:
    """What of it came from buckets that are known to lie in another region than the machine."""

    bytes: int = 0
    distinct_bytes: int = 0
    """A copy in each region that reads it."""
    keeping: Money = field(default_factory=Money.zero)
    """What keeping those copies costs over the history."""
    why: str = "runs read nothing from a bucket of another region"
    """Why there is none, where there is none."""


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
    CROSS_REGION: "transfer between regions on the bill × the part that was read before, less what "
    "keeping the copies costs in all of the history",
}
_RISKS = {
    NAT: "Policies that name the NAT gateway's address have to name the endpoint.",
    CROSS_REGION: "The copy has to be kept up to date, and is kept twice.",
}


def advise_network(
    carried: Sequence[Carried], reads: StoreReads, foreign: ForeignReads
) -> Iterator[Recommendation | NoAdvice]:
    """What carrying bytes could have cost less, one recommendation per rule and currency."""
    groups: dict[tuple[str, str], list[Carried]] = defaultdict(list)
    for one in carried:
        for currency in {amount.currency for amount in one.shares.values()}:
            groups[one.rule, currency].append(one)
    for (rule, currency), group in sorted(groups.items()):
        yield _advise(rule, currency, group, reads if rule == NAT else foreign)


def _advise(
    rule: str, currency: str, group: Sequence[Carried], reads: StoreReads | ForeignReads
) -> Recommendation | NoAdvice:
    paid: dict[Slot, int] = defaultdict(int)
    for one in group:
        for slot, amount in one.shares.items():
            if amount.currency == currency:
                paid[slot] += max(0, amount.nano)
    whole = sum(paid.values())
    gb = sum((one.gb for one in group if one.gb is not None), Fraction(0))
    part = _part(gb, reads)
    keeping = reads.keeping if isinstance(reads, ForeignReads) else Money.zero(currency)
    net = whole * part - keeping.nano
    resources = sorted({one.resource for one in group})
    evidence = {
        "resources": resources[:10],
        "gb": round(float(gb), 3),
        "paid": Money(whole, currency).text(),
        "gb_read_by_runs": round(reads.bytes / GIB, 3),
        "distinct_gb_read_by_runs": round(reads.distinct_bytes / GIB, 3),
    }
    if keeping:
        evidence["keeping_copies"] = keeping.text()
    why = _why_not(gb, part, reads)
    if not why and keeping and keeping.currency != currency:
        why = f"the transfer is paid in {currency} and a copy would be in {keeping.currency}"
    if not why and net <= 0:
        saved = Money(int(whole * part), currency)
        why = f"not worth it: keeping the copies costs {keeping}, and transfer less by {saved}"
    if why:
        return NoAdvice(Kind.NETWORK, rule, currency, why, evidence)
    share = net / whole
    return Recommendation(
        Kind.NETWORK,
        rule,
        currency,
        _TITLES[rule],
        _ACTIONS[rule],
        method=_METHODS[rule],
        stakes=tuple(
            Stake(slot, Money(int(nano * share), currency)) for slot, nano in paid.items()
        ),
        low=-keeping.nano / net,
        high=(whole - keeping.nano) / net,
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


def _part(gb: Fraction, reads: StoreReads | ForeignReads) -> Fraction:
    """Which part of the charges would not have been paid; 0 where nobody knows."""
    if not reads.bytes or not gb:
        return Fraction(0)
    part = min(Fraction(1), Fraction(reads.bytes, GIB) / gb)
    if isinstance(reads, StoreReads):
        return part
    return (1 - Fraction(reads.distinct_bytes, reads.bytes)) * part


def _why_not(gb: Fraction, part: Fraction, reads: StoreReads | ForeignReads) -> str:
    if part:
        return ""
    if not gb:
        return "the bill does not say how many bytes were carried"
    if isinstance(reads, StoreReads):
        return "how much of it runs read is not known: run.dataset(uri, bytes=…)"
    return "runs read nothing of it again" if reads.bytes else reads.why
