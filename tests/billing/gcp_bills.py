"""What the tests of Google's bills share: invented rows, written in every form of the export."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from billing.bills import write

MACHINE = "//compute.googleapis.com/projects/lab/zones/us-central1-a/instances/8091234567890123456"
CORES = "compute.googleapis.com/cores"
SPEC = "compute.googleapis.com/machine_spec"

ROW = {
    "billing_account_id": "01A2B3-C4D5E6-F7A8B9",
    "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
    "sku": {"id": "SKU-CORE", "description": "A2 Instance Core running in Americas"},
    "usage_start_time": "2026-10-05T10:00:00Z",
    "usage_end_time": "2026-10-05T11:00:00Z",
    "project": {
        "id": "lab",
        "number": "123",
        "name": "The lab",
        "labels": [{"key": "team", "value": "nlp"}],
    },
    "labels": [{"key": "run_id", "value": "run-1"}],
    "system_labels": [{"key": CORES, "value": "12"}, {"key": SPEC, "value": "a2-highgpu-1g"}],
    "location": {"location": "us-central1", "region": "us-central1", "zone": "us-central1-a"},
    "resource": {"name": "node-1", "global_name": MACHINE},
    "tags": [],
    "cost": 1.25,
    "currency": "USD",
    "currency_conversion_rate": 1.5,
    "usage": {
        "amount": 43200.5,
        "unit": "seconds",
        "amount_in_pricing_units": 12.5,
        "pricing_unit": "hour",
    },
    "credits": [],
    "invoice": {"month": "202610"},
    "cost_type": "regular",
    "adjustment_info": None,
    "cost_at_list": 1.5,
    "subscription": None,
    "consumption_model": None,
}
"""One hour of a machine's cores, as BigQuery holds it."""

_PAIRS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
_GROUPS = {
    "service": ("id", "description"),
    "sku": ("id", "description"),
    "location": ("location", "region", "zone"),
    "resource": ("name", "global_name"),
    "invoice": ("month",),
    "adjustment_info": ("id", "description", "mode", "type"),
    "subscription": ("instance_id",),
    "consumption_model": ("id", "description"),
}
_CREDIT = pa.struct(
    [
        ("name", pa.string()),
        ("amount", pa.float64()),
        ("full_name", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
    ]
)
_SCHEMA = pa.schema(
    [
        ("billing_account_id", pa.string()),
        *((n, pa.struct([(f, pa.string()) for f in fields])) for n, fields in _GROUPS.items()),
        ("usage_start_time", pa.timestamp("us", "UTC")),
        ("usage_end_time", pa.timestamp("us", "UTC")),
        (
            "project",
            pa.struct(
                [
                    ("id", pa.string()),
                    ("number", pa.string()),
                    ("name", pa.string()),
                    ("labels", _PAIRS),
                ]
            ),
        ),
        ("labels", _PAIRS),
        ("system_labels", _PAIRS),
        ("tags", _PAIRS),
        ("cost", pa.float64()),
        ("cost_at_list", pa.float64()),
        ("currency", pa.string()),
        ("currency_conversion_rate", pa.float64()),
        (
            "usage",
            pa.struct(
                [
                    ("amount", pa.float64()),
                    ("unit", pa.string()),
                    ("amount_in_pricing_units", pa.float64()),
                    ("pricing_unit", pa.string()),
                ]
            ),
        ),
        ("credits", pa.list_(_CREDIT)),
        ("cost_type", pa.string()),
    ]
)

_LISTS = ("labels", "system_labels", "tags", "credits", "project.labels")


def export(*changes: dict[str, object]) -> list[dict]:
    """One row for each of *changes* to :data:`ROW`; ``sku.id`` changes one field of a group."""
    rows = []
    for change in changes:
        row = json.loads(json.dumps(ROW))
        for path, value in change.items():
            group, _, name = path.partition(".")
            if name:
                row[group] = {**(row[group] or {}), name: value}
            else:
                row[group] = value
        rows.append(row)
    return rows


def credit(kind: str, amount: float, **more: str) -> dict[str, object]:
    """One credit of a type."""
    return {"name": kind.replace("_", " ").title(), "amount": amount, "type": kind, **more}


def lines(rows: list[dict]) -> str:
    """JSON, one row a line."""
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def flat(rows: list[dict], sign: str = ".") -> str:
    """CSV with a column for each field, and lists as JSON text."""
    paths = ["billing_account_id", "cost", "cost_at_list", "currency", "currency_conversion_rate"]
    paths += ["cost_type", "usage_start_time", "usage_end_time", "project.id", "project.name"]
    paths += [f"{name}.{field}" for name, fields in _GROUPS.items() for field in fields]
    paths += [f"usage.{name}" for name in ROW["usage"]] + list(_LISTS)
    return _csv(
        [{path.replace(".", sign): _at(row, path) for path in paths} for row in rows],
    )


def grouped(rows: list[dict]) -> str:
    """CSV with a column for each group, as JSON text."""
    return _csv([{name: _text(value) for name, value in row.items()} for row in rows])


def _at(row: dict, path: str) -> object:
    value: object = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return _text(value)


def _text(value: object) -> object:
    if isinstance(value, list | dict):
        return json.dumps(value)
    return "" if value is None else value


def _csv(rows: list[dict]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write_nested(folder: Path, rows: list[dict], name: str = "export.parquet") -> Path:
    """Parquet with structs and lists, as BigQuery exports it."""
    typed = []
    for row in rows:
        times = {
            end: datetime.fromisoformat(row[end]) for end in ("usage_start_time", "usage_end_time")
        }
        typed.append({**{name: row.get(name) for name in _SCHEMA.names}, **times})
    path = folder / name
    pq.write_table(pa.Table.from_pylist(typed, _SCHEMA), path)
    return path


FORMS = {
    "lines": lambda folder, rows: write(folder, lines(rows), "export.jsonl"),
    "array": lambda folder, rows: write(folder, json.dumps(rows, indent=1), "export.json"),
    "dotted": lambda folder, rows: write(folder, flat(rows), "export.csv"),
    "underscored": lambda folder, rows: write(folder, flat(rows, "_"), "underscored.csv"),
    "grouped": lambda folder, rows: write(folder, grouped(rows), "grouped.csv"),
    "nested": write_nested,
}
"""Form → how to write rows in it."""

FEE = {
    "sku": {"id": "SKU-FEE", "description": "Commitment v1: A2 Cpu in Americas for 1 Year"},
    "labels": [],
    "system_labels": [],
    "resource": None,
    "subscription.instance_id": "commitment-1",
}
"""The fee of a commitment to the cores of :data:`ROW`."""

CUD = "COMMITTED_USAGE_DISCOUNT"
DOLLARS = "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"
FLEXIBLE = "Committed use discount - dollar based: GCE Commitments"
FLEXIBLE_FEE = {
    **FEE,
    "sku": {"id": "SKU-FLEX", "description": "Commitment - dollar based v1: GCE for 1 year"},
}
