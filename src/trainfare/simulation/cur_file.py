"""Cost and Usage Reports: a delivery of AWS as legacy CUR or CUR 2.0, in a folder with its manifest.

The report says cash and commitments its own way: what a savings plan covers costs its on-demand
price, which a negation row per hour and usage type takes back; the fee's row says how much of the
commitment was used; a reservation's fee row says what was not.

Source: AWS CUR and Data Exports user guides.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import Interval, format_instant
from trainfare.simulation.commitment import INSTANCE_RESERVATION, SAVINGS_PLAN
from trainfare.simulation.delivery import Delivery
from trainfare.simulation.focus_file import described
from trainfare.simulation.line import (
    BILLERS,
    Kind,
    Line,
    Product,
    Provider,
    decimal_text,
    quantity_text,
)
from trainfare.simulation.table_file import Row, write_bytes, write_table

REPORT = "acme-cur"
"""Name of the report."""

_NAMES = {
    "identity_line_item_id": "identity/LineItemId",
    "identity_time_interval": "identity/TimeInterval",
    "bill_invoice_id": "bill/InvoiceId",
    "bill_billing_entity": "bill/BillingEntity",
    "bill_invoicing_entity": "bill/InvoicingEntity",
    "bill_bill_type": "bill/BillType",
    "bill_payer_account_id": "bill/PayerAccountId",
    "bill_billing_period_start_date": "bill/BillingPeriodStartDate",
    "bill_billing_period_end_date": "bill/BillingPeriodEndDate",
    "line_item_usage_account_id": "lineItem/UsageAccountId",
    "line_item_line_item_type": "lineItem/LineItemType",
    "line_item_usage_start_date": "lineItem/UsageStartDate",
    "line_item_usage_end_date": "lineItem/UsageEndDate",
    "line_item_product_code": "lineItem/ProductCode",
    "line_item_usage_type": "lineItem/UsageType",
    "line_item_operation": "lineItem/Operation",
    "line_item_availability_zone": "lineItem/AvailabilityZone",
    "line_item_resource_id": "lineItem/ResourceId",
    "line_item_usage_amount": "lineItem/UsageAmount",
    "line_item_currency_code": "lineItem/CurrencyCode",
    "line_item_unblended_cost": "lineItem/UnblendedCost",
    "line_item_blended_cost": "lineItem/BlendedCost",
    "line_item_line_item_description": "lineItem/LineItemDescription",
    "line_item_tax_type": "lineItem/TaxType",
    "line_item_legal_entity": "lineItem/LegalEntity",
    "pricing_public_on_demand_cost": "pricing/publicOnDemandCost",
    "pricing_term": "pricing/term",
    "pricing_unit": "pricing/unit",
    "pricing_currency": "pricing/currency",
    "product_instance_type": "product/instanceType",
    "product_region_code": "product/regionCode",
    "product_sku": "product/sku",
    "reservation_reservation_a_r_n": "reservation/ReservationARN",
    "reservation_effective_cost": "reservation/EffectiveCost",
    "reservation_unused_recurring_fee": "reservation/UnusedRecurringFee",
    "reservation_unused_amortized_upfront_fee_for_billing_period": (
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"
    ),
    "savings_plan_savings_plan_a_r_n": "savingsPlan/SavingsPlanARN",
    "savings_plan_savings_plan_effective_cost": "savingsPlan/SavingsPlanEffectiveCost",
    "savings_plan_total_commitment_to_date": "savingsPlan/TotalCommitmentToDate",
    "savings_plan_used_commitment": "savingsPlan/UsedCommitment",
}
"""CUR 2.0 column → legacy column."""

_TYPES = {
    Kind.USAGE: "Usage",
    Kind.UPFRONT: "Fee",
    Kind.FEE: "Fee",
    Kind.TAX: "Tax",
    Kind.CREDIT: "Credit",
    Kind.REFUND: "Refund",
    Kind.CORRECTION: "Refund",
}
_UNITS = {"Hours": "Hrs"}
_AMOUNTS = ("_cost", "_fee", "_commitment", "_to_date", "_for_billing_period")


def write_cur(
    delivery: Delivery, folder: Path, *, version: str = "2.0", form: str = "csv.gz"
) -> Path:
    """Write *delivery* as a report of two files and its manifest below *folder*.

    Args:
        delivery: of AWS.
        folder: is made.
        version: ``legacy`` or ``2.0``.
        form: csv or csv.gz; of CUR 2.0 also parquet (amounts as doubles, tags as maps).

    Returns:
        The folder of the delivery, which is what a user imports.

    Raises:
        BadInput: the delivery is not AWS's, or there is no such version or form.
    """
    if delivery.provider is not Provider.AWS:
        raise BadInput(f"{delivery.name} is not a bill of AWS's")
    if version not in ("legacy", "2.0") or (version, form) == ("legacy", "parquet"):
        raise BadInput(f"there is no cost and usage report {version} as {form}")
    rows = list(_rows(delivery, is_map=form == "parquet"))
    keys = sorted({key for line in delivery.lines for key, _ in line.tags})
    columns = [*_NAMES, "product", "resource_tags"]
    kinds = {name: "time" for name in columns if name.endswith(("start_date", "end_date"))}
    kinds |= {name: "double" for name in columns if name.endswith(_AMOUNTS)}
    kinds |= {"product": "map", "resource_tags": "map"}
    if version == "legacy":
        rows = [_legacy(row) for row in rows]
        columns = [*_NAMES.values(), "product/ProductName"]
        columns += [f"resourceTags/user:{key}" for key in keys]
    half = (len(rows) + 1) // 2
    parts = [rows[:half], rows[half:]] if len(rows) > 1 else [rows]
    root = folder / f"{delivery.name}-cur-{version}-{form.replace('.', '-')}"
    names = _layout(delivery, version, form, len(parts))
    for name, part in zip(names, parts, strict=True):
        write_table(root / name, columns, part, kinds=kinds)
    _write_manifest(delivery, root, version, names)
    return root


def _layout(delivery: Delivery, version: str, form: str, parts: int) -> list[str]:
    """Where the files lie below the delivery's folder."""
    names = [f"{REPORT}-{number:05d}.{form}" for number in range(1, parts + 1)]
    if version == "legacy":
        return [f"{_stretch(delivery)}/{name}" for name in names]
    return [f"data/BILLING_PERIOD={delivery.period}/{name}" for name in names]


def _stretch(delivery: Delivery) -> str:
    """``20261001-20261101``."""
    month = delivery.period.interval
    return "-".join(
        format_instant(at)[:10].replace("-", "") for at in (month.start_ns, month.end_ns)
    )


def _write_manifest(delivery: Delivery, root: Path, version: str, names: Sequence[str]) -> None:
    month = delivery.period.interval
    if version == "legacy":
        place = f"{_stretch(delivery)}/{REPORT}-Manifest.json"
        told: dict[str, object] = {
            "assemblyId": f"assembly-{delivery.number}",
            "account": BILLERS[Provider.AWS].account,
            "charset": "UTF-8",
            "contentType": "text/csv",
            "reportName": REPORT,
            "billingPeriod": {
                "start": format_instant(month.start_ns),
                "end": format_instant(month.end_ns),
            },
            "reportKeys": list(names),
        }
    else:
        place = f"metadata/BILLING_PERIOD={delivery.period}/{REPORT}-Manifest.json"
        told = {
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:111122223333:export/{REPORT}",
            "executionId": f"execution-{delivery.number:04d}",
            "dataFiles": [f"s3://acme-billing/exports/{REPORT}/{name}" for name in names],
        }
    write_bytes(root / place, (json.dumps(told, indent=1) + "\n").encode())


def _legacy(row: Row) -> Row:
    """The same row under the columns of the legacy report."""
    renamed = {_NAMES[name]: text for name, text in row.items() if name in _NAMES}
    product, tags = (json.loads(row.get(name) or "{}") for name in ("product", "resource_tags"))
    renamed["product/ProductName"] = product.get("product_name", "")
    for key, value in tags.items():
        renamed[f"resourceTags/user:{key.removeprefix('user_')}"] = value
    return renamed


def _rows(delivery: Delivery, *, is_map: bool) -> Iterator[Row]:
    """Every row of the report, numbered anew in each delivery."""
    for number, (row, line) in enumerate(_items(delivery.lines), start=1):
        seed = f"{delivery.name}/{number}".encode()
        product = {"product_name": line.product.service, "region": line.place.region}
        tags = {f"user_{key}": value for key, value in line.tags}
        yield {
            **_same(delivery),
            **_about(line),
            **row,
            "identity_line_item_id": hashlib.sha256(seed).hexdigest()[:40],
            "product": _cell(product, is_map=is_map),
            "resource_tags": _cell(tags, is_map=is_map),
        }


def _cell(pairs: dict[str, str], *, is_map: bool) -> str:
    """A map as Parquet's writer takes it, or as the JSON text of the CSV export."""
    if is_map:
        return "\n".join(f"{key}={value}" for key, value in pairs.items())
    return json.dumps(pairs)


def _same(delivery: Delivery) -> Row:
    month = delivery.period.interval
    return {
        "bill_invoice_id": f"{delivery.number}00{delivery.period.month:02d}"
        if delivery.is_final
        else "",
        "bill_billing_entity": "AWS",
        "bill_invoicing_entity": "Amazon Web Services, Inc.",
        "bill_bill_type": "Anniversary",
        "bill_payer_account_id": BILLERS[Provider.AWS].account,
        "bill_billing_period_start_date": format_instant(month.start_ns),
        "bill_billing_period_end_date": format_instant(month.end_ns),
        "line_item_currency_code": "USD",
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "pricing_currency": "USD",
    }


def _about(line: Line) -> Row:
    """What was sold, where and when; negation and fees overwrite what they say otherwise."""
    start, end = format_instant(line.interval.start_ns), format_instant(line.interval.end_ns)
    product, place = line.product, line.place
    return {
        "identity_time_interval": f"{start}/{end}",
        "line_item_line_item_type": _TYPES.get(line.kind, ""),
        "line_item_usage_account_id": place.account,
        "line_item_usage_start_date": start,
        "line_item_usage_end_date": end,
        "line_item_product_code": product.code,
        "line_item_usage_type": product.meter,
        "line_item_operation": product.operation,
        "line_item_availability_zone": place.zone,
        "line_item_resource_id": place.resource_id,
        "line_item_usage_amount": quantity_text(line.quantity),
        "line_item_unblended_cost": cash_text(line.billed_nano),
        "line_item_blended_cost": cash_text(line.billed_nano * 97 // 100),  # never to be read
        "line_item_line_item_description": described(line),
        "pricing_public_on_demand_cost": cash_text(line.list_nano),
        "pricing_term": "Spot" if product.is_spot else "OnDemand",
        "pricing_unit": _UNITS.get(product.unit, product.unit),
        # Spot rows carry no instance type of their own.
        "product_instance_type": "" if product.is_spot else product.machine,
        "product_region_code": place.region,
        "product_sku": product.sku,
    }


def cash_text(nano: int) -> str:
    """An amount as reports write it: very small ones in E notation.

    >>> cash_text(320), cash_text(1_500_000_000)
    ('3.2E-7', '1.5')
    """
    digits = str(abs(nano))
    if not 0 < abs(nano) < 1000:
        return decimal_text(nano)
    power = len(digits) - 10
    rest = digits[1:].rstrip("0")
    return f"{'-' if nano < 0 else ''}{digits[0]}{'.' if rest else ''}{rest}E{power}"


def _items(lines: Iterable[Line]) -> Iterator[tuple[Row, Line]]:
    """Each row of the report: what it says otherwise than its line, and the line it comes from."""
    unused: dict[tuple[object, int], int] = defaultdict(int)
    negated: dict[tuple[Interval, Product, str], list[Line]] = defaultdict(list)
    listed = list(lines)
    for line in listed:
        if line.kind is Kind.UNUSED:
            unused[line.commitment, line.interval.start_ns] += line.effective_nano
    for line in listed:
        covered = line.kind is Kind.USAGE and line.commitment == SAVINGS_PLAN
        if covered:
            negated[line.interval, line.product, line.place.zone].append(line)
        if line.kind is not Kind.UNUSED:
            left = unused[line.commitment, line.interval.start_ns]
            yield _committed(line, left), line
    for group in negated.values():
        first = group[0]
        row = {
            "line_item_line_item_type": "SavingsPlanNegation",
            "line_item_resource_id": "",
            "line_item_unblended_cost": cash_text(-sum(line.contracted_nano for line in group)),
            "line_item_usage_amount": quantity_text(
                sum((line.quantity for line in group), Fraction(0))
            ),
            "line_item_line_item_description": f"SavingsPlanNegation used by {first.place.account}",
            "savings_plan_savings_plan_a_r_n": SAVINGS_PLAN.id,
            "resource_tags": "",
        }
        yield row, first


def _committed(line: Line, left: int) -> Row:
    """What a row says of its commitment; *left* is what of the commitment was not used."""
    effective, billed = cash_text(line.effective_nano), cash_text(line.billed_nano)
    if line.commitment == SAVINGS_PLAN and line.kind is Kind.USAGE:
        return {
            "line_item_line_item_type": "SavingsPlanCoveredUsage",
            "line_item_unblended_cost": cash_text(line.contracted_nano),
            "savings_plan_savings_plan_a_r_n": SAVINGS_PLAN.id,
            "savings_plan_savings_plan_effective_cost": effective,
        }
    if line.commitment == SAVINGS_PLAN:
        return {
            "line_item_line_item_type": "SavingsPlanRecurringFee",
            "savings_plan_savings_plan_a_r_n": SAVINGS_PLAN.id,
            "savings_plan_total_commitment_to_date": billed,
            "savings_plan_used_commitment": cash_text(line.billed_nano - left),
        }
    if line.commitment == INSTANCE_RESERVATION and line.kind is Kind.USAGE:
        return {
            "line_item_line_item_type": "DiscountedUsage",
            "reservation_reservation_a_r_n": INSTANCE_RESERVATION.id,
            "reservation_effective_cost": effective,
        }
    if line.commitment == INSTANCE_RESERVATION and line.kind is Kind.PURCHASE:
        return {
            "line_item_line_item_type": "RIFee",
            "reservation_reservation_a_r_n": INSTANCE_RESERVATION.id,
            "reservation_unused_recurring_fee": cash_text(left // 2),
            "reservation_unused_amortized_upfront_fee_for_billing_period": cash_text(
                left - left // 2
            ),
        }
    if line.commitment == INSTANCE_RESERVATION:
        return {"reservation_reservation_a_r_n": INSTANCE_RESERVATION.id}
    return {}
