"""FOCUS files: a delivery as FOCUS 1.0, 1.2 or 1.4, in CSV, CSV.gz or Parquet.

Source: FinOps Open Cost and Usage Specification 1.0, 1.2, 1.4; the ``x_`` columns of AWS's and
Azure's own exports.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import format_instant
from trainfare.simulation.delivery import Delivery
from trainfare.simulation.line import (
    BILLERS,
    Kind,
    Line,
    Provider,
    decimal_text,
    quantity_text,
)
from trainfare.simulation.table_file import Row, write_table

_FIRST = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountCategory",
    "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus",
    "CommitmentDiscountType", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory",
    "ServiceName", "SkuId", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
)  # fmt: skip
_SECOND = (
    "BillingAccountType", "CapacityReservationId", "CapacityReservationStatus",
    "CommitmentDiscountQuantity", "CommitmentDiscountUnit", "InvoiceId", "PricingCurrency",
    "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "ServiceSubcategory", "SkuMeter", "SkuPriceDetails",
    "SubAccountType",
)  # fmt: skip
_FOURTH = (
    "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
    "AllocatedTags", "CommitmentProgramEligibilityDetails", "ContractApplied", "HostProviderName",
    "InvoiceDetailId", "ServiceProviderName",
)  # fmt: skip
VERSIONS = {
    "1.0": _FIRST,
    "1.2": tuple(sorted((*_FIRST, *_SECOND))),
    "1.4": tuple(sorted({*_FIRST, *_SECOND, *_FOURTH} - {"ProviderName", "PublisherName"})),
}
"""FOCUS version → its columns."""

_AZURE = (
    "x_BilledCostInUsd", "x_BillingExchangeRate", "x_EffectiveCostInUsd", "x_PricingBlockSize",
    "x_ResourceGroupName", "x_SkuMeterCategory", "x_SkuMeterId", "x_SkuMeterSubcategory",
)  # fmt: skip
_CATEGORIES = {
    Kind.USAGE: ("Usage", "Usage-Based"),
    Kind.UNUSED: ("Usage", "Usage-Based"),
    Kind.PURCHASE: ("Purchase", "Recurring"),
    Kind.UPFRONT: ("Purchase", "One-Time"),
    Kind.FEE: ("Purchase", "Recurring"),
    Kind.TAX: ("Tax", "One-Time"),
    Kind.CREDIT: ("Credit", "One-Time"),
    Kind.REFUND: ("Adjustment", "One-Time"),
    Kind.CORRECTION: ("Usage", "Usage-Based"),
}
"""What a line is → ChargeCategory and ChargeFrequency."""


def write_focus(
    delivery: Delivery, folder: Path, *, version: str = "1.2", form: str = "csv"
) -> Path:
    """Write *delivery* as ``NAME-focus-VERSION.FORM`` in *folder*.

    Args:
        delivery: of any provider.
        folder: is made.
        version: one of :data:`VERSIONS`.
        form: csv, csv.gz or parquet (amounts as decimals).

    Raises:
        BadInput: the version is none of them, or the form is no such.
    """
    if version not in VERSIONS:
        raise BadInput(f"FOCUS {version} is not one of {', '.join(VERSIONS)}")
    columns = list(VERSIONS[version])
    if delivery.provider is Provider.AWS:
        columns += ["x_Operation", "x_ServiceCode"]
        columns += ["x_UsageType"] if version == "1.0" else []
    path = folder / f"{delivery.name}-focus-{version}.{form}"
    return write_table(path, columns, focus_rows(delivery), kinds=parquet_kinds(columns))


def write_azure_focus(delivery: Delivery, folder: Path, *, form: str = "csv") -> Path:
    """Write *delivery* as Azure's own FOCUS export: 1.2 with columns of Azure's.

    Raises:
        BadInput: it is not Azure's.
    """
    if delivery.provider is not Provider.AZURE:
        raise BadInput(f"{delivery.name} is not a bill of Azure's; write it as FOCUS")
    columns = [*VERSIONS["1.2"], *_AZURE]
    path = folder / f"{delivery.name}-azure-focus.{form}"
    return write_table(path, columns, focus_rows(delivery), kinds=parquet_kinds(columns))


def parquet_kinds(columns: list[str]) -> dict[str, str]:
    """What each FOCUS column holds in Parquet."""
    kinds = {}
    for name in columns:
        if name.endswith(("Cost", "CostInUsd")):
            kinds[name] = "decimal"
        elif "Period" in name:
            kinds[name] = "time"
        elif name.endswith(("Quantity", "UnitPrice")):
            kinds[name] = "double"
    return kinds


def focus_rows(delivery: Delivery) -> Iterator[Row]:
    """Every line of *delivery* as a row of FOCUS, with the columns of all versions and providers."""
    biller = BILLERS[delivery.provider]
    month = delivery.period.interval
    same = {
        "BillingAccountId": biller.account,
        "BillingAccountName": "Acme Labs",
        "BillingAccountType": "Billing Account",
        "BillingCurrency": biller.currency,
        "BillingPeriodStart": format_instant(month.start_ns),
        "BillingPeriodEnd": format_instant(month.end_ns),
        "InvoiceId": f"INV-{delivery.name}" if delivery.is_final else "",
        "InvoiceIssuerName": biller.issuer,
        "PricingCurrency": biller.currency,
        "SubAccountType": "Account",
        "x_BillingExchangeRate": "1",
        "x_PricingBlockSize": "1",
        **dict.fromkeys(("ProviderName", "PublisherName"), biller.name),
        **dict.fromkeys(("HostProviderName", "ServiceProviderName"), biller.name),
    }
    for line in delivery.lines:
        yield {**same, **_about(line), **_money(line), **_commitment(line)}


def _about(line: Line) -> Row:
    """What was sold, where and when."""
    product, place = line.product, line.place
    category, frequency = _CATEGORIES[line.kind]
    details = json.dumps({"InstanceType": product.machine}) if product.machine else ""
    return {
        "AvailabilityZone": place.zone,
        "ChargeCategory": category,
        "ChargeClass": "Correction" if line.kind in (Kind.CORRECTION, Kind.REFUND) else "",
        "ChargeDescription": described(line),
        "ChargeFrequency": frequency,
        "ChargePeriodStart": format_instant(line.interval.start_ns),
        "ChargePeriodEnd": format_instant(line.interval.end_ns),
        "RegionId": place.region,
        "RegionName": place.region,
        "ResourceId": place.resource_id,
        "ResourceName": place.name,
        "ResourceType": place.kind,
        "ServiceCategory": product.category,
        "ServiceName": product.service,
        "SkuId": product.sku,
        "SkuMeter": product.meter,
        "SkuPriceId": f"{product.sku}.ONDEMAND",
        "SkuPriceDetails": details,
        "SubAccountId": place.account,
        "SubAccountName": place.account,
        "Tags": json.dumps(dict(line.tags)) if line.tags else "",
        "x_Operation": product.operation,
        "x_ServiceCode": product.code,
        "x_UsageType": product.meter,
        "x_ResourceGroupName": "training",
        "x_SkuMeterCategory": product.service,
        "x_SkuMeterId": product.sku,
        "x_SkuMeterSubcategory": product.operation,
    }


def described(line: Line) -> str:
    """A line in words; spot usage begins with the machine, as AWS writes it."""
    product = line.product
    if line.kind in (Kind.TAX, Kind.CREDIT, Kind.REFUND, Kind.FEE):
        return f"{line.kind.capitalize()} of {product.service}"
    if product.is_spot:
        return f"{product.machine} Linux/UNIX Spot Instance-hour"
    return f"{product.meter}, per {product.unit}"


def _money(line: Line) -> Row:
    """Amounts, unit prices and quantities; quantities only where something was used."""
    effective = decimal_text(line.effective_nano)
    row = {
        "BilledCost": decimal_text(line.billed_nano),
        "EffectiveCost": effective,
        "ListCost": decimal_text(line.list_nano),
        "ContractedCost": decimal_text(line.contracted_nano),
        "PricingCurrencyEffectiveCost": effective,
        "x_BilledCostInUsd": decimal_text(line.billed_nano),
        "x_EffectiveCostInUsd": effective,
        "PricingCategory": _pricing(line),
    }
    if line.kind in (Kind.USAGE, Kind.CORRECTION):
        quantity = quantity_text(line.quantity)
        row |= {"PricingQuantity": quantity, "PricingUnit": line.product.unit}
        row |= {"ConsumedQuantity": quantity, "ConsumedUnit": line.product.unit}
        if line.quantity > 0:
            row["ListUnitPrice"] = decimal_text(int(line.list_nano / line.quantity))
            row["ContractedUnitPrice"] = decimal_text(int(line.contracted_nano / line.quantity))
    return row


def _pricing(line: Line) -> str:
    if line.kind in (Kind.TAX, Kind.CREDIT, Kind.REFUND):
        return ""
    if line.commitment is not None and line.kind in (Kind.USAGE, Kind.UNUSED):
        return "Committed"
    return "Dynamic" if line.product.is_spot else "Standard"


def _commitment(line: Line) -> Row:
    """The commitment of what it covers, of what it does not, and of its purchase."""
    if line.commitment is None:
        return {}
    row = {
        "CommitmentDiscountCategory": line.commitment.category,
        "CommitmentDiscountId": line.commitment.id,
        "CommitmentDiscountName": line.commitment.name,
        "CommitmentDiscountType": line.commitment.kind,
    }
    if line.kind in (Kind.USAGE, Kind.UNUSED):
        row["CommitmentDiscountStatus"] = "Used" if line.kind is Kind.USAGE else "Unused"
        row["CommitmentDiscountQuantity"] = quantity_text(line.quantity)
        row["CommitmentDiscountUnit"] = line.product.unit
    return row
