"""Receipts for a terminal, a notebook and a spreadsheet."""

from __future__ import annotations

import csv
import html
import io
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainfare.metering.receipt_view import Line, view_of

if TYPE_CHECKING:
    from trainfare.metering.receipt import Receipt

WIDTH = 78

_STYLE = (
    "font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;max-width:46rem;"
    "border:1px solid #8886;border-radius:8px;padding:1rem 1.25rem;color:inherit"
)

_CELL = "text-align:right;padding:.1rem 1.5rem .1rem 0"


def receipt_text(receipt: Receipt, width: int = WIDTH) -> str:
    """The receipt as plain text, at most *width* columns wide."""
    view = view_of(receipt)
    rule = "─" * width
    head = f"{view.title[: width - len(view.status) - 2]}"
    rows = [head + view.status.rjust(width - len(head))]
    if view.labels:
        rows += textwrap.wrap(view.labels, width)
    rows.append(rule)
    for label, words in view.facts:
        rows += _wrapped(label, words, width)
    rows.append(rule)
    for line in view.lines:
        rows += _line(line, width)
    rows.append(rule)
    rows += _line(view.total, width)
    for line in view.below:
        rows += _line(line, width)
    if view.books:
        rows += ["", *_columns([("", "estimated", "billed", "difference"), *view.books], left=1)]
    if view.epochs:
        rows += ["", *_columns([("epoch", "seconds", "estimated"), *view.epochs])]
    if view.remarks:
        rows.append("")
        for remark in view.remarks:
            rows += textwrap.wrap(
                remark, width, initial_indent="· ", subsequent_indent="  ", break_on_hyphens=False
            )
    return "\n".join(rows)


def _wrapped(label: str, words: str, width: int) -> list[str]:
    first, *more = _fold(words, width - 10) or [""]
    return [f"{label:<10}{first}".rstrip(), *(" " * 10 + one for one in more)]


def _fold(words: str, width: int) -> list[str]:
    """*words* in lines of at most *width*; a number and its unit stay together.

    >>> _fold("train 1.50 s", 11)
    ['train', '1.50 s']
    """
    bound = re.sub(
        r"(?<=\d) (?=(?:s|min|h|d|B|[KMGTP]iB|steps|CPUs)\b)", "\N{NO-BREAK SPACE}", words
    )
    folded = textwrap.wrap(bound, width, break_on_hyphens=False)
    return [one.replace("\N{NO-BREAK SPACE}", " ") for one in folded]


def _line(line: Line, width: int) -> list[str]:
    """Label, words and right-aligned amount; long words take lines of their own."""
    room = width - 10 - len(line.amount) - 2
    words = _fold(line.words, room) or [""]
    rows = [f"{line.label:<10}{words[0]:<{room}}  {line.amount}"]
    return rows + [" " * 10 + more for more in words[1:]]


def _columns(table: Sequence[Sequence[str]], left: int = 0) -> list[str]:
    """Rows in columns two spaces apart; the first *left* are aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def receipt_html(receipt: Receipt) -> str:
    """The receipt as one HTML element without scripts, for a notebook or a mail."""
    view = view_of(receipt)
    rule = "<tr><td colspan=3 style='border-top:1px solid #8886;padding:0'></td></tr>"
    rows = [_fact_row(label, words) for label, words in view.facts]
    rows.append(rule)
    rows += [_line_row(line) for line in view.lines]
    rows += [rule, _line_row(view.total, weight=700)]
    rows += [_line_row(line) for line in view.below]
    books = _html_columns([("", "estimated", "billed", "difference"), *view.books])
    epochs = _html_columns([("epoch", "seconds", "estimated"), *view.epochs])
    remarks = "".join(f"<li>{_e(remark)}</li>" for remark in view.remarks)
    remarks = f"<ul style='margin:.75rem 0 0;padding-left:1.2rem'>{remarks}</ul>" if remarks else ""
    return (
        f"<div style='{_STYLE}'><div style='display:flex;justify-content:space-between'>"
        f"<b>{_e(view.title)}</b><span>{_e(view.status)}</span></div>"
        f"<div style='opacity:.75'>{_e(view.labels)}</div>"
        f"<table style='width:100%;border-collapse:collapse;margin-top:.5rem'>{''.join(rows)}</table>"
        f"{books if view.books else ''}{epochs if view.epochs else ''}{remarks}</div>"
    )


def _html_columns(table: Sequence[Sequence[str]]) -> str:
    """A table under its heads."""
    heads, *rows = table
    head = "".join(f"<th style='{_CELL}'>{_e(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td style='{_CELL}'>{_e(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table style='margin-top:1rem;border-collapse:collapse'><tr>{head}</tr>{body}</table>"


def _fact_row(label: str, words: str) -> str:
    return (
        f"<tr><td style='opacity:.75;text-align:left'>{_e(label)}</td>"
        f"<td colspan=2 style='text-align:left'>{_e(words)}</td></tr>"
    )


def _line_row(line: Line, weight: int = 400) -> str:
    return (
        f"<tr style='font-weight:{weight}'><td style='text-align:left'>{_e(line.label)}</td>"
        f"<td style='text-align:left;opacity:.75'>{_e(line.words)}</td>"
        f"<td style='text-align:right;white-space:nowrap'>{_e(line.amount)}</td></tr>"
    )


def _e(text: str) -> str:
    return html.escape(text)


def receipt_page(receipt: Receipt) -> str:
    """The receipt as a whole HTML page that needs no network, readable in light and dark."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{_e(receipt.run.name or receipt.run.id)}: receipt</title>"
        "<style>:root{color-scheme:light dark}body{margin:2rem;display:grid;place-items:center}"
        f"</style></head><body>{receipt_html(receipt)}</body></html>\n"
    )


def receipt_csv(receipt: Receipt) -> str:
    """One row per epoch and component with exact amounts; cells are safe in a spreadsheet."""
    document = receipt.to_json()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["run", "kind", "name", "seconds", "estimated", "currency"])
    rows: list[tuple[str, str, float | None, str | None]] = [
        ("component", name, None, amount)
        for name, amount in document["estimated"]["components"].items()
    ]
    rows += [("stage", s["stage"], s["seconds"], s["estimated"]) for s in document["stages"]]
    rows += [("epoch", str(e["epoch"]), e["seconds"], e["estimated"]) for e in document["epochs"]]
    rows.append(("total", "", document["duration_seconds"], document["estimated"]["total"]))
    for kind, name, seconds, amount in rows:
        writer.writerow(
            [
                document["run"],
                kind,
                safe_cell(name),
                "" if seconds is None else seconds,
                "" if amount is None else amount,
                document["currency"],
            ]
        )
    return file.getvalue()


def safe_cell(text: str) -> str:
    """*text* that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
