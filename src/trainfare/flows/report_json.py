"""The report as JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from trainfare.metering.receipt_text import safe_cell
from trainfare.reports.cell import Kind, plain_value

if TYPE_CHECKING:
    from trainfare.flows.report import Report
    from trainfare.reports.table import Table


def report_json(report: Report) -> dict[str, Any]:
    """The report with the keys that scripts depend on; money as text."""
    first, *others = [_document(one) for one in report.tables] or [{}]
    periods = list(report.periods)
    return {**first, "periods": periods, "other_currencies": others, **_evidence(report)}


def _document(one: Table) -> dict[str, Any]:

    return {
        "by": list(one.by),
        "view": one.view,
        "rows": [row.to_json() for row in one.rows],
        "remainders": {
            row.name: plain_value(row["allocated"]) for row in one.remainders if row.name
        },
        "left_out": None if one.left_out is None else one.left_out.to_json(),
        "total": plain_value(one.total["allocated"]),
        "total_row": one.total.to_json(),
        "currency": one.currency,
        "columns": [
            {"name": c.name, "kind": c.kind.value, "unit": c.unit, "what": c.what}
            for c in one.columns
        ],
        "notes": list(one.notes),
    }


def _evidence(report: Report) -> dict[str, Any]:
    return {
        "coverage": {
            currency: {method: amount.text() for method, amount in methods.items()}
            for currency, methods in report.coverage.items()
        },
        "untagged": [
            {
                "resource": one.resource,
                "service": one.service,
                "account": one.account,
                "amount": one.amount.text(),
                "currency": one.amount.currency,
                "rule": one.rule,
            }
            for one in report.untagged
        ],
        "not_allocated": list(report.not_allocated),
        "unknown_keys": list(report.unknown_keys),
        "stale": list(report.stale),
    }


def report_csv(report: Report) -> str:
    """Every line of every currency under one head; cells are safe in a spreadsheet."""
    from trainfare.reports.cell import plain_value

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if report.tables:
        names = (column.name for column in report.tables[0].columns)
        writer.writerow([*names, "currency", "view"])
    for one in report.tables:
        for line in one.lines:
            cells = []
            for column in one.columns:
                cell = plain_value(line[column.name])
                is_text = column.kind is Kind.TEXT and cell is not None
                cells.append(safe_cell(str(cell)) if is_text else cell)
            writer.writerow([*cells, one.currency, one.view])
    return file.getvalue()
