"""Forms of price sheets: how each known one is laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from trainfare.core.errors import BadInput
from trainfare.prices.sheet_reading import (
    Reading,
    amount_in,
    are_filled,
    is_currency,
    is_date,
    listing_of,
    region_of,
    rows,
    stated_date,
)

_OPTION = re.compile(r"[a-z0-9_]+")
_HOURS = frozenset({"h", "hour", "hours", "hrs", "hr", "1 hour", "1 hours"})
_PROVIDERS = {
    "aws": "aws",
    "amazon web services": "aws",
    "azure": "azure",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "gcp": "gcp",
    "google": "gcp",
    "google cloud": "gcp",
    "oracle": "oci",
    "oci": "oci",
    "oracle cloud infrastructure": "oci",
}
_CATEGORIES = {"Standard": "on_demand", "Dynamic": "spot"}
_TERM_MONTHS = {"12": "commit_1y", "36": "commit_3y"}


def _read_csv(reading: Reading, text: str) -> None:
    columns = ("provider", "region", "name", "option", "amount")
    for number, cells in rows(reading, text, *((column,) for column in columns)):
        if not are_filled(reading, number, cells, *columns):
            continue
        amount = amount_in(reading, number, "amount", cells["amount"])
        as_of = cells.get("as_of") or reading.sheet.as_of
        currency = cells.get("currency") or "USD"
        if not _OPTION.fullmatch(cells["option"]):
            reading.complain(number, "option", cells["option"], "is not like on_demand or spot")
        elif as_of is None:
            reading.complain(number, "as_of", "", "is empty; fill it or give --as-of DATE")
        elif amount is not None and is_date(reading, number, as_of):
            provider, region = cells["provider"].lower(), region_of(cells["region"])
            words = (provider, region, cells["name"], cells["option"])
            item = replace(listing_of(reading, words, amount), as_of=as_of, currency=currency)
            if is_currency(reading, number, currency):
                reading.add(number, item, "amount")


def _read_skypilot(reading: Reading, text: str) -> None:
    if reading.sheet.provider is None:
        raise BadInput("a skypilot catalogue does not name its provider; give --provider")
    stated_date(reading)
    provider = reading.sheet.provider.lower()
    needed = ("InstanceType",), ("Price",), ("Region",)
    spot: dict[tuple[str, str], dict[str, tuple[int, Decimal]]] = {}
    for number, cells in rows(reading, text, *needed):
        if not cells["InstanceType"]:
            reading.passed_over["parts without an instance type"] += 1
            continue
        if not are_filled(reading, number, cells, "Region"):
            continue
        region, name = region_of(cells["Region"]), cells["InstanceType"]
        if cells["Price"]:
            amount = amount_in(reading, number, "Price", cells["Price"])
            if amount is not None:
                words = (provider, region, name, "on_demand")
                reading.add(number, listing_of(reading, words, amount), "Price")
        if cells.get("SpotPrice"):
            amount = amount_in(reading, number, "SpotPrice", cells["SpotPrice"])
            zone = cells.get("AvailabilityZone") or "any"
            if amount is not None:
                spot.setdefault((region, name), {})[zone] = (number, amount)
    for (region, name), known in spot.items():
        zones = {zone: amount for zone, (_, amount) in sorted(known.items())}
        item = listing_of(reading, (provider, region, name, "spot"), min(zones.values()))
        first = min(number for number, _ in known.values())
        if "any" not in zones:
            item = replace(item, high=max(zones.values()), zones=zones)
        reading.add(first, item, "SpotPrice")


_GO_REGION = re.compile(r'(?:^\s*"(?P<aws>[a-z0-9-]+)":\s*\{)|(?:\["(?P<azure>[a-z0-9]+)"\]\s*=)')
_GO_PRICE = re.compile(r'"(?P<name>[^"]+)":\s*(?P<amount>[^,}\s]+)\s*,?')
_GO_DATE = re.compile(r"generated at (\d{4}-\d\d-\d\d)T")


def _read_karpenter(reading: Reading, text: str) -> None:
    provider = "azure" if "initialOnDemandPrices[" in text else "aws"
    stated = _GO_DATE.search(text)
    as_of = stated[1] if stated else stated_date(reading)
    region = ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = _GO_REGION.search(line)
        if start:
            region = start["aws"] or start["azure"]
        entries = line[start.end() :] if start else line
        if not region or entries.lstrip().startswith(("//", "import", "var", "func")):
            continue
        for entry in _GO_PRICE.finditer(entries):
            reading.rows_seen += 1
            name = entry["name"]
            if provider == "azure" and not name.startswith(("Standard_", "Basic_")):
                reading.passed_over["dedicated hosts"] += 1
                continue
            amount = amount_in(reading, number, name, entry["amount"])
            if amount is not None:
                item = listing_of(reading, (provider, region, name, "on_demand"), amount)
                currency = "CNY" if region.startswith("cn-") else "USD"
                reading.add(number, replace(item, as_of=as_of, currency=currency), name)


def _read_focus(reading: Reading, text: str) -> None:
    needed = (
        ("ContractedUnitPrice", "ListUnitPrice"),
        ("PricingUnit",),
        ("RegionId", "x_SkuRegion"),
        ("SkuPriceDetails", "x_SkuDetails", "x_InstanceType"),
    )
    for number, cells in rows(reading, text, *needed):
        name = cells.get("x_InstanceType") or _detail(reading, number, cells, "InstanceType")
        if not name:
            reading.passed_over["prices of other things than instances"] += 1
            continue
        if cells["PricingUnit"].lower() not in _HOURS:
            reading.passed_over[f"prices per {cells['PricingUnit'] or 'nothing'}"] += 1
            continue
        column = "ContractedUnitPrice" if cells.get("ContractedUnitPrice") else "ListUnitPrice"
        option = _CATEGORIES.get(cells.get("PricingCategory") or "Standard")
        option = option or _TERM_MONTHS.get(cells.get("x_SkuTerm", ""))
        if option is None:
            reading.passed_over[f"{cells['PricingCategory']} prices without a term"] += 1
            continue
        seller = cells.get("ServiceProviderName") or cells.get("ProviderName") or ""
        provider = reading.sheet.provider or _PROVIDERS.get(seller.lower(), seller.lower())
        region = region_of(cells.get("RegionId") or cells.get("x_SkuRegion") or "")
        as_of = (cells.get("x_EffectivePeriodStart") or "")[:10] or reading.sheet.as_of
        if not provider or not region:
            column = "RegionId" if provider else "ServiceProviderName"
            reading.complain(number, column, "", "is empty")
        elif as_of is None:
            reading.complain(
                number, "x_EffectivePeriodStart", "", "is empty; fill it or give --as-of DATE"
            )
        elif is_date(reading, number, as_of):
            amount = amount_in(reading, number, column, cells[column])
            currency = cells.get("PricingCurrency") or cells.get("BillingCurrency") or "USD"
            if amount is not None and is_currency(reading, number, currency):
                item = listing_of(reading, (provider, region, name, option), amount)
                reading.add(number, replace(item, as_of=as_of, currency=currency), column)


def _detail(reading: Reading, row: int, cells: dict[str, str], key: str) -> str:
    """One word of the JSON details of a SKU; empty where there is none."""
    column = "SkuPriceDetails" if "SkuPriceDetails" in cells else "x_SkuDetails"
    text = cells.get(column, "")
    if not text:
        return ""
    try:
        details = json.loads(text)
        return str(details.get(key) or "")
    except (ValueError, AttributeError, RecursionError):
        reading.complain(row, column, text, "is not a JSON object")
        return ""


FORMS: dict[str, Callable[[Reading, str], None]] = {
    "csv": _read_csv,
    "skypilot": _read_skypilot,
    "karpenter": _read_karpenter,
    "focus-pricesheet": _read_focus,
}
"""Format → its reader."""
