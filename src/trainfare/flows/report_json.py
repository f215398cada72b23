"""The report as JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainfare.core.money import Money
from trainfare.metering.receipt_text import safe_cell
from trainfare.reports.cell import Kind, plain_value

if TYPE_CHECKING:
    from trainfare.core.carry import Carried
    from trainfare.flows.report import Report
    from trainfare.reports.scope import Book
    from trainfare.reports.table import Table


def report_json(report: Report) -> dict[str, Any]:
    """The report with the keys that scripts depend on; money as text."""
    first, *others = [_document(one) for one in report.tables] or [{}]
    periods = list(report.periods)
    carried = {currency: carried_json(books) for currency, books in report.carried.items()}
    found = {
        **first,
        "periods": periods,
        "commitments": report.sharing.value,
        "other_currencies": others,
        **_evidence(report),
    }
    return {**found, "carried": carried} if carried else found


def carried_json(books: Mapping[Book, Carried]) -> dict[str, Any]:
    """What was carried between runs for data, and what stays with the runs that made it."""
    return {
        book.value: {
            "shares": [
                {
                    "from": one.maker,
                    "output": one.output,
                    "to": one.reader,
                    "weight": one.weight,
                    "of": one.whole,
                    "amount": Money(one.nano).text(),
                }
                for one in carried.shares
            ],
            "kept": [
                {
                    "run": one.maker,
                    "output": one.output,
                    "amount": Money(one.nano).text(),
                    "why": one.why,
                }
                for one in carried.kept
            ],
            "unknown": dict(carried.lacking),
        }
        for book, carried in books.items()
    }


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
    """Every line of every currency under one head; cells are safe in a spreadsheet.

    With carried data the last column says why cells are empty, or what is not in them.
    """
    has_whys = bool(report.carried)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if report.tables:
        names = (column.name for column in report.tables[0].columns)
        writer.writerow([*names, "currency", "view", *["why"] * has_whys])
    for one in report.tables:
        for line in one.lines:
            cells = []
            for column in one.columns:
                cell = plain_value(line[column.name])
                is_text = column.kind is Kind.TEXT and cell is not None
                cells.append(safe_cell(str(cell)) if is_text else cell)
            whys = "; ".join(f"{name}: {why}" for name, why in line.whys.items())
            writer.writerow([*cells, one.currency, one.view, *[safe_cell(whys)] * has_whys])
    return file.getvalue()
