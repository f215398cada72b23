"""``trainfare commit status --runs``: which runs used commitments, and which paid beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import say, table
from trainfare.core.money import Money
from trainfare.core.plain import plain, plural

if TYPE_CHECKING:
    from trainfare.reports.commitment_runs import Alignment, CommitmentRun

RUNS_SHOWN = 20
"""So many runs are shown, those that used most."""

NAMES = ("covered", "used", "open", "beside")


def show_alignment(alignments: Sequence[Alignment]) -> None:
    """Print which runs used up commitments, and which paid on demand beside unused ones."""
    if not alignments:
        click.echo("No commitment is on an allocated bill.")
    for number, one in enumerate(alignments):
        click.echo("\n" * bool(number) + click.style(one.provider, bold=True))
        runs = [run for run in one.runs if run.run is not None]
        rows = [_run_row(run) for run in runs[:RUNS_SHOWN]]
        if rest := runs[RUNS_SHOWN:]:
            sums = (
                Money.total([getattr(run, name) for run in rest], one.currency) for name in NAMES
            )
            rows.append([f"{len(rest):,} more", *(amount.display(2) for amount in sums)])
        rows += [_run_row(run) for run in one.runs if run.run is None]
        rows.append(["(unused)", "", one.unused.display(2), "", ""])
        totals = [
            one.total("covered"),
            one.total("used") + one.unused,
            one.total("open"),
            one.total("beside"),
        ]
        rows.append([click.style("all", bold=True), *(amount.display(2) for amount in totals)])
        head = ["run", "covered", "commitment", "on demand", "beside unused"]
        click.echo(table(head, rows, right=range(1, 5)))
        if unpriced := sum(run.unpriced for run in one.runs):
            say(f"Covered without {plural(unpriced, 'charge')} whose bill says no on-demand cost.")
        beside, elsewhere = one.total("beside"), one.elsewhere
        if beside or elsewhere:
            say(
                f"{beside.display(2)} was paid on demand in hours with unused commitment; use that "
                f"moves to other hours could save {elsewhere.display(2)} more at most."
            )


def _run_row(run: CommitmentRun) -> list[str]:
    name = run.run or f"({(run.remainder or '').replace('_', ' ')})"
    covered = "?" if run.unpriced and not run.covered else run.covered.display(2)
    amounts = (run.used, run.open, run.beside)
    return [plain(name), covered, *(amount.display(2) for amount in amounts)]
