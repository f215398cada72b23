"""Invoices: a delivery of the small GPU cloud as its own CSV, and the mapping file that explains it.

Days are written 31.10.2026, amounts ``1,204.50 €``, fields are parted by semicolons. The mapping is
what a user would write for ``trainfare bill import --mapping``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.simulation.delivery import Delivery
from trainfare.simulation.line import BILLERS, Kind, Provider, decimal_text, quantity_text
from trainfare.simulation.table_file import Row, write_bytes, write_table

_COLUMNS = (
    "From", "To", "Product", "Item", "Kind", "Resource", "Type", "Quantity", "Unit", "Amount",
    "Month", "Team", "Run",
)  # fmt: skip
_KINDS = {Kind.USAGE: "rental", Kind.TAX: "VAT", Kind.CREDIT: "rebate"}

MAPPING = f"""\
provider = "{BILLERS[Provider.RENTED].name}"

[columns]
BilledCost = "Amount"
ChargePeriodStart = "From"
ChargePeriodEnd = "To"
BillingPeriodStart = "Month"
ServiceName = "Product"
ChargeDescription = "Item"
SkuMeter = "Item"
ChargeCategory = "Kind"
ResourceId = "Resource"
ResourceType = "Type"
ConsumedQuantity = "Quantity"
ConsumedUnit = "Unit"

[constants]
BillingAccountId = "{BILLERS[Provider.RENTED].account}"
BillingCurrency = "{BILLERS[Provider.RENTED].currency}"

[values.ChargeCategory]
rental = "Usage"
VAT = "Tax"
rebate = "Credit"

[tags]
team = "Team"
run_id = "Run"

[times]
format = "%d.%m.%Y"

[numbers]
thousands = ","
strip = " €"

[csv]
delimiter = ";"
"""
"""The mapping file of the small GPU cloud's bills."""


def write_invoice(delivery: Delivery, folder: Path) -> tuple[Path, Path]:
    """Write *delivery* as ``NAME.csv`` and its ``mapping.toml`` in *folder*; the two paths.

    Raises:
        BadInput: it is a bill of a provider with a format of its own.
    """
    if delivery.provider is not Provider.RENTED:
        raise BadInput(f"{delivery.name} is not a bill of the small GPU cloud")
    path = folder / f"{delivery.name}.csv"
    write_table(path, _COLUMNS, _rows(delivery), delimiter=";")
    return path, write_bytes(folder / "mapping.toml", MAPPING.encode())


def _rows(delivery: Delivery) -> Iterator[Row]:
    month = _day(delivery.period.interval.start_ns)
    for line in delivery.lines:
        tags = dict(line.tags)
        yield {
            "From": _day(line.interval.start_ns),
            "To": _day(line.interval.end_ns),
            "Product": line.product.service,
            "Item": line.product.meter,
            "Kind": _KINDS[line.kind],
            "Resource": line.place.resource_id,
            "Type": line.place.kind,
            "Quantity": quantity_text(line.quantity),
            "Unit": line.product.unit,
            "Amount": euro_text(line.billed_nano),
            "Month": month,
            "Team": tags.get("team", ""),
            "Run": tags.get("run_id", ""),
        }


def _day(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // SECOND, UTC):%d.%m.%Y}"


def euro_text(nano: int) -> str:
    """An amount as people write it, with all its decimals.

    >>> euro_text(1_204_500_000_000)
    '1,204.5 €'
    """
    whole, dot, places = decimal_text(nano).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{dot}{places} €"
