"""Tariffs: what kept and moved bytes cost, tier by tier, per calendar month of an account.

Classes of traffic: ``internet``, ``inter_region``, ``inter_zone`` (priced in each direction),
``same_zone``, and what else a price list names.

A provider's first gigabytes of a month to the internet are often free and the last ones cheapest,
so moved bytes have no one price: :class:`Tariff` prices any volume exactly, given how much the
account has moved in the month already. Without that figure the run is taken to be alone in its
month, which gives it the free tier; :meth:`Tariff.at` gives the price of the next byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.price import GIB, NoPrice, Price
from trainfare.prices.age import day_of, instant_of, is_known_to_the_day, quality_of
from trainfare.prices.catalogue import sources
from trainfare.prices.learnt import find_learnt
from trainfare.prices.listing import ANY_REGION, exact_decimal
from trainfare.prices.overrides import Override, best_override, read_overrides
from trainfare.prices.shelf import rows_starting

_STORES = {
    "s3": ("aws", "s3", "standard"),
    "s3a": ("aws", "s3", "standard"),
    "gs": ("gcp", "gcs", "standard"),
    "az": ("azure", "blob", "hot-lrs"),
    "abfs": ("azure", "blob", "hot-lrs"),
    "abfss": ("azure", "blob", "hot-lrs"),
    "wasb": ("azure", "blob", "hot-lrs"),
    "wasbs": ("azure", "blob", "hot-lrs"),
    "oci": ("oci", "object-storage", "standard"),
}
"""Scheme of an address → provider, service and the tier that objects land in by default."""

_DEFAULT_TIERS = {
    "s3": "standard",
    "gcs": "standard",
    "blob": "hot-lrs",
    "object-storage": "standard",
    "ebs": "gp3",
    "persistent-disk": "balanced",
    "managed-disk": "standard-ssd",
    "fsx-lustre": "scratch_2",
    "local": "local",
    "snapshot": "snapshot",
}
"""Service → the tier meant where only the service is named."""

_BLOCK = {
    "aws": ("ebs", "gp3"),
    "gcp": ("persistent-disk", "balanced"),
    "azure": ("managed-disk", "standard-ssd"),
}
"""Provider → the block storage that a local path is taken to be on."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")

Place = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Tier:
    """*per_gb* for the bytes of a month from *start* up to *end* (None: without end)."""

    start: int
    end: int | None
    per_gb: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """What moving bytes of one class costs: tiers of a calendar month, in order and without gap."""

    sku: str
    """``provider/region/network/class``."""
    tiers: tuple[Tier, ...]
    currency: str = "USD"
    source: str = ""
    as_of: date | None = None
    origin: str = "shipped"
    quality: str = "fresh"

    def __post_init__(self) -> None:
        edge: int | None = 0
        for tier in self.tiers:
            if tier.start != edge or tier.per_gb < 0:
                raise BadInput(f"{self.sku}: tiers must follow one another from 0, each from 0 up")
            edge = tier.end
        if edge is not None:
            raise BadInput(f"{self.sku}: the last tier must have no end")

    def of(self, quanta: int, already: int = 0) -> Money:
        """The cost of *quanta* bytes after *already* bytes of the same month, to the nearest nano.

        Exact within the sum: the parts of all tiers are added as fractions and rounded once.

        >>> gb = 2**30
        >>> tiers = (Tier(0, 100 * gb, Decimal(0)), Tier(100 * gb, None, Decimal("0.09")))
        >>> out = Tariff("aws/us-east-1/network/internet", tiers)
        >>> out.of(150 * gb).text(), out.of(50 * gb, already=100 * gb).text()
        ('4.500000000', '4.500000000')

        Raises:
            BadInput: a count of bytes below 0.
        """
        return Money.nearest(self.exactly(quanta, already), self.currency)

    def exactly(self, quanta: int, already: int = 0) -> Fraction:
        """As :meth:`of`, unrounded, so that parts of a month can be added without loss."""
        if quanta < 0 or already < 0:
            raise BadInput(f"bytes moved are at least 0, not {quanta} after {already}")
        total = Fraction(0)
        for tier in self.tiers:
            low = max(tier.start, already)
            high = already + quanta if tier.end is None else min(tier.end, already + quanta)
            if high > low:
                total += Fraction(tier.per_gb) * (high - low) / GIB
        return total

    def at(self, already: int = 0) -> Price:
        """The price of the next byte after *already* bytes of the month."""
        tier = next(t for t in self.tiers if t.end is None or already < t.end)
        return Price(
            sku=self.sku,
            amount=tier.per_gb,
            unit="gb",
            currency=self.currency,
            source=self.source,
            as_of=self.as_of,
            origin=self.origin,
            quality=self.quality,
        )


def network_tariff(home: Path, place: Place, traffic_class: str, at_ns: int) -> Tariff | NoPrice:
    """The tariff of one class of traffic; see :meth:`trainfare.prices.book.PriceBook.network_price`."""
    provider, region = place
    sku = f"{provider or '?'}/{region or '?'}/network/{traffic_class}"
    stated = _stated(home, sku, "gb", at_ns)
    if stated is not None:
        return _flat(stated)
    if provider is None:
        return NoPrice(sku, "nobody is known to charge for this machine's traffic")
    for where in (region, ANY_REGION):
        rows = list(rows_starting("network", provider, where, traffic_class)) if where else []
        if rows:
            return _tariff(sku, rows, at_ns)
    return NoPrice(
        sku,
        f"no {traffic_class} price of {provider} in {region or 'an unknown region'} is known; "
        f"state it: trainfare prices set --sku {sku} --price AMOUNT/gb",
    )


def storage_rate(home: Path, place: Place, tier_or_uri: str, at_ns: int) -> Price | NoPrice:
    """The price per GB-month; see :meth:`trainfare.prices.book.PriceBook.storage_price`."""
    provider, region = place
    scheme = _SCHEME.match(tier_or_uri)
    said = ""
    if scheme and scheme[1] != "file":
        if scheme[1] not in _STORES:
            return NoPrice(tier_or_uri, f"no price list names storage at {scheme[1]}://")
        owner, service, tier = _STORES[scheme[1]]
        if owner != provider:
            region = None
        provider, said = owner, f"tier {tier} and the region {region} assumed"
    elif scheme or tier_or_uri.startswith(("/", ".", "~")) or not tier_or_uri:
        if provider not in _BLOCK:
            why = "no provider is known to charge for this disk"
            return NoPrice(f"{provider or '?'}/{region or '?'}/disk/default", why)
        service, tier = _BLOCK[provider]
        said = f"disk assumed to be {service} {tier}"
    else:
        service, _, tier = tier_or_uri.partition("/")
        tier = tier or _DEFAULT_TIERS.get(service, "?")
    sku = f"{provider or '?'}/{region or '?'}/{service}/{tier}"
    stated = _stated(home, sku, "gb_month", at_ns)
    if stated is not None:
        return stated
    if provider is None or region is None:
        return NoPrice(
            sku, f"the region of {tier_or_uri or 'the disk'} is unknown, and prices differ"
        )
    for row in rows_starting("storage", provider, region, service, tier, "gb_month"):
        return _storage_price(sku, row, said, at_ns)
    return NoPrice(
        sku,
        f"no price of {service} {tier} of {provider} in {region} is known; "
        f"state it: trainfare prices set --sku {sku} --price AMOUNT/gb_month",
    )


def _stated(home: Path, sku: str, unit: str, at_ns: int) -> Price | None:
    """The user's own or a learnt price of exactly this SKU and unit, or None."""
    day = day_of(at_ns)
    mine = [o for o in read_overrides(home) if o.aim == "sku" and o.name == sku and o.unit == unit]
    best = best_override([o for o in mine if o.amount is not None], day)
    if best is not None:
        return _of_override(best)
    learnt = find_learnt(home, sku, day)
    return learnt.price(at_ns) if learnt is not None and learnt.unit == unit else None


def _of_override(override: Override) -> Price:
    return Price(
        sku=override.name,
        amount=exact_decimal(override.hourly),
        unit=override.unit,
        currency=override.currency,
        source=override.describe(),
        as_of=override.set_on or override.start,
        origin="override",
    )


def _flat(price: Price) -> Tariff:
    """One price for every byte."""
    return Tariff(
        sku=price.sku,
        tiers=(Tier(0, None, price.amount),),
        currency=price.currency,
        source=price.source,
        as_of=price.as_of,
        origin=price.origin,
        quality=price.quality,
    )


def _tariff(sku: str, rows: Sequence[Sequence[str]], at_ns: int) -> Tariff:
    as_of = min((row[6] for row in rows), key=instant_of)
    return Tariff(
        sku=sku,
        tiers=_tiers(rows),
        source=_titled(rows[0][7], as_of),
        as_of=day_of(instant_of(as_of)),
        quality=quality_of("network", as_of, at_ns),
    )


def _tiers(rows: Sequence[Sequence[str]]) -> tuple[Tier, ...]:
    """The tiers in order of volume; the table is in order of text."""
    tiers = [
        Tier(int(row[3]) * GIB, int(row[4]) * GIB if row[4] else None, Decimal(row[5]))
        for row in rows
    ]
    return tuple(sorted(tiers, key=lambda tier: tier.start))


def _storage_price(sku: str, row: Sequence[str], said: str, at_ns: int) -> Price:
    _, _, _, _, _, usd, as_of, source = row
    words = [_titled(source, as_of), said]
    return Price(
        sku=sku,
        amount=Decimal(usd),
        unit="gb_month",
        source="; ".join(word for word in words if word),
        as_of=day_of(instant_of(as_of)),
        origin="shipped",
        quality=quality_of("storage", as_of, at_ns),
    )


def _titled(source: str, as_of: str) -> str:
    day = "" if is_known_to_the_day(as_of) else f"; of {as_of}, day not stated"
    return sources()[source].title + day
