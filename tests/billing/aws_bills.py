"""What the tests of AWS bills share: invented line items, written as each kind of report does."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LINE = {
    "identity_line_item_id": "abc",
    "bill_bill_type": "Anniversary",
    "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
    "bill_billing_period_end_date": "2026-11-01T00:00:00.000Z",
    "bill_payer_account_id": "111122223333",
    "line_item_usage_account_id": "444455556666",
    "line_item_currency_code": "USD",
    "line_item_line_item_type": "Usage",
    "line_item_product_code": "AmazonEC2",
    "line_item_usage_start_date": "2026-10-05T10:00:00.000Z",
    "line_item_usage_end_date": "2026-10-05T11:00:00.000Z",
    "line_item_usage_type": "USE1-BoxUsage:p4d.24xlarge",
    "line_item_operation": "RunInstances",
    "line_item_resource_id": "i-0123456789abcdef0",
    "line_item_usage_amount": "1.0",
    "line_item_unblended_cost": "32.7726",
    "line_item_line_item_description": "$32.7726 per On Demand Linux p4d.24xlarge Instance Hour",
    "pricing_public_on_demand_cost": "32.7726",
    "pricing_unit": "Hrs",
    "product_instance_type": "p4d.24xlarge",
    "product_region_code": "us-east-1",
    "product_product_name": "Amazon Elastic Compute Cloud",
    "savings_plan_savings_plan_a_r_n": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
    "savings_plan_amortized_upfront_commitment_for_billing_period": "",
    "reservation_reservation_a_r_n": "",
    "reservation_effective_cost": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "",
    "tags": {"user:run_id": "run-1"},
}
"""One hour of a machine on demand, by CUR 2.0 names; *tags* stands for a report's tag columns."""

PLAN = "arn:aws:savingsplans::111122223333:savingsplan/plan-1"
LEASE = "arn:aws:ec2:us-east-1:111122223333:reserved-instances/lease-1"

_LEGACY_GROUPS = {
    "split_line_item_": "splitLineItem/",
    "savings_plan_": "savingsPlan/",
    "line_item_": "lineItem/",
    "reservation_": "reservation/",
    "identity_": "identity/",
    "pricing_": "pricing/",
    "product_": "product/",
    "bill_": "bill/",
}
_LOWER_FIRST = (
    "product_region",
    "product_instance",
    "product_sku",
    "pricing_public",
    "pricing_unit",
)


def lines(*changes: dict[str, object]) -> list[dict]:
    """One line item for each of *changes* to :data:`LINE`."""
    return [{**LINE, **change} for change in changes]


def legacy_name(name: str) -> str:
    """What the legacy report calls a CUR 2.0 column."""
    prefix = next(prefix for prefix in _LEGACY_GROUPS if name.startswith(prefix))
    rest = "".join(word.title() for word in name[len(prefix) :].split("_"))
    if name.startswith(_LOWER_FIRST):
        rest = rest[0].lower() + rest[1:]
    return _LEGACY_GROUPS[prefix] + rest


def legacy(items: list[dict]) -> str:
    """Line items as a legacy CUR: a column for each tag."""
    keys = sorted({key for item in items for key in item["tags"]})
    rows = [
        {
            **{legacy_name(name): value for name, value in item.items() if name != "tags"},
            **{f"resourceTags/{key}": item["tags"].get(key, "") for key in keys},
        }
        for item in items
    ]
    return _csv(rows)


def cur2(items: list[dict]) -> str:
    """Line items as a CUR 2.0 CSV: maps as JSON text."""
    return _csv([_with_maps(item, json.dumps) for item in items])


def write_cur2_parquet(path: Path, items: list[dict], **options: object) -> Path:
    """Line items as a CUR 2.0 Parquet file: maps, doubles and timestamps."""
    rows = [_with_maps(item, lambda entries: list(entries.items())) for item in items]
    kind = pa.map_(pa.string(), pa.string())
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if name in ("product", "resource_tags"):
            columns[name] = pa.array(values, kind)
        elif name.endswith("_date") and not name.endswith("_to_date"):
            moments = [datetime.fromisoformat(value.removesuffix("Z")) for value in values]
            columns[name] = pa.array(moments, pa.timestamp("ms"))
        elif name.endswith(("_cost", "_fee", "_amount", "_date", "_commitment", "_period")):
            columns[name] = pa.array([float(value) if value else None for value in values])
        else:
            columns[name] = pa.array(values, pa.string())
    pq.write_table(pa.table(columns), path, **options)
    return path


def _with_maps(item: dict, spelt: object) -> dict:
    row = {name: value for name, value in item.items() if name != "tags"}
    row["product"] = spelt({"product_name": row.pop("product_product_name")})
    row["resource_tags"] = spelt({key.replace(":", "_"): v for key, v in item["tags"].items()})
    return row


def _csv(rows: list[dict]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def amortised(item: dict) -> Decimal:
    """The amortised cost of one line item, as the Cloud Intelligence Dashboards' SQL has it."""

    def amount(name: str) -> Decimal:
        return Decimal(item[name] or 0)

    match item["line_item_line_item_type"]:
        case "SavingsPlanCoveredUsage":
            return amount("savings_plan_savings_plan_effective_cost")
        case "SavingsPlanRecurringFee":
            total = amount("savings_plan_total_commitment_to_date")
            return total - amount("savings_plan_used_commitment")
        case "SavingsPlanNegation" | "SavingsPlanUpfrontFee":
            return Decimal(0)
        case "DiscountedUsage":
            return amount("reservation_effective_cost")
        case "RIFee":
            unused = "reservation_unused_amortized_upfront_fee_for_billing_period"
            return amount(unused) + amount("reservation_unused_recurring_fee")
        case "Fee" if item["reservation_reservation_a_r_n"]:
            return Decimal(0)
        case "Refund" if item["line_item_product_code"] == "ComputeSavingsPlans":
            return Decimal(0)
        case _:
            return amount("line_item_unblended_cost")
