"""``trainfare statement``: what each team has of a month's bill; all statements sum to the bill."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, width
from trainfare.cli.report_file import json_text, out_option, refuse_file, write_document, write_text
from trainfare.core.charge import View
from trainfare.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainfare.flows.statement import Stated
    from trainfare.reports.statement import RemainderLine, Statement, Statements
    from trainfare.reports.table import Table


@click.command("statement")
@click.argument("period", required=False)
@click.option("--team", help="One team's statement only; the sums stay those of all.")
@click.option(
    "--kind",
    type=click.Choice(["showback", "chargeback"]),
    default="showback",
    show_default=True,
    help="A chargeback distributes what no run owns as statement.toml says.",
)
@click.option(
    "--view",
    type=click.Choice([v.value for v in View]),
    default="effective",
    show_default=True,
    help="Which cost column.",
)
@click.option("--as-of", help="As it stood then (RFC 3339).")
@format_option("table", "json", "csv", "html", "pdf")
@out_option
def command(
    period: str | None,
    team: str | None,
    kind: str,
    view: str,
    as_of: str | None,
    form: str,
    out: Path | None,
) -> None:
    """State what each team has of one month (2026-10; the latest when left out)."""
    from trainfare.core.period import parse_instant
    from trainfare.flows.statement import state
    from trainfare.metering.home import home_folder
    from trainfare.reports.statement import StatementKind

    stated = state(
        home_folder(),
        period,
        kind=StatementKind(kind),
        view=View(view),
        as_of_ns=parse_instant(as_of) if as_of else None,
    )
    _check_team(stated, team)
    if form in ("html", "pdf"):
        from trainfare.flows.statement import statement_document

        write_document(statement_document(stated, team), form, out)
    elif form == "json":
        write_text(json_text(_document(stated, team)), out)
    elif form == "csv":
        write_text(_csv(stated, team), out)
    else:
        refuse_file(form, out)
        _show(stated, team)


def _check_team(stated: Stated, team: str | None) -> None:
    teams = sorted({one.team for book in stated.books for one in book.statements})
    if team is not None and team not in teams:
        raise NotFound(f"no statement of {team!r} in {stated.period}; teams: {', '.join(teams)}")


def _chosen(book: Statements, team: str | None) -> list[Statement]:
    return [one for one in book.statements if team in (None, one.team)]


def _document(stated: Stated, team: str | None) -> dict[str, Any]:
    return {
        "kind": stated.kind.value,
        "period": stated.period,
        "view": stated.view.value,
        "books": [
            {
                "currency": book.currency,
                "statements": [_statement(one) for one in _chosen(book, team)],
                "kept": [_remainder(line) for line in book.kept],
                "charged": (book.bill - book.kept_total).text(),
                "bill": book.bill.text(),
                "conserved": True,
            }
            for book in stated.books
        ],
        "policy": list(stated.policy),
        "deliveries": [{"id": one.id, "source": one.source} for one in stated.deliveries],
        "allocated_at": stated.allocated_at,
        "inputs": stated.inputs,
        "notes": list(stated.notes),
    }


def _statement(one: Statement) -> dict[str, Any]:
    return {
        "team": one.team,
        "total": one.total.text(),
        "own": one.own.text(),
        "runs": [
            {
                "run": line.run,
                "components": {name.value: a.text() for name, a in line.components.items()},
                "shared_pools": {rule: a.text() for rule, a in line.pools.items()},
                "total": line.total.text(),
            }
            for line in one.runs
        ],
        "given_by_rules": {line.rule: line.amount.text() for line in one.given},
        "distributed": [_remainder(line) for line in one.remainders],
        "tagged": {name.value: amount.text() for name, amount in one.tagged.items()},
    }


def _remainder(line: RemainderLine) -> dict[str, str]:
    return {
        "remainder": line.remainder.value,
        "method": line.method,
        "how": line.way.value,
        "whole": line.whole.text(),
        "amount": line.amount.text(),
    }


def _csv(stated: Stated, team: str | None) -> str:
    """One line per run and component, pool, rule and remainder; all lines of all teams sum to the bill."""
    from trainfare.metering.receipt_text import safe_cell

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ("period", "kind", "team", "line", "run", "name", "amount", "currency", "view")
    writer.writerow(head)
    for book in stated.books:
        for owner, line, run, name, amount in _lines(book, team):
            words = [safe_cell(text) for text in (owner, line, run, name)]
            writer.writerow(
                [stated.period, stated.kind, *words, amount, book.currency, stated.view.value]
            )
    return file.getvalue()


def _lines(book: Statements, team: str | None) -> Iterator[tuple[str, str, str, str, str]]:
    for one in _chosen(book, team):
        for line in one.runs:
            for component, amount in line.components.items():
                if amount:
                    yield one.team, "component", line.run, component.value, amount.text()
            for rule, amount in line.pools.items():
                yield one.team, "shared pool", line.run, rule, amount.text()
        for given in one.given:
            yield one.team, "given by rule", "", given.rule, given.amount.text()
        for left in one.remainders:
            name = f"{left.remainder.value}: {left.method} ({left.way.value})"
            yield one.team, "distributed", "", name, left.amount.text()
    if team is None:
        for left in book.kept:
            yield "(kept)", "kept", "", f"{left.remainder.value}: {left.method}", left.amount.text()


def _show(stated: Stated, team: str | None) -> None:
    for number, book in enumerate(stated.books):
        click.echo("\n" * bool(number), nl=False)
        words = f"{stated.kind.value} {stated.period}   {stated.view.value} cost in {book.currency}"
        click.secho(words, bold=True)
        if team is None:
            _show_tables(_overview(book))
        for one in _chosen(book, team) if team is not None else ():
            click.secho(f"\n{one.team}   {one.total.display(2)}", bold=True)
            _show_tables(_tables(stated, one))
    click.echo("")
    for note in (*stated.policy, *stated.notes):
        click.echo(note)
    deliveries = ", ".join(f"{one.source} {one.id[:12]}" for one in stated.deliveries)
    click.echo(f"From {deliveries}; allocated {stated.allocated_at}.")
    for book in stated.books:
        click.secho(f"✓ All statements and what is kept sum to {book.bill.text()} {book.currency}.")


def _overview(book: Statements) -> Sequence[Table]:
    from trainfare.reports.statement_table import overview_table, remainders_table

    kept = remainders_table(book.kept, book.currency, is_kept=True)
    return [overview_table(book), *([kept] if kept.rows else [])]


def _tables(stated: Stated, one: Statement) -> Sequence[Table]:
    from trainfare.reports.statement_table import pools_table, remainders_table, runs_table

    tables = [
        runs_table(one, stated.labels),
        pools_table(one, stated.rules),
        remainders_table(one.remainders, one.currency, is_kept=False),
    ]
    return [table for table in tables if table.rows]


def _show_tables(tables: Sequence[Table]) -> None:
    from trainfare.reports.table_text import table_text

    for table in tables:
        click.echo("")
        click.echo(table_text(table, width=width()))
