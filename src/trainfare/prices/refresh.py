"""Refreshing: ask a provider's feed, hold its answer against the guards, keep what passes.

One region is one unit: its file is replaced only by a whole answer, and a feed that fails leaves
what was known. Nothing is asked of anybody unless the user calls for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from trainfare.core.errors import BadInput, OutsideFailed, TrainfareError
from trainfare.prices import refresh_aws_api, refresh_aws_bulk, refresh_azure, refresh_gcp
from trainfare.prices.age import instant_of, today
from trainfare.prices.catalogue import family_bands, find_shipped, find_spec
from trainfare.prices.download import Line
from trainfare.prices.feed import Delivery, Feed, Request
from trainfare.prices.guards import Band, Verdict, Witnesses, admit
from trainfare.prices.listing import ANY_REGION, Listing
from trainfare.prices.refreshed import (
    Shelf,
    read_shelf,
    shelf_path,
    shelves_of,
    write_shelf,
)

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        refresh_azure.FEED,
        refresh_aws_api.FEED,
        refresh_aws_api.SPOT,
        refresh_aws_bulk.FEED,
        refresh_aws_bulk.SAVINGS_PLANS,
        refresh_gcp.FEED,
    )
}
"""Every feed of machine prices by name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What refreshing one region by one feed came to."""

    feed: str
    provider: str
    region: str
    status: str
    """updated, unchanged or failed."""
    rows_seen: int = 0
    kept: int = 0
    changed: int = 0
    quarantined: list[tuple[Listing, str]] = field(default_factory=list)
    rejected: list[tuple[Listing, str]] = field(default_factory=list)
    flagged: list[tuple[Listing, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    error: TrainfareError | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """How to refresh: when, whence and what."""

    at_ns: int
    url: str = ""
    """Another address than the feed's own: a mirror or proxy."""
    key: str = ""
    only_accelerators: bool = False
    """Keep only machines that have accelerators; the rest of a price list is ten times as long."""
    line: Line = field(default_factory=Line)


def refresh(home: Path, feed_name: str, regions: Iterable[str], order: Order) -> list[Outcome]:
    """Refresh *regions* by one feed, each by itself; what failed is an outcome, not an end.

    Raises:
        BadInput: there is no such feed, or it needs a region and none is given.
    """
    feed = FEEDS.get(feed_name)
    if feed is None:
        raise BadInput(f"there is no feed {feed_name!r}; feeds are {', '.join(FEEDS)}")
    places = list(dict.fromkeys(regions))
    if not places and feed.needs_region:
        raise BadInput(f"feed {feed.name} answers for one region: give --region")
    outcomes = []
    for region in places or [ANY_REGION]:
        try:
            known = (
                None
                if region == ANY_REGION
                else _read_known(home, feed.provider, region, feed.name)
            )
            deliveries = _whole(feed, _request(home, feed, region, order, known))
        except TrainfareError as error:
            outcomes.append(Outcome(feed.name, feed.provider, region, "failed", error=error))
            continue
        outcomes += [_keep(home, feed, item, order, known) for item in deliveries]
    return outcomes


def _whole(feed: Feed, request: Request) -> list[Delivery]:
    """What the feed delivers, all of it before any of it is stored.

    Raises:
        OutsideFailed: the answer cannot be read as what the provider has always sent.
    """
    try:
        return list(feed.deliver(request))
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise OutsideFailed(
            f"{feed.name} answered for {request.region} in another shape than known "
            f"({type(error).__name__}: {error}); nothing was stored"
        ) from None


def check_listings(home: Path, shelf: Shelf, at_ns: int) -> Verdict:
    """What the guards make of *shelf*'s listings; stores nothing."""
    return admit(shelf.listings, _witnesses(home, shelf), at_ns)


def keep_listings(home: Path, shelf: Shelf, at_ns: int) -> Outcome:
    """Hold *shelf*'s listings against the guards and store what passes, beside what still waits."""
    verdict = check_listings(home, shelf, at_ns)
    waiting = {item.sku: item for item, _ in verdict.quarantined}
    known = _read_known(home, shelf.provider, shelf.region, shelf.feed)
    before = {item.sku: item for item in known.listings} if known else {}
    # A price that waits, or that cannot be one, leaves the last known one in force.
    accepted = {item.sku for item in verdict.accepted}
    doubted = {*waiting, *(item.sku for item, _ in verdict.rejected)} - accepted
    held = [item for sku, item in before.items() if sku in doubted]
    stored = replace(shelf, listings=verdict.accepted + held, quarantined=list(waiting.values()))
    changes = write_shelf(home, stored)
    return Outcome(
        shelf.feed,
        shelf.provider,
        shelf.region,
        "updated",
        rows_seen=shelf.rows_seen,
        kept=len(stored.listings),
        changed=len(changes),
        quarantined=verdict.quarantined,
        rejected=verdict.rejected,
        flagged=verdict.flagged,
    )


def _read_known(home: Path, provider: str, region: str, feed: str) -> Shelf | None:
    """What a feed last said about a region; a damaged file counts as nothing.

    Raises:
        BadInput: one of the three cannot be part of a file's name.
    """
    path = shelf_path(home, provider, region, feed)
    try:
        return read_shelf(path)
    except BadInput:
        return None


def _request(home: Path, feed: Feed, region: str, order: Order, known: Shelf | None) -> Request:
    skus = {
        item.code: item.name
        for shelf in shelves_of(home, feed.provider, region)
        for item in shelf.listings
        if item.code and item.option == "on_demand"
    }
    return Request(
        region=region,
        now=today(order.at_ns),
        url=order.url or feed.url,
        key=order.key,
        etag=known.etag if known else "",
        version=known.version if known else "",
        known_skus=skus,
        line=order.line,
    )


def _keep(home: Path, feed: Feed, item: Delivery, order: Order, known: Shelf | None) -> Outcome:
    """Store one region's delivery, or note that what is stored still holds."""
    now = today(order.at_ns)
    if item.unchanged and known is not None:
        fresh = [replace(listing, as_of=now) for listing in known.listings]
        write_shelf(home, replace(known, listings=fresh, fetched_at=now))
        return Outcome(feed.name, feed.provider, item.region, "unchanged", kept=len(fresh))
    listings = item.listings
    if order.only_accelerators:
        listings = [listing for listing in listings if _pieces(listing)]
    if not listings:
        error = OutsideFailed(
            f"{feed.name} answered {item.rows_seen} rows without a machine price for "
            f"{item.region}; is it how {feed.provider} writes the region? Nothing was stored"
        )
        return Outcome(feed.name, feed.provider, item.region, "failed", error=error)
    shelf = Shelf(
        provider=feed.provider,
        region=item.region,
        feed=feed.name,
        fetched_at=now,
        listings=listings,
        version=item.version,
        etag=item.etag,
        rows_seen=item.rows_seen,
    )
    try:
        outcome = keep_listings(home, shelf, order.at_ns)
    except TrainfareError as error:
        return Outcome(feed.name, feed.provider, item.region, "failed", error=error)
    return replace(outcome, notes=item.notes)


def _witnesses(home: Path, shelf: Shelf) -> Witnesses:
    """What this home and the shipped catalogue know, for the guards."""
    bands = family_bands(shelf.provider)
    refreshed: dict[tuple[str, str], Listing] = {}
    for known in shelves_of(home, shelf.provider, shelf.region):
        for old in known.listings:
            newest = refreshed.get((old.name, old.option))
            if newest is None or instant_of(old.as_of) >= instant_of(newest.as_of):
                refreshed[old.name, old.option] = old

    def last_known(item: Listing) -> Listing | None:
        return refreshed.get((item.name, item.option)) or find_shipped(
            item.provider, item.region, item.name, item.option
        )

    def others(item: Listing) -> list[Decimal]:
        shipped = find_shipped(item.provider, item.region, item.name, item.option)
        known = (refreshed.get((item.name, item.option)), shipped)
        return [found.amount for found in known if found is not None]

    def band(item: Listing) -> Band | None:
        spec = find_spec(item.provider, item.name)
        return bands.get(spec.accelerator) if spec else None

    return Witnesses(last_known=last_known, others=others, pieces=_pieces, band=band)


def _pieces(item: Listing) -> Decimal | None:
    """Accelerators of the machine, from its shipped specification; None where sold bare."""
    spec = find_spec(item.provider, item.name)
    return spec.accelerator_count if spec and spec.sold != "attached" else None
