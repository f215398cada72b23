"""``trainfare report``: billed money by model, team, component … with every remainder."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, plural, say_json, shorten, shorten_middle, table
from trainfare.core.charge import Remainder, View
from trainfare.core.money import Money

if TYPE_CHECKING:
    from trainfare.flows.report import Report
    from trainfare.reports.attribution import Attribution

ROWS_SHOWN = 40


@click.command("report")
@click.option(
    "--by",
    default="model",
    show_default=True,
    help="Keys: labels, run, component, resource, service, account, region, day, method.",
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
@format_option("table", "json", "csv")
def command(by: str, period: str | None, view: str, as_of: str | None, form: str) -> None:
    """Report billed money by any keys; rows and remainders sum to the bill."""
    from trainfare.core.period import parse_instant
    from trainfare.flows.report import make_report
    from trainfare.metering.home import home_folder

    keys = tuple(name.strip() for name in by.split(",") if name.strip())
    as_of_ns = parse_instant(as_of) if as_of else None
    report = make_report(home_folder(), keys, period=period, view=View(view), as_of_ns=as_of_ns)
    if form == "json":
        first, *others = [_document(one) for one in report.attributions] or [{}]
        say_json(
            {
                **first,
                "periods": list(report.periods),
                "other_currencies": others,
                **_evidence(report),
            }
        )
    elif form == "csv":
        click.echo(_csv(report), nl=False)
    else:
        _show(report)


def _document(one: Attribution) -> dict[str, Any]:
    return {
        "by": list(one.by),
        "view": one.view.value,
        "rows": [
            {
                **dict(zip(one.by, row.key, strict=True)),
                "runs": row.runs,
                "estimated": row.estimated.text() if row.estimated is not None else None,
                "allocated": row.allocated.text(),
            }
            for row in one.rows
        ],
        "remainders": {name.value: one.remainders[name].text() for name in Remainder},
        "total": one.total.text(),
        "currency": one.currency,
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
    from trainfare.metering.receipt_text import safe_cell

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for one in report.attributions:
        writer.writerow([*one.by, "runs", "estimated", "allocated", "currency", "view"])
        for row in one.rows:
            estimated = row.estimated.text() if row.estimated is not None else ""
            amounts = [row.runs, estimated, row.allocated.text(), one.currency, one.view.value]
            writer.writerow([*map(safe_cell, row.key), *amounts])
        blank = [""] * (len(one.by) - 1)
        for name, amount in one.remainders.items():
            label = f"({name.value.replace('_', ' ')})"
            writer.writerow([label, *blank, "", "", amount.text(), one.currency, one.view.value])
    return file.getvalue()


def _show(report: Report) -> None:
    for number, one in enumerate(report.attributions):
        click.echo("\n" * bool(number), nl=False)
        click.echo(f"{', '.join(report.periods)}   {one.view.value} cost in {one.currency}\n")
        rows = [
            [
                *[shorten_middle(value, 28) for value in row.key],
                str(row.runs),
                row.estimated.display(2) if row.estimated is not None else "–",
                row.allocated.display(2),
                _share(row.allocated, one.total),
            ]
            for row in one.rows[:ROWS_SHOWN]
        ]
        rows += [
            [
                click.style(f"({name.value.replace('_', ' ')})", dim=True),
                *[""] * (len(one.by) - 1),
                "",
                "",
                amount.display(2),
                _share(amount, one.total),
            ]
            for name, amount in one.remainders.items()
        ]
        rows.append(
            [
                click.style("bill", bold=True),
                *[""] * (len(one.by) - 1),
                "",
                "",
                click.style(one.total.display(2), bold=True),
                "",
            ]
        )
        width = len(one.by)
        head = [*one.by, "runs", "estimated", "allocated", "share"]
        click.echo(table(head, rows, right=range(width, width + 4)))
        if len(one.rows) > ROWS_SHOWN:
            more = plural(len(one.rows) - ROWS_SHOWN, "more row")
            click.echo(f"… and {more}; --format json or csv has all.")
        _show_coverage(report, one)
    _show_untagged(report)
    if report.not_allocated:
        click.echo(f"\nNot in it: {', '.join(report.not_allocated)}; run trainfare allocate.")
    if report.unknown_keys:
        listed = ", ".join(report.unknown_keys)
        known = ", ".join(report.known_keys) or "none"
        click.echo(f"\nNo run has a label {listed}; labels of runs: {known}.")
    if report.stale:
        listed = ", ".join(report.stale)
        click.echo(f"\nRestated since allocated: {listed}; this is the earlier bill.")
        click.echo("Run trainfare allocate.")


def _share(part: Money, whole: Money) -> str:
    return f"{part.nano / whole.nano:.1%}" if whole.nano else "–"


def _show_coverage(report: Report, one: Attribution) -> None:
    methods = report.coverage.get(one.currency, {})
    if methods:
        listed = sorted(methods.items(), key=lambda pair: -abs(pair[1].nano))
        words = ", ".join(f"{name} {_share(amount, one.total)}" for name, amount in listed)
        click.echo(f"\nRuns own {_share(one.allocated, one.total)} of the bill, by {words}.")


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
