"""Google's detailed export: a delivery as JSON lines, as BigQuery writes the table out.

One machine is several rows (GPUs, cores, memory), windows begin and end at the very second, costs
are before credits, and discounts stand in the credits of each row. What a commitment to spend covers
costs its rate, and the fee of each hour is offset by what was used.

Source: Google Cloud Billing, "Structure of Detailed data export".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
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
from trainfare.simulation.table_file import write_bytes

_HOURLY = {"seconds": ("hour", 3600), "gibibyte-seconds": ("gibibyte hour", 3600)}
"""Unit of usage → unit of the price, and how many make one."""


def write_google(delivery: Delivery, folder: Path, *, form: str = "jsonl") -> Path:
    """Write *delivery* as ``NAME.jsonl`` (or ``jsonl.gz``) in *folder*.

    Raises:
        BadInput: it is not a bill of Google's.
    """
    if delivery.provider is not Provider.GCP:
        raise BadInput(f"{delivery.name} is not a bill of Google's")
    text = "".join(f"{json.dumps(row)}\n" for row in _rows(delivery))
    return write_bytes(folder / f"{delivery.name}.{form}", text.encode())


def _rows(delivery: Delivery) -> Iterator[dict[str, object]]:
    biller, month = BILLERS[Provider.GCP], str(delivery.period).replace("-", "")
    exported = _time(delivery.period.next().interval.start_ns)
    for line in delivery.lines:
        yield {
            "billing_account_id": biller.account,
            "service": {"id": line.product.code, "description": line.product.service},
            "sku": {"id": line.product.sku, "description": line.product.meter},
            "usage_start_time": _time(line.interval.start_ns),
            "usage_end_time": _time(line.interval.end_ns),
            "project": _project(line),
            "labels": [{"key": key, "value": value} for key, value in line.tags],
            "system_labels": _system_labels(line),
            "location": {
                "location": line.place.zone or line.place.region,
                "country": "US",
                "region": line.place.region,
                "zone": line.place.zone or None,
            },
            "resource": _resource(line),
            "tags": [],
            "export_time": exported,
            "cost": decimal_text(_cost(line)),
            "cost_at_list": decimal_text(line.list_nano),
            "cost_at_effective_price_default": decimal_text(line.contracted_nano),
            "consumption_model": _model(line),
            "currency": biller.currency,
            "currency_conversion_rate": "1",
            "usage": _usage(line),
            "credits": _credits(line),
            "invoice": {"month": month, "publisher_type": "GOOGLE"},
            "cost_type": "tax" if line.kind is Kind.TAX else "regular",
            "transaction_type": "GOOGLE",
            "seller_name": biller.issuer,
            "adjustment_info": _adjustment(line),
        }


def _time(at_ns: int) -> str:
    """``2026-10-01 00:00:00 UTC``."""
    return format_instant(at_ns).replace("T", " ").replace("Z", " UTC")


def _project(line: Line) -> dict[str, object]:
    account = line.place.account
    return {
        "id": account,
        "number": "412233445566",
        "name": account,
        "labels": [],
        "ancestors": [{"resource_name": "organizations/7788990011", "display_name": "acme"}],
        "ancestry_numbers": "/7788990011/",
    }


def _system_labels(line: Line) -> list[dict[str, str]]:
    if not line.product.machine:
        return []
    return [{"key": "compute.googleapis.com/machine_spec", "value": line.product.machine}]


def _resource(line: Line) -> dict[str, str] | None:
    place = line.place
    if not place.resource_id:
        return None
    return {"name": place.name, "global_name": place.resource_id}


def _usage(line: Line) -> dict[str, str]:
    unit = line.product.unit
    priced, size = _HOURLY.get(unit, (unit, 1))
    return {
        "amount": quantity_text(line.quantity),
        "unit": unit,
        "amount_in_pricing_units": quantity_text(line.quantity / Fraction(size)),
        "pricing_unit": priced,
    }


def _is_covered(line: Line) -> bool:
    return line.kind is Kind.USAGE and line.commitment is not None


def _cost(line: Line) -> int:
    """The cost before credits."""
    return line.billed_nano if _is_covered(line) else line.contracted_nano


def _model(line: Line) -> dict[str, str]:
    """At which prices something was used: the default ones, or those of a commitment."""
    if _is_covered(line) and line.commitment is not None:
        return {"id": "7754-699E-0EBF", "description": line.commitment.name}
    return {"id": "", "description": "Default"}


def _credits(line: Line) -> list[dict[str, str]]:
    """What is paid less than the cost says."""
    nano = line.billed_nano - _cost(line)
    if not nano:
        return []
    name, kind = "Sustained Usage Discount", "SUSTAINED_USAGE_DISCOUNT"
    if line.kind is Kind.UNUSED:
        name, kind = "Fee utilization offset", "FEE_UTILIZATION_OFFSET"
    full_name = f"{name}: {line.product.meter}"
    text = decimal_text(nano)
    return [{"name": name, "full_name": full_name, "amount": text, "id": "", "type": kind}]


def _adjustment(line: Line) -> dict[str, str] | None:
    if line.kind is not Kind.CORRECTION:
        return None
    return {
        "id": "adjust-1",
        "description": "usage was measured too high",
        "mode": "PARTIAL_CORRECTION",
        "type": "USAGE_CORRECTION",
    }
