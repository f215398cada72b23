"""AWS's public price lists: no account needed, but one region's EC2 list alone has up to 480 MB.

The EC2 list is read as a stream: products first, of which only the plain Linux instances are kept,
then the on-demand terms of just these; the download stops there, before the reserved terms that are
most of the file. The savings-plan list of a region names EC2 products by their SKU codes, so it
needs an earlier refresh of the on-demand prices of the same region.

Source: pricing.us-east-1.amazonaws.com/offers/v1.0/aws/…/region_index.json and …/savingsPlan/….
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.aws_offer import hourly_usd, instance_of, on_demand_listing
from trainfare.prices.download import fetch_json, open_stream, text_of
from trainfare.prices.feed import Delivery, Feed, Request
from trainfare.prices.json_stream import JsonStream
from trainfare.prices.listing import Listing

_HOST = "https://pricing.us-east-1.amazonaws.com"
_PLAN = re.compile(r"([13]) year (No|Partial|All) Upfront Compute Savings Plan", re.IGNORECASE)


def deliver(request: Request) -> Iterator[Delivery]:
    """The on-demand Linux prices of one region, unless the list's version is known already."""
    path = _current_path(request, "currentVersionUrl")
    version = path.split("/")[-3] if path.count("/") >= 3 else path
    if version == request.version:
        yield Delivery(request.region, [], 0, version=version, unchanged=True)
        return
    with open_stream(request.line, urljoin(request.url, path)) as (stream, _):
        assert stream is not None
        where = f"the AWS price list of {request.region}"
        reader = JsonStream(text_of(stream), where)
        listings, seen = _read_offers(reader, request, version)
    if not listings:
        raise OutsideFailed(f"{where} holds no Linux on-demand price; nothing was stored")
    yield Delivery(request.region, listings, seen, version=version)


def _read_offers(reader: JsonStream, request: Request, version: str) -> tuple[list[Listing], int]:
    """The listings of the stream up to the end of the on-demand terms, and the products seen."""
    chosen: dict[str, tuple[int, str]] = {}
    names: dict[str, str] = {}
    amounts: dict[str, Decimal] = {}
    seen = 0
    for section in reader.members():
        if section == "products":
            for sku in reader.members():
                seen += 1
                found = instance_of(reader.value())
                if found and found[1] == request.region:
                    name, _, rank = found
                    names[sku] = name
                    chosen[name] = min(chosen.get(name, (rank, sku)), (rank, sku))
        elif section == "terms":
            for kind in reader.members():
                if kind == "OnDemand":
                    amounts = _read_rates(reader, names)
                    break
            break
    source = f"AWS price list, version {version}"
    listings = [
        on_demand_listing(
            name, request.region, amounts[sku], now=request.now, source=source, code=sku
        )
        for name, (_, sku) in sorted(chosen.items())
        if sku in amounts
    ]
    return listings, seen


def _read_rates(reader: JsonStream, names: dict[str, str]) -> dict[str, Decimal]:
    """SKU → hourly dollars, for the SKUs of *names* in the on-demand terms here."""
    amounts = {}
    for sku in reader.members():
        if sku in names:
            amount = hourly_usd(reader.value())
            if amount is not None:
                amounts[sku] = amount
    return amounts


def deliver_savings_plans(request: Request) -> Iterator[Delivery]:
    """The compute savings plan rates of one region, for the instances whose SKU codes are known."""
    if not request.known_skus:
        raise BadInput(
            f"savings plans of {request.region} name products by AWS's codes; first run: "
            f"trainfare prices refresh --feed aws-bulk --region {request.region}"
        )
    path = _current_path(request, "versionUrl")
    if path == request.version:
        yield Delivery(request.region, [], 0, version=path, unchanged=True)
        return
    answer = fetch_json(request.line, urljoin(request.url, path))
    assert answer is not None
    listings, seen = [], 0
    plans = answer[0].get("terms", {}).get("savingsPlan", [])
    for plan in plans:
        option = plan_option(str(plan.get("description", "")))
        for rate in plan.get("rates", []):
            seen += 1
            name = request.known_skus.get(str(rate.get("discountedSku")))
            if option and name and rate.get("unit") == "Hrs":
                listings.append(_plan_listing(name, option, rate, request))
    yield Delivery(request.region, listings, seen, version=path)


def plan_option(description: str) -> str | None:
    """The purchase option that a savings plan's description names, or None for other plans.

    With nothing upfront the hourly rate is the whole price, so that one has the plain name.

    >>> plan_option("1 year No Upfront Compute Savings Plan")
    'commit_1y_savings_plan'
    >>> plan_option("3 year All Upfront Compute Savings Plan")
    'commit_3y_savings_plan_all_upfront'
    """
    match = _PLAN.search(description)
    if not match:
        return None
    upfront = match[2].lower()
    suffix = "" if upfront == "no" else f"_{upfront}_upfront"
    return f"commit_{match[1]}y_savings_plan{suffix}"


def _plan_listing(name: str, option: str, rate: dict[str, Any], request: Request) -> Listing:
    return Listing(
        provider="aws",
        region=request.region,
        name=name,
        option=option,
        amount=Decimal(str(rate["discountedRate"]["price"])),
        as_of=request.now,
        source="AWS Compute Savings Plan price list",
        origin="refreshed",
        currency=str(rate["discountedRate"].get("currency", "USD")),
        code=str(rate["discountedSku"]),
    )


def _current_path(request: Request, key: str) -> str:
    """The path of the current list of the region, on the same host as the index."""
    answer = fetch_json(request.line, request.url)
    assert answer is not None
    regions = answer[0].get("regions")
    if isinstance(regions, list):
        regions = {str(entry.get("regionCode")): entry for entry in regions}
    if not isinstance(regions, dict):
        raise OutsideFailed("the AWS region index has no regions; nothing was stored")
    entry = regions.get(request.region)
    if not isinstance(entry, dict):
        known = ", ".join(sorted(regions)[:6])
        raise BadInput(f"AWS lists no region {request.region!r}; it knows {known} …")
    path = str(entry.get(key) or entry.get("currentVersionUrl") or entry.get("versionUrl") or "")
    parts = urlsplit(path)
    if not parts.path.startswith("/"):
        raise OutsideFailed(f"the AWS region index gives no path for {request.region}")
    return parts.path


FEED = Feed(
    name="aws-bulk",
    provider="aws",
    url=f"{_HOST}/offers/v1.0/aws/AmazonEC2/current/region_index.json",
    deliver=deliver,
    about="AWS EC2 price list as a stream; up to 480 MB a region; no account needed",
)
"""What the refresh flow runs for on-demand prices."""

SAVINGS_PLANS = Feed(
    name="aws-savings-plans",
    provider="aws",
    url=f"{_HOST}/savingsPlan/v1.0/aws/AWSComputeSavingsPlan/current/region_index.json",
    deliver=deliver_savings_plans,
    about="AWS compute savings plans; after aws-bulk or aws-api of the same region",
)
"""What the refresh flow runs for savings plans."""
