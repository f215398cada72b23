"""Carried bytes: what a bill charges for NAT and between regions, beside what metered runs read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from trainfare.advice.network import CROSS_REGION, NAT, Carried, StoreReads
from trainfare.core.charge import Component, View
from trainfare.core.money import Money
from trainfare.core.recommendation import Slot, resource_slot, run_slot
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


def store_reads(receipts: Sequence[Receipt]) -> StoreReads:
    """What runs say that they read from object stores."""
    total = 0
    distinct: dict[str, int] = {}
    for receipt in receipts:
        own = {
            one.uri: one.bytes
            for segment in receipt.run.segments
            for one in segment.artifacts
            if one.role == "dataset" and one.bytes and one.uri.startswith(STORES)
        }
        total += sum(own.values())
        distinct |= own
    return StoreReads(total, sum(distinct.values()))
