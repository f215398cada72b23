"""Azure's exports: a delivery as actual and amortised cost, in a folder with a manifest for each.

The actual export has purchases and bills what they cover at 0; the amortised one has neither
purchases nor zeros, but a row for every day of a reservation that nobody used. Days are written
month first, the last day of the billing period is its last, tags stand without braces, and amounts
have eighteen decimals.

Source: Microsoft Cost Management, "Understand usage details fields" and "Exports".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.simulation.delivery import Delivery
from trainfare.simulation.line import (
    BILLERS,
    DAY,
    Kind,
    Line,
    Provider,
    decimal_text,
    quantity_text,
)
from trainfare.simulation.table_file import Row, write_bytes, write_table

_COLUMNS = (
    "InvoiceSectionName", "AccountName", "SubscriptionId", "SubscriptionName", "ResourceGroup",
    "ResourceLocation", "Date", "ProductName", "MeterCategory", "MeterSubCategory", "MeterId",
    "MeterName", "MeterRegion", "UnitOfMeasure", "Quantity", "EffectivePrice",
    "CostInBillingCurrency", "CostCenter", "ConsumedService", "ResourceId", "Tags", "OfferId",
    "AdditionalInfo", "ServiceInfo1", "ServiceInfo2", "ResourceName", "ReservationId",
    "ReservationName", "UnitPrice", "ProductOrderId", "ProductOrderName", "Term", "PublisherType",
    "PublisherName", "ChargeType", "Frequency", "PricingModel", "AvailabilityZone",
    "BillingAccountId", "BillingAccountName", "BillingCurrencyCode", "BillingPeriodStartDate",
    "BillingPeriodEndDate", "BillingProfileId", "BillingProfileName", "IsAzureCreditEligible",
    "PartNumber", "PayGPrice", "PlanName", "ServiceFamily", "benefitId", "benefitName",
)  # fmt: skip
_MEASURES = {"Hours": "1 Hour", "Disk-Months": "1/Month", "GB-Months": "1 GB/Month", "GB": "1 GB"}


def write_azure(delivery: Delivery, folder: Path, *, form: str = "csv") -> Path:
    """Write *delivery* as both exports below *folder*.

    Args:
        delivery: of Azure.
        folder: is made.
        form: csv, csv.gz or parquet (as text).

    Returns:
        The folder of the two exports, which is what a user imports.

    Raises:
        BadInput: the delivery is not Azure's.
    """
    if delivery.provider is not Provider.AZURE:
        raise BadInput(f"{delivery.name} is not a bill of Azure's")
    root = folder / f"{delivery.name}-exports"
    for name, kind in (("actual", "ActualCost"), ("amortized", "AmortizedCost")):
        rows = list(_rows(delivery, is_amortised=name == "amortized"))
        days = "-".join(_ymd(at) for at in _first_and_last(delivery))
        blob = f"acme-{name}/{days}/run-{delivery.number:04d}/part_0_0001.{form}"
        write_table(root / blob, _COLUMNS, rows)
        start, end = (f"{_iso(at)}T00:00:00" for at in _first_and_last(delivery))
        manifest = {
            "manifestVersion": "2024-04-01",
            "blobCount": 1,
            "dataRowCount": len(rows),
            "exportConfig": {
                "exportName": f"acme-{name}",
                "type": kind,
                "timeFrame": "MonthToDate",
            },
            "runInfo": {
                "executionType": "Scheduled",
                "submittedTime": f"{end[:8]}28T{delivery.number:02d}:00:00Z",
                "startDate": start,
                "endDate": end,
            },
            "blobs": [{"blobName": blob, "dataRowCount": len(rows)}],
        }
        place = (root / blob).parent / "manifest.json"
        write_bytes(place, (json.dumps(manifest, indent=1) + "\n").encode())
    return root


def _first_and_last(delivery: Delivery) -> tuple[int, int]:
    """The first and the last day of the billing period."""
    month = delivery.period.interval
    return month.start_ns, month.end_ns - DAY


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // SECOND, UTC)


def _ymd(at_ns: int) -> str:
    return f"{_moment(at_ns):%Y%m%d}"


def _iso(at_ns: int) -> str:
    return f"{_moment(at_ns):%Y-%m-%d}"


def _slashes(at_ns: int) -> str:
    """Month first: 10/01/2026."""
    return f"{_moment(at_ns):%m/%d/%Y}"


def _rows(delivery: Delivery, *, is_amortised: bool) -> Iterator[Row]:
    first, last = _first_and_last(delivery)
    biller = BILLERS[Provider.AZURE]
    same = {
        "BillingAccountId": biller.account.rpartition("/")[2],
        "BillingAccountName": "Acme Labs",
        "BillingCurrencyCode": biller.currency,
        "BillingPeriodStartDate": _slashes(first),
        "BillingPeriodEndDate": _slashes(last),
        "BillingProfileId": biller.account.rpartition("/")[2],
        "BillingProfileName": "Acme Labs",
        "PublisherType": "Azure",
        "PublisherName": "Microsoft",
        "ResourceGroup": "training",
    }
    for line in delivery.lines:
        bought = line.kind in (Kind.PURCHASE, Kind.UPFRONT)
        if bought if is_amortised else line.kind is Kind.UNUSED:
            continue
        nano = line.effective_nano if is_amortised else line.billed_nano
        yield {**same, **_about(line), **_committed(line), "CostInBillingCurrency": _amount(nano)}


def _amount(nano: int) -> str:
    """Eighteen decimals, the last nine of them 0.

    >>> _amount(1_500_000_000)
    '1.500000000000000000'
    """
    text = decimal_text(nano)
    whole, _, places = text.partition(".")
    return f"{whole}.{places:0<18}"


def _about(line: Line) -> Row:
    product, place = line.product, line.place
    tags = json.dumps(dict(line.tags))[1:-1] if line.tags else ""
    details = json.dumps({"ServiceType": product.machine}) if product.machine else ""
    quantity = line.quantity
    return {
        "SubscriptionId": place.account,
        "SubscriptionName": "acme training",
        "ResourceLocation": place.region,
        "Date": _slashes(line.interval.start_ns),
        "ProductName": f"{product.service} {product.operation} - {product.meter} - US East 2",
        "MeterCategory": product.service,
        "MeterSubCategory": product.operation,
        "MeterId": product.sku,
        "MeterName": product.meter,
        "MeterRegion": "US East 2",
        "UnitOfMeasure": _MEASURES.get(product.unit, f"1 {product.unit}"),
        "Quantity": quantity_text(quantity),
        "UnitPrice": decimal_text(int(line.contracted_nano / quantity)) if quantity else "0",
        "PayGPrice": decimal_text(int(line.list_nano / quantity)) if quantity else "0",
        "ConsumedService": product.code,
        "ResourceId": place.resource_id,
        "ResourceName": place.name,
        "Tags": tags,
        "AdditionalInfo": details,
        "PartNumber": f"AAH-{product.sku[:5]}",
        "ServiceFamily": product.category,
    }


def _committed(line: Line) -> Row:
    """Charge type, frequency, pricing model and commitment."""
    types = {
        Kind.USAGE: ("Usage", "UsageBased"),
        Kind.UNUSED: ("UnusedReservation", "UsageBased"),
        Kind.PURCHASE: ("Purchase", "Recurring"),
        Kind.UPFRONT: ("Purchase", "OneTime"),
    }
    charge, frequency = types[line.kind]
    row = {"ChargeType": charge, "Frequency": frequency, "PricingModel": "OnDemand"}
    if line.commitment is not None:
        row |= {
            "PricingModel": "Reservation",
            "ReservationId": line.commitment.id.rpartition("/")[2],
            "ReservationName": line.commitment.name,
            "ProductOrderName": line.commitment.name,
            "benefitId": line.commitment.id,
            "benefitName": line.commitment.name,
            "Term": "12",
        }
    return row
