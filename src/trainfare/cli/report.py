"""``trainfare report``: money by model, team, stage … with every remainder and unit cost."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import (
    filters_of,
    format_option,
    say_table,
    shorten,
    shorten_middle,
    table,
)
from trainfare.cli.report_file import (
    FOCUS_VERSIONS,
    json_text,
    out_option,
    refuse_file,
    write_bytes,
    write_document,
    write_focus,
    write_text,
)
from trainfare.core.charge import View
from trainfare.core.money import Money

if TYPE_CHECKING:
    from trainfare.flows.report import Report
    from trainfare.reports.table import Table


@click.command("report")
@click.option(
    "--by",
    default="model",
    show_default=True,
    help="Keys: labels, run, status, ending, component, stage, epoch, step; of bills: resource, service, account, region, day, method.",
)
@click.option(
    "--measures",
    default="",
    metavar="M,…",
    help="Columns beside the money: hours, gpu_hours, epochs, steps, samples, tokens, per_run, per_epoch, per_step, per_1k_samples, per_1m_tokens, per_gpu_hour, stall, redone, unfinished, lineage, per:METRIC.",
)
@click.option(
    "--where",
    "filters",
    multiple=True,
    metavar="K=V",
    help="Only what matches; the rest stands as left out. Repeat it: the same key is or, another is and.",
)
@click.option("--period", help="One billing period (2026-10).  [default: all]")
@click.option(
    "--view",
    type=click.Choice([v.value for v in View]),
    default="effective",
    show_default=True,
    help="Which cost column.",
)
@click.option("--as-of", help="As it stood then (RFC 3339).")
@format_option("table", "json", "csv", "parquet", "html", "pdf", "focus")
@out_option
@click.option(
    "--focus-version",
    type=click.Choice(FOCUS_VERSIONS),
    default=FOCUS_VERSIONS[-1],
    show_default=True,
    help="With --format focus.",
)
def command(
    by: str,
    measures: str,
    filters: tuple[str, ...],
    period: str | None,
    view: str,
    as_of: str | None,
    form: str,
    out: Path | None,
    focus_version: str,
) -> None:
    """Report money by any keys; rows, remainders and what is left out sum to the bill.

    Where no bill is allocated yet, it reports what runs were estimated at.
    With --format focus it writes every charge once per owner; html and pdf are made to be sent.
    """
    from trainfare.core.period import parse_instant
    from trainfare.flows.report import make_report
    from trainfare.metering.home import home_folder

    if form == "focus":
        write_focus(out, focus_version, period)
        return
    as_of_ns = parse_instant(as_of) if as_of else None
    report = make_report(
        home_folder(),
        _names(by),
        measures=_names(measures),
        where=filters_of(filters),
        period=period,
        view=View(view),
        as_of_ns=as_of_ns,
    )
    if form in ("html", "pdf"):
        from trainfare.flows.report_document import report_document

        page = report_document(home_folder(), report, view=View(view), as_of_ns=as_of_ns)
        write_document(page, form, out)
    elif form == "parquet":
        from trainfare.reports.table_file import parquet_of

        write_bytes(lambda: parquet_of(report.tables), form, out)
    elif form == "json":
        write_text(json_text(_whole(report)), out)
    elif form == "csv":
        write_text(_csv(report), out)
    else:
        refuse_file(form, out)
        _show(report)


def _whole(report: Report) -> dict[str, Any]:
    first, *others = [_document(one) for one in report.tables] or [{}]
    periods = list(report.periods)
    return {**first, "periods": periods, "other_currencies": others, **_evidence(report)}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _document(one: Table) -> dict[str, Any]:
    from trainfare.reports.cell import plain_value

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


def _csv(report: Report) -> str:
    """Every line of every currency under one head; cells are safe in a spreadsheet."""
    from trainfare.metering.receipt_text import safe_cell
    from trainfare.reports.cell import Kind, plain_value

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


def _show(report: Report) -> None:
    for number, one in enumerate(report.tables):
        click.echo("\n" * bool(number), nl=False)
        say_table(one)
        _show_coverage(report, one)
    _show_untagged(report)


def _share(part: Money, whole: Money) -> str:
    return f"{part.nano / whole.nano:.1%}" if whole.nano else "–"


def _show_coverage(report: Report, one: Table) -> None:
    methods = report.coverage.get(one.currency, {})
    whole = one.total["allocated"]
    if not methods or not isinstance(whole, Money):
        return
    listed = sorted(methods.items(), key=lambda pair: -abs(pair[1].nano))
    words = ", ".join(f"{name} {_share(amount, whole)}" for name, amount in listed)
    owned = Money.total(methods.values(), one.currency)
    click.echo(f"\nRuns own {_share(owned, whole)} of the bill, by {words}.")


def _show_untagged(report: Report) -> None:
    if not report.untagged:
        return
    click.echo("\nNobody known owns:")
    rows = [
        [
            f"  {shorten_middle(one.resource or '(no resource)', 40)}",
            shorten(one.service or "", 20),
            one.amount.display(2),
        ]
        for one in report.untagged
    ]
    click.echo(table(["  resource", "service", "amount"], rows, right=[2]))
    click.echo("\nA rule in rules.toml settles it, for example:\n")
    click.echo("\n".join(f"  {line}" for line in report.untagged[0].rule.splitlines()))
