"""Kept data: what metered runs hold in storage, with its price and that of a colder class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from trainfare.advice.storage import Kept
from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.price import Price
from trainfare.core.recommendation import Slot
from trainfare.core.run import Artifact
from trainfare.metering.receipt import Receipt
from trainfare.prices.book import PriceBook

COLDER = {"s3/standard": "s3/standard-ia", "gcs/standard": "gcs/nearline"}
"""Storage class → the infrequent one; both are paid for 30 days at least."""

RETRIEVAL_PER_GB = Fraction(1, 100)
"""USD for reading a GB from either: the list prices of S3 Standard-IA in us-east-1 (2026-04) and of
Google's Nearline in every region (2026-07)."""


def read_kept(home: Path, receipts: Sequence[Receipt], owners: Mapping[str, str]) -> list[Kept]:
    """Everything that *receipts* keep of which size and price are known.

    Args:
        home: whose prices.
        receipts: of all runs.
        owners: run → whose it is.
    """
    reads: dict[str, list[int]] = defaultdict(list)
    for receipt in receipts:
        for one in _artifacts(receipt):
            if one.role == "dataset":
                reads[one.uri].append(one.held.start_ns)
    book = PriceBook(home)
    colder: dict[str, Price | None] = {}
    found = []
    for receipt in receipts:
        newest = max(
            (one.held.start_ns for one in _artifacts(receipt) if one.role == "checkpoint"),
            default=0,
        )
        for one in _artifacts(receipt):
            if one.bytes is None or not isinstance(one.price, Price):
                continue
            found.append(
                Kept(
                    uri=one.uri,
                    role=one.role,
                    owner=owners.get(receipt.run.id, receipt.run.id),
                    run=receipt.run.id,
                    run_end_ns=receipt.run.interval.end_ns,
                    bytes=one.bytes,
                    held=one.held,
                    price=one.price,
                    is_newest=one.held.start_ns == newest,
                    reads=tuple(reads[one.uri]),
                    colder=_colder(one.price, book, colder),
                    retrieval_per_gb=RETRIEVAL_PER_GB,
                    paid_ns=None if one.paid_ns is None else int(one.paid_ns),
                )
            )
    return found


def _artifacts(receipt: Receipt) -> Iterator[Artifact]:
    for segment in receipt.run.segments:
        yield from segment.artifacts


def _colder(price: Price, book: PriceBook, known: dict[str, Price | None]) -> Price | None:
    if price.sku not in known:
        provider, region, *tier = price.sku.split("/")
        name = COLDER.get("/".join(tier))
        found = book.storage_price(provider, region, name, 0) if name else None
        known[price.sku] = found if isinstance(found, Price) else None
    return known[price.sku]


def paid_for_kept(kept: Sequence[Kept], billed: Mapping[Slot, Money] | None) -> dict[Slot, Money]:
    """What keeping each datum cost, by month.

    On a bill single files have no charge, so they are what was estimated; together never more than
    the bill's own storage of the month.

    Args:
        kept: everything.
        billed: what the bill says was paid; None where there is no bill.
    """
    exact: dict[tuple[Slot, str], Fraction] = defaultdict(Fraction)
    for one in kept:
        for slot, nano in one.paid_by_month():
            exact[slot, one.price.currency] += nano
    most: dict[tuple[str, str], int] = defaultdict(int)
    for slot, amount in (billed or {}).items():
        if slot.component is Component.STORAGE:
            most[slot.period, amount.currency] += max(0, amount.nano)
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for (slot, currency), nano in exact.items():
        sums[slot.period, currency] += nano
    paid = {}
    for (slot, currency), nano in exact.items():
        key = (slot.period, currency)
        share = Fraction(1)
        if billed is not None and sums[key]:
            share = min(share, most[key] / sums[key])
        paid[slot] = Money(int(nano * share), currency)
    return paid
