"""Prices and what machines will cost, as JSON with stable keys."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from trainfare.core.errors import NotFound
from trainfare.core.machine import Machine
from trainfare.core.price import NoPrice, Price
from trainfare.flows.fare import Fare, Job, hours_text
from trainfare.prices.age import age_days, day_of, quality_of
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import ANY_REGION, Listing
from trainfare.prices.market import exact_name, list_price, providers_of, regions_of


def rate_text(amount: Decimal) -> str:
    """A rate as files carry it: up to 9 places, no useless zeros.

    >>> rate_text(Decimal("55.0400")), rate_text(Decimal("0.3970319634703"))
    ('55.04', '0.397031963')
    """
    return f"{round(amount, 9).normalize():f}"


def price_age(price: Price, at_ns: int) -> int | None:
    """Whole days between a price's date and an instant; None where it has no date."""
    return None if price.as_of is None else abs((day_of(at_ns) - price.as_of).days)


def price_json(price: Price, at_ns: int) -> dict[str, Any]:
    """A price with stable keys."""
    return {
        "sku": price.sku,
        "amount": rate_text(price.amount),
        "unit": price.unit,
        "currency": price.currency,
        "origin": price.origin,
        "source": price.source,
        "as_of": price.as_of.isoformat() if price.as_of else None,
        "age_days": price_age(price, at_ns),
        "quality": price.quality,
        "reference": price.is_reference,
    }


def listing_json(item: Listing, at_ns: int) -> dict[str, Any]:
    """A listing with stable keys; the specification is null where it is not known."""
    spec = find_spec(item.provider, item.name)
    return {
        "sku": item.sku,
        "provider": item.provider,
        "region": item.region,
        "name": item.name,
        "option": item.option,
        "amount": rate_text(item.amount),
        "high": None if item.high is None else rate_text(item.high),
        "unit": item.unit,
        "currency": item.currency,
        "accelerator": (spec.accelerator or None) if spec else None,
        "accelerators": _number(spec.accelerator_count) if spec else None,
        "vcpus": _number(spec.vcpus) if spec else None,
        "memory_gib": _number(spec.memory_gib) if spec else None,
        "origin": item.origin,
        "source": item.source,
        "confidence": item.confidence or None,
        "as_of": item.as_of,
        "age_days": age_days(item.as_of, at_ns),
        "quality": quality_of(item.option, item.as_of, at_ns),
        "reference": item.is_reference,
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else rate_text(value)


def estimate_json(job: Job, found: list[Fare]) -> dict[str, Any]:
    """The answer with stable keys; money as text."""
    return {
        "instance": job.instance,
        "provider": job.provider,
        "option": job.option,
        "hours": hours_text(job.hours),
        "count": job.count,
        "estimates": [
            {
                "region": fare.region,
                "currency": fare.price.currency,
                "estimated": job.costs(fare.price.amount, fare.price.currency).text(),
                "estimated_high": job.costs(fare.high, fare.price.currency).text()
                if fare.high is not None
                else None,
                "price": price_json(fare.price, job.at_ns),
            }
            for fare in found
        ],
    }


def known_price_json(price: Price, listing: Listing | None, at_ns: int) -> dict[str, Any]:
    """The price that holds, and beside it the listing and the specification."""
    return {
        "price": price_json(price, at_ns),
        "listing": None if listing is None else listing_json(listing, at_ns),
    }


def option_text(option: str) -> str:
    """A purchase option in words: ``on demand``, ``1 year committed``."""
    words = option.replace("commit_1y", "1-year").replace("commit_3y", "3-year")
    return words.replace("_", " ")


def find_price(
    home: Path, sku: str, provider: str | None, region: str | None, option: str, at_ns: int
) -> tuple[Price, Listing | None]:
    """The price that holds for a machine, and its listing.

    Raises:
        NotFound: nobody lists it, or it has its own price in each of several regions.
    """
    if sku.count("/") == 3:
        provider, region, sku, option = sku.split("/")
    name = exact_name(home, sku)
    sellers = providers_of(home, name)
    provider = provider or (sellers[0] if len(sellers) == 1 else None)
    listed = regions_of(home, provider, name, option) if provider else []
    if region is None and len(listed) == 1:
        region = listed[0].region
    machine = Machine(
        "prices-show",
        "prices-show",
        provider=provider,
        region=None if region == ANY_REGION else region,
        instance_type=name,
        purchase_option=option,
    )
    price = PriceBook(home).machine_price(machine, at_ns)
    if isinstance(price, NoPrice) and region is None and listed:
        raise NotFound(
            f"{name} has its own {option_text(option)} price in {len(listed)} regions "
            f"({', '.join(item.region for item in listed[:4])} …); say --region"
        )
    if isinstance(price, NoPrice):
        raise NotFound(f"no price for {name}: {price.why}")
    listing = None
    if provider and region:
        listing = list_price(home, (provider, region), name, option, at_ns)
    return price, listing
