"""What the tests of bills share: sample data, a small FOCUS bill as text, and reading to the end."""

from __future__ import annotations

import csv
import io
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainfare.billing.bill import read_bill

DATA = Path(__file__).parents[3] / "shared" / "data" / "bills"

CHARGE = {
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-05T10:00:00Z",
    "ChargePeriodEnd": "2026-10-05T11:00:00Z",
    "ChargeCategory": "Usage",
    "BillingAccountId": "123456789012",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "ServiceCategory": "Compute",
    "ProviderName": "AWS",
    "ResourceId": "i-0abc",
    "Tags": '{"team": "nlp"}',
}
"""One charge that needs no repair."""

VIEWS = {
    "x_BilledNano": "BilledCost",
    "x_EffectiveNano": "EffectiveCost",
    "x_ListNano": "ListCost",
    "x_ContractedNano": "ContractedCost",
}


def sample(name: str) -> Path:
    """A file of real sample data, or skip the test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"sample data {name} is not here; tests of real samples need shared/data")
    return path


def samples(pattern: str) -> list[Path]:
    """Every sample that *pattern* matches; one that is absent when there are none."""
    return sorted(DATA.glob(pattern)) or [DATA / pattern]


def charges(*changes: dict[str, str | None]) -> str:
    """A FOCUS bill as CSV text: one charge for each of *changes* to :data:`CHARGE`."""
    rows = [{**CHARGE, **change} for change in changes]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(folder: Path, text: str | bytes, name: str = "bill.csv") -> Path:
    """*text* in a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_parquet(folder: Path, columns: dict, name: str = "bill.parquet", **options) -> Path:
    """Arrow columns in a Parquet file."""
    path = folder / name
    pq.write_table(pa.table(columns), path, **options)
    return path


def read(place: Path | str, **options):
    """The bill at *place*, read to its end, and its rows."""
    with read_bill(place, **options) as bill:
        rows = [row for batch in bill.batches() for row in batch.to_pylist()]
    return bill, rows


def exact_sums(rows: list[dict], columns: list[str]) -> dict[str, Decimal]:
    """Column → exact sum of its decimals, read by Python's own csv and decimal modules."""
    with localcontext() as context:
        context.prec = 200
        return {
            column: sum(
                (
                    Decimal(row[column])
                    for row in rows
                    if (row.get(column) or "NULL").upper() != "NULL"
                ),
                Decimal(0),
            )
            for column in columns
        }
