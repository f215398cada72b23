"""Azure's public Retail Prices API: no account needed, one query per region.

One VM size has 13 rows (Windows, Cloud Services, low priority, dev/test …), of which four are of
use. Two traps: a reservation's ``retailPrice`` is the total of its term although its unit of
measure says one hour; and filters are case-sensitive, so rows are filtered here, by product name.

Source: prices.azure.com/api/retail/prices, api-version 2023-01-01-preview (only the preview has
savings plans).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import quote, urlsplit

from trainfare.core.errors import OutsideFailed
from trainfare.prices.download import fetch_json
from trainfare.prices.feed import Delivery, Feed, Request
from trainfare.prices.listing import Listing, exact_decimal

TERM_HOURS = {"1 Year": 8_760, "3 Years": 26_280, "5 Years": 43_800}
"""Hours that a reservation's total is for."""

PAGE_LIMIT = 2_000
"""Pages of one query beyond which the server is leading us in circles."""

_TERMS = {"1 Year": "1y", "3 Years": "3y"}


def deliver(request: Request) -> Iterator[Delivery]:
    """The Linux virtual machine prices of one region, from as many pages as there are."""
    wanted = (
        "serviceName eq 'Virtual Machines' and armRegionName eq "
        f"'{request.region}' and (priceType eq 'Consumption' or priceType eq 'Reservation')"
    )
    query = f"api-version=2023-01-01-preview&$filter={quote(wanted)}"
    listings: dict[tuple[str, str], Listing] = {}
    seen = 0
    queries: set[str] = set()
    while query:
        if query in queries or len(queries) >= PAGE_LIMIT:
            raise OutsideFailed(f"Azure's pages lead in circles after {seen} rows; nothing stored")
        queries.add(query)
        answer = fetch_json(request.line, f"{request.url}?{query}")
        assert answer is not None
        rows = answer[0].get("Items")
        if not isinstance(rows, list):
            raise OutsideFailed("Azure's answer has no Items; nothing was stored")
        seen += len(rows)
        for row in rows:
            for item in read_row(row, request.now):
                if item.region != request.region:
                    continue
                listings[item.name, item.option] = item
        # Only the query of the next page is taken, so that a mirror is never left.
        query = urlsplit(str(answer[0].get("NextPageLink") or "")).query
    yield Delivery(request.region, list(listings.values()), seen)


def read_row(row: dict[str, Any], now: str) -> list[Listing]:
    """The prices that one row of the answer states: none, one, or one and its savings plans.

    >>> row = {"productName": "Virtual Machines Basv2 Series", "skuName": "B16als v2",
    ...        "meterName": "B16als v2", "type": "Reservation", "reservationTerm": "1 Year",
    ...        "retailPrice": Decimal("3478.0"), "armSkuName": "Standard_B16als_v2",
    ...        "armRegionName": "australiacentral", "currencyCode": "USD"}
    >>> [(item.option, f"{item.amount:.6f}") for item in read_row(row, "2026-11-23")]
    [('commit_1y', '0.397032')]
    """
    product, sku = str(row.get("productName", "")), str(row.get("skuName", ""))
    meter, kind = str(row.get("meterName", "")), str(row.get("type", ""))
    name, region = row.get("armSkuName"), row.get("armRegionName")
    if not name or not region or product.endswith(" Windows") or "Cloud Services" in product:
        return []
    if "Low Priority" in sku or "Low Priority" in meter or row.get("isPrimaryMeterRegion") is False:
        return []
    price = Fraction(str(row.get("retailPrice", "")) or "0")
    found: list[tuple[str, Fraction]] = []
    if kind == "Reservation":
        term = str(row.get("reservationTerm", ""))
        if term in _TERMS:
            found.append((f"commit_{_TERMS[term]}", price / TERM_HOURS[term]))
    elif kind == "Consumption" and row.get("unitOfMeasure", "1 Hour") == "1 Hour":
        is_spot = " Spot" in sku or " Spot" in meter
        found.append(("spot" if is_spot else "on_demand", price))
        for plan in row.get("savingsPlan") or []:
            term = str(plan.get("term", ""))
            if term in _TERMS:
                option = f"commit_{_TERMS[term]}_savings_plan"
                found.append((option, Fraction(str(plan["retailPrice"]))))
    return [
        Listing(
            provider="azure",
            region=str(region),
            name=str(name),
            option=option,
            amount=_amount(amount),
            as_of=now,
            source="Azure Retail Prices API",
            origin="refreshed",
            currency=str(row.get("currencyCode", "USD")),
            code=str(row.get("skuId", "")),
        )
        for option, amount in found
    ]


def _amount(amount: Fraction) -> Decimal:
    return exact_decimal(amount)


FEED = Feed(
    name="azure-retail",
    provider="azure",
    url="https://prices.azure.com/api/retail/prices",
    deliver=deliver,
    about="Azure Retail Prices API; about 8,000 rows a region; no account needed",
)
"""What the refresh flow runs."""
