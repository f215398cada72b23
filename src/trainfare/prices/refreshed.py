"""Refreshed prices: what the providers' feeds last said, one file per provider, region and feed.

    <home>/prices/refreshed/<provider>.<region>.<feed>.json   accepted and quarantined prices
    <home>/prices/changes.jsonl                               every change: when, sku, old, new, feed

A file is replaced as a whole and only by a complete answer, so a provider that fails leaves the
last prices as they were. Where two feeds know a SKU, the later word counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, NotFound
from trainfare.prices.age import instant_of
from trainfare.prices.json_file import append_lines, locked, read_json, write_json
from trainfare.prices.listing import ANY_REGION, Listing

_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, BadInput)
_SAFE = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one feed said about one region of a provider."""

    provider: str
    region: str
    feed: str
    fetched_at: str
    """RFC 3339."""
    listings: list[Listing]
    quarantined: list[Listing] = field(default_factory=list)
    version: str = ""
    """The provider's own version of the list, where it has one."""
    etag: str = ""
    rows_seen: int = 0
    """Rows of the answer, most of which are no machine price."""


def is_place_word(word: str) -> bool:
    """Whether *word* can be a provider or region: it becomes part of a file's name.

    >>> is_place_word("us-east-1"), is_place_word("../etc")
    (True, False)
    """
    return word == ANY_REGION or bool(_SAFE.fullmatch(word))


def shelf_path(home: Path, provider: str, region: str, feed: str) -> Path:
    """Where a feed's prices of one region are.

    Raises:
        BadInput: one of the three is not lower-case letters, digits, ``_`` and ``-``.
    """
    place = "all" if region == ANY_REGION else region
    for word in (provider, place, feed):
        if not _SAFE.fullmatch(word):
            raise BadInput(f"{word!r} is not a provider, region or feed: letters, digits, - and _")
    return home / "prices" / "refreshed" / f"{provider}.{place}.{feed}.json"


def read_shelf(path: Path) -> Shelf | None:
    """The prices in *path*, or None if it is absent.

    Raises:
        BadInput: the file is damaged.
    """
    document = read_json(path)
    if document is None:
        return None
    try:
        head = _head(document)
        return Shelf(
            **head,
            listings=[_listing(head, row) for row in document["prices"]],
            quarantined=[_listing(head, row) for row in document["quarantined"]],
            version=str(document["version"]),
            etag=str(document["etag"]),
            rows_seen=int(document["rows_seen"]),
        )
    except _DAMAGE as error:
        raise BadInput(
            f"{path} is damaged ({type(error).__name__}: {error}); remove it and refresh again"
        ) from None


def write_shelf(home: Path, shelf: Shelf) -> list[dict[str, Any]]:
    """Replace a feed's prices of one region, and log what changed.

    Returns:
        The changes as logged: ``{"at", "sku", "old", "new", "feed"}``, *old* None for a new SKU.
    """
    path = shelf_path(home, shelf.provider, shelf.region, shelf.feed)
    with locked(path):
        before = _read_or_none(path)
        changes = _changes(before, shelf)
        # The log first: should the second write fail, a logged change that did not happen is
        # harmless, an unlogged one would make an old estimate impossible to explain.
        append_lines(home / "prices" / "changes.jsonl", changes)
        write_json(path, _document(shelf))
    return changes


def find_refreshed(
    home: Path, provider: str, region: str, name: str, option: str
) -> Listing | None:
    """The latest refreshed price of exactly this SKU, or None."""
    found = (
        item
        for path in _paths(home, provider, region)
        for item in _listings_named(path, name)
        if item.option == option
    )
    return max(found, key=lambda item: instant_of(item.as_of), default=None)


def refreshed_of_name(home: Path, name: str) -> list[Listing]:
    """Every refreshed price of a name, of any provider and region."""
    return [item for path in _all_paths(home) for item in _listings_named(path, name)]


def all_refreshed(home: Path) -> Iterator[Listing]:
    """Every refreshed price of every feed."""
    for shelf in all_shelves(home):
        yield from shelf.listings


def all_shelves(home: Path) -> list[Shelf]:
    """What every feed said, in order of file name; damaged files are skipped with a warning."""
    return [shelf for path in _all_paths(home) if (shelf := _read_or_none(path))]


def shelves_of(home: Path, provider: str, region: str) -> list[Shelf]:
    """What the feeds said about one region of a provider."""
    paths = _paths(home, provider, region)
    return [shelf for path in paths if (shelf := _read_or_none(path))]


def confirm(home: Path, skus: Iterable[str] | None) -> list[Listing]:
    """Believe quarantined prices: those of *skus*, or all with None.

    Raises:
        NotFound: a SKU waits nowhere for confirmation.
    """
    wanted = None if skus is None else set(skus)
    waiting = {item.sku for shelf in all_shelves(home) for item in shelf.quarantined}
    missing = sorted((wanted or set()) - waiting)
    if missing:
        known = f"; waiting: {', '.join(sorted(waiting)[:5])}" if waiting else "; nothing waits"
        raise NotFound(f"no quarantined price of {missing[0]}{known}")
    confirmed = []
    for shelf in all_shelves(home):
        believed = [item for item in shelf.quarantined if wanted is None or item.sku in wanted]
        if believed:
            skip = {item.sku for item in believed}
            kept = [item for item in shelf.listings if item.sku not in skip]
            still = [item for item in shelf.quarantined if item.sku not in skip]
            write_shelf(home, replace(shelf, listings=kept + believed, quarantined=still))
            confirmed += believed
    return confirmed


def _all_paths(home: Path) -> list[Path]:
    return sorted((home / "prices" / "refreshed").glob("*.json"))


def _paths(home: Path, provider: str, region: str) -> list[Path]:
    """The files that may know a region of a provider."""
    if not _SAFE.fullmatch(provider) or not is_place_word(region):
        return []
    place = "all" if region == ANY_REGION else region
    return sorted((home / "prices" / "refreshed").glob(f"{provider}.{place}.*.json"))


def _listings_named(path: Path, name: str) -> list[Listing]:
    """The listings of one name in a file, without building the thousands of others."""
    try:
        # Most files do not hold the name at all, and finding that out needs no parsing.
        if json.dumps(name, ensure_ascii=False) not in path.read_text(encoding="utf-8"):
            return []
        document = read_json(path)
        head = _head(document)
        return [_listing(head, row) for row in document["prices"] if row["name"] == name]
    except (*_DAMAGE, OSError) as error:
        _warn(path, error)
        return []


def _read_or_none(path: Path) -> Shelf | None:
    """A file's prices; a damaged cache must not hide the shipped prices from a run."""
    try:
        return read_shelf(path)
    except BadInput as error:
        _warn(path, error)
        return None


def _warn(path: Path, error: Exception) -> None:
    import logging  # half a megabyte, for a damaged file only

    logging.getLogger("trainfare").warning("refreshed_prices=skipped path=%s why=%s", path, error)


def _changes(before: Shelf | None, after: Shelf) -> list[dict[str, Any]]:
    old = {item.sku: str(item.amount) for item in before.listings} if before else {}
    return [
        {
            "at": after.fetched_at,
            "sku": item.sku,
            "old": old.get(item.sku),
            "new": str(item.amount),
            "currency": item.currency,
            "feed": after.feed,
        }
        for item in after.listings
        if old.get(item.sku) != str(item.amount)
    ]


def _document(shelf: Shelf) -> dict[str, Any]:
    return {
        "provider": shelf.provider,
        "region": shelf.region,
        "feed": shelf.feed,
        "fetched_at": shelf.fetched_at,
        "version": shelf.version,
        "etag": shelf.etag,
        "rows_seen": shelf.rows_seen,
        "rows_kept": len(shelf.listings),
        "prices": [_row(item) for item in shelf.listings],
        "quarantined": [_row(item) for item in shelf.quarantined],
    }


def _row(item: Listing) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": item.name,
        "option": item.option,
        "amount": str(item.amount),
        "as_of": item.as_of,
        "source": item.source,
    }
    if item.currency != "USD":
        row["currency"] = item.currency
    if item.high is not None:
        row["high"] = str(item.high)
    if item.zones:
        row["zones"] = {zone: str(amount) for zone, amount in item.zones.items()}
    if item.code:
        row["code"] = item.code
    return row


def _head(document: dict[str, Any]) -> dict[str, str]:
    """Where and when a file's prices are of."""
    head = {key: str(document[key]) for key in ("provider", "region", "feed", "fetched_at")}
    instant_of(head["fetched_at"])
    return head


def _listing(head: dict[str, str], row: dict[str, Any]) -> Listing:
    instant_of(row["as_of"])
    return Listing(
        provider=head["provider"],
        region=head["region"],
        name=row["name"],
        option=row["option"],
        amount=Decimal(row["amount"]),
        as_of=row["as_of"],
        source=row["source"],
        origin="refreshed",
        high=Decimal(row["high"]) if "high" in row else None,
        zones={zone: Decimal(amount) for zone, amount in row.get("zones", {}).items()},
        currency=row.get("currency", "USD"),
        code=row.get("code", ""),
        confidence="list_api",
    )
