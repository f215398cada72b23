"""``trainfare statement``: what each team has of a month's bill; all statements sum to the bill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, only_team, say, width
from trainfare.cli.argument import one_period, period_argument
from trainfare.cli.report_file import json_text, out_option, refuse_file, write_document, write_text
from trainfare.core.charge import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainfare.flows.statement import Stated
    from trainfare.reports.statement import Statement, Statements
    from trainfare.reports.table import Table


@click.command("statement")
@period_argument
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
    named: str | None,
    team: str | None,
    kind: str,
    view: str,
    as_of: str | None,
    form: str,
    out: Path | None,
) -> None:
    """State what each team has of one month (2026-10; when left out, the last with usage)."""
    from trainfare.core.period import parse_instant
    from trainfare.flows.statement import state
    from trainfare.flows.statement_json import (
        check_team,
        own_statement_json,
        statement_csv,
        statement_json,
    )
    from trainfare.metering.home import home_folder
    from trainfare.reports.statement import StatementKind

    stated = state(
        home_folder(),
        one_period(period, named),
        kind=StatementKind(kind),
        view=View(view),
        as_of_ns=parse_instant(as_of) if as_of else None,
    )
    if mine := only_team():
        team, stated = mine, replace(stated, policy=(), notes=())
    else:
        check_team(stated, team)
    if form in ("html", "pdf"):
        from trainfare.flows.statement import statement_document

        write_document(statement_document(stated, team), form, out)
    elif form == "json":
        document = statement_json(stated, team)
        write_text(json_text(own_statement_json(document) if mine else document), out)
    elif form == "csv":
        write_text(statement_csv(stated, team), out)
    else:
        refuse_file(form, out)
        _show(stated, team)


def _show(stated: Stated, team: str | None) -> None:
    from trainfare.flows.statement_json import chosen

    for number, book in enumerate(stated.books):
        click.echo("\n" * bool(number), nl=False)
        words = f"{stated.kind.value} {stated.period}   {stated.view.value} cost in {book.currency}"
        click.secho(words, bold=True)
        if team is None:
            _show_tables(_overview(book))
        for one in chosen(book, team) if team is not None else ():
            click.secho(f"\n{one.team}   {one.total.display(2)}", bold=True)
            _show_tables(_tables(stated, one))
    if only_team():
        return
    click.echo("")
    for note in (*stated.policy, *stated.notes):
        say(note)
    deliveries = ", ".join(f"{one.source} {one.id[:12]}" for one in stated.deliveries)
    say(f"From {deliveries}; allocated {stated.allocated_at}.")
    for book in stated.books:
        say(f"✓ All statements and what is kept sum to {book.bill.text()} {book.currency}.")


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
