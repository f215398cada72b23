"""AWS through its API, with the user's own credentials: on-demand prices and spot prices by zone.

Needs the ``aws`` extra (boto3). GetProducts answers with products as JSON *strings*; it is asked
with the filters that leave one product per instance type. DescribeSpotPriceHistory, asked from now
on, answers with the current price of each type in each zone.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed
from trainfare.prices.aws_offer import hourly_usd, instance_of, on_demand_listing
from trainfare.prices.feed import Delivery, Feed, Request
from trainfare.prices.listing import Listing

_FILTERS = {
    "serviceCode": "AmazonEC2",
    "preInstalledSw": "NA",
    "operatingSystem": "Linux",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}

_LINUX = ("Linux/UNIX", "Linux/UNIX (Amazon VPC)")


def deliver(request: Request) -> Iterator[Delivery]:
    """The on-demand Linux prices of one region, from GetProducts."""
    best: dict[str, tuple[int, Listing]] = {}
    seen = 0
    with _explained("GetProducts"):
        client = _client("pricing", "us-east-1", request)
        wanted = {**_FILTERS, "regionCode": request.region}
        filters = [{"Type": "TERM_MATCH", "Field": k, "Value": v} for k, v in wanted.items()]
        pages = client.get_paginator("get_products").paginate(
            ServiceCode="AmazonEC2", Filters=filters
        )
        for page in pages:
            for text in page.get("PriceList", []):
                seen += 1
                found = read_product(text, request.now)
                if found and found[1].region == request.region:
                    rank, item = found
                    if item.name not in best or rank < best[item.name][0]:
                        best[item.name] = (rank, item)
    yield Delivery(request.region, [item for _, item in best.values()], seen)


def read_product(text: str, now: str) -> tuple[int, Listing] | None:
    """The rank and listing that one PriceList item states, or None if it is no Linux instance."""
    product = json.loads(text)
    found = instance_of(product.get("product", {}))
    amount = hourly_usd(product.get("terms", {}).get("OnDemand", {}))
    if found is None or amount is None:
        return None
    name, region, rank = found
    source = f"AWS price list API, version {product.get('version', 'not stated')}"
    code = str(product["product"].get("sku", ""))
    return rank, on_demand_listing(name, region, amount, now=now, source=source, code=code)


def deliver_spot(request: Request) -> Iterator[Delivery]:
    """The current spot price of every Linux instance type in each zone of one region."""
    zones: dict[str, dict[str, tuple[str, Decimal]]] = {}
    seen = 0
    with _explained("DescribeSpotPriceHistory"):
        client = _client("ec2", request.region, request)
        pages = client.get_paginator("describe_spot_price_history").paginate(
            StartTime=request.now, ProductDescriptions=list(_LINUX)
        )
        for page in pages:
            for row in page.get("SpotPriceHistory", []):
                seen += 1
                add_spot_row(zones, row)
    yield Delivery(request.region, spot_listings(zones, request), seen)


def add_spot_row(zones: dict[str, dict[str, tuple[str, Decimal]]], row: dict[str, Any]) -> None:
    """Keep *row*'s price for its type and zone if it is the latest one seen."""
    if row.get("ProductDescription") not in _LINUX:
        return
    name, zone = str(row["InstanceType"]), str(row["AvailabilityZone"])
    entry = (str(row["Timestamp"]), Decimal(str(row["SpotPrice"])))
    known = zones.setdefault(name, {})
    known[zone] = max(known.get(zone, entry), entry)


def spot_listings(
    zones: dict[str, dict[str, tuple[str, Decimal]]], request: Request
) -> list[Listing]:
    """One listing per type: the cheapest zone, the dearest, and all of them by name."""
    listings = []
    for name, known in sorted(zones.items()):
        prices = {zone: Decimal(f"{p.normalize():f}") for zone, (_, p) in sorted(known.items())}
        listings.append(
            Listing(
                provider="aws",
                region=request.region,
                name=name,
                option="spot",
                amount=min(prices.values()),
                as_of=request.now,
                source="AWS spot price history",
                origin="refreshed",
                high=max(prices.values()),
                zones=prices,
            )
        )
    return listings


def has_credentials() -> bool:
    """Whether the SDK is installed and finds credentials of any kind."""
    try:
        return _library("boto3").Session().get_credentials() is not None
    except MissingExtra:
        return False


def _library(name: str) -> Any:
    """A module of the AWS SDK, by name, so that nothing inside the training process imports it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra("aws", "ask AWS for prices through its API") from None


def _client(service: str, region: str, request: Request) -> Any:
    return (
        _library("boto3")
        .Session()
        .client(
            service,
            region_name=region,
            endpoint_url=request.url or None,
            config=_library("botocore.config").Config(
                connect_timeout=request.line.timeout_seconds,
                read_timeout=request.line.timeout_seconds,
                retries={"max_attempts": request.line.attempts, "mode": "standard"},
            ),
        )
    )


@contextmanager
def _explained(call: str) -> Iterator[None]:
    """Turn what the SDK raises into one sentence."""
    errors = _library("botocore.exceptions")
    nobody = (errors.NoCredentialsError, errors.PartialCredentialsError, errors.ProfileNotFound)
    try:
        yield
    except nobody as error:
        raise BadInput(
            f"AWS credentials: {error}; set them, or use --feed aws-bulk, which needs none"
        ) from None
    except (errors.BotoCoreError, errors.ClientError) as error:
        raise OutsideFailed(f"AWS {call} failed: {error}; the last known prices stay") from None
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError) as error:
        raise OutsideFailed(
            f"AWS answered {call} with something unreadable ({error}); the last known prices stay"
        ) from None


FEED = Feed(
    name="aws-api",
    provider="aws",
    url="",
    deliver=deliver,
    about="AWS GetProducts with your credentials (extra: aws); on-demand prices",
)
"""What the refresh flow runs for on-demand prices."""

SPOT = Feed(
    name="aws-spot",
    provider="aws",
    url="",
    deliver=deliver_spot,
    about="AWS spot prices by zone with your credentials (extra: aws)",
)
"""What the refresh flow runs for spot prices."""
