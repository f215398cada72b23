"""Carried bytes: what a bill charges for NAT and between regions, beside what metered runs read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from trainfare.advice.network import CROSS_REGION, NAT, Carried, ForeignReads, StoreReads
from trainfare.core.charge import Component, View
from trainfare.core.money import Money
from trainfare.core.period import HOUR, BillingPeriod
from trainfare.core.price import MONTH_HOURS, Price
from trainfare.core.recommendation import Slot, resource_slot, run_slot
from trainfare.core.run import Artifact
from trainfare.flows.advice_history import Gathered
from trainfare.flows.gpu_book import GpuBook
from trainfare.metering.receipt import Receipt

STORES = ("s3://", "s3a://", "gs://", "az://", "abfs://", "abfss://")
"""How the addresses of object stores begin."""

_RULES = {"nat": NAT, "cross_region": CROSS_REGION}


def read_carried(book: GpuBook) -> list[Carried]:
    """What the bill charges for carried bytes; nothing where there is none."""
    if not book.results:
        return []
    from trainfare.store import paid

    assert book.places is not None
    shares: dict[tuple[str, str, str], dict[Slot, Money]] = defaultdict(dict)
    sizes: dict[tuple[str, str, str], Fraction | None] = {}
    for one in paid.read_carried(book.charges, book.results, View.EFFECTIVE):
        place = book.places.of(one.resource)
        key = (one.way, one.resource, one.month)
        slot = (
            run_slot(one.run, one.month, Component.NETWORK)
            if one.run is not None
            else resource_slot(place, one.month, Component.NETWORK)
        )
        before = shares[key].get(slot, Money.zero(one.currency))
        shares[key][slot] = before + Money(one.nano, one.currency)
        sizes[key] = one.gb
    return [
        Carried(_RULES[way], resource, sizes[way, resource, month], owned)
        for (way, resource, month), owned in sorted(shares.items())
    ]


def store_reads(gathered: Gathered) -> tuple[StoreReads, ForeignReads]:
    """What runs of the history's months say that they read from object stores, and from elsewhere.

    Where a bucket lies its own storage charges say.
    """
    regions = _bucket_regions(gathered.book)
    every: list[tuple[str, int]] = []
    foreign: dict[tuple[str, str], Artifact] = {}
    sizes: list[int] = []
    unknown: set[str] = set()
    for receipt in gathered.receipts:
        own = _read_by(receipt, gathered.history.periods)
        every += {uri: size for (uri, _), (_, size) in own.items()}.items()
        for (uri, region), (one, size) in own.items():
            where = regions.get(_bucket(uri))
            if where is None or not region:
                unknown.add(_bucket(uri))
            elif where != region:
                foreign[uri, region] = one
                sizes.append(size)
    whole = StoreReads(sum(size for _, size in every), sum(dict(every).values()))
    return whole, _foreign(foreign, sum(sizes), unknown, len(gathered.history.periods))


def _read_by(
    receipt: Receipt, periods: Sequence[str]
) -> dict[tuple[str, str], tuple[Artifact, int]]:
    """(address, region of the machine) → what the run read there, with its size."""
    return {
        (one.uri, segment.machine.region or ""): (one, one.bytes)
        for segment in receipt.run.segments
        for one in segment.artifacts
        if one.role == "dataset"
        and one.bytes
        and one.uri.startswith(STORES)
        and str(BillingPeriod.of(one.held.start_ns)) in periods
    }


def _foreign(
    copies: Mapping[tuple[str, str], Artifact], size: int, unknown: Collection[str], months: int
) -> ForeignReads:
    """A copy is priced as on the receipt, which takes a bucket to be where the machine is."""
    distinct, keeping = 0, Money.zero()
    for (uri, region), one in sorted(copies.items()):
        if not isinstance(one.price, Price):
            why = f"what a copy of {uri} costs in {region} is not known"
            return ForeignReads(why=f"{why}: {one.price.why}" if one.price else why)
        distinct += one.bytes or 0
        month = one.price.of((one.bytes or 0) * MONTH_HOURS * HOUR)
        if keeping and keeping.currency != month.currency:
            return ForeignReads(why="copies would be paid in several currencies")
        keeping = Money(keeping.nano + month.nano * months, month.currency)
    if copies:
        return ForeignReads(size, distinct, keeping)
    if unknown:
        why = (
            f"no charge says in which region the bucket {min(unknown)} lies: import its storage "
            "charges with trainfare bill import FILE"
        )
        return ForeignReads(why=why)
    return ForeignReads()


def _bucket_regions(book: GpuBook) -> dict[str, str]:
    if not book.results:
        return {}
    from trainfare.store import paid

    found: dict[str, set[str]] = defaultdict(set)
    for resource, region in paid.read_storage_regions(book.charges).items():
        found[re.split("[:/]", resource)[-1]].add(region)
    return {bucket: min(places) for bucket, places in found.items() if len(places) == 1}


def _bucket(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[0]
