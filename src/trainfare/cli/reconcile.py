"""``trainfare reconcile``: estimated beside billed, run by run, and why they differ."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, only_team, say_json
from trainfare.cli.argument import complete_run
from trainfare.core.errors import BadInput

if TYPE_CHECKING:
    from trainfare.flows.reconcile import Reconciliation

_EPILOG = """\b
Causes, in order; they sum to billed − estimated:
  price       another rate than was assumed
  duration    paid longer or shorter than was measured
  quantity    machines missed or over-counted, or shared with other runs
  commitment  negotiated and commitment discounts
  credit      credits and corrections
  unmetered   what no meter sees: disks, traffic, shares of common costs
  rounding    less than a nano-unit per charge
"""


@click.command("reconcile", epilog=_EPILOG)
@click.argument("period", required=False, metavar="[PERIOD]")
@click.option("--run", shell_complete=complete_run, help="Only this run, and all about it.")
@click.option("--as-of", help="As the bills stood then (RFC 3339).")
@click.option(
    "--learn", is_flag=True, help="Let the bills teach prices; the next estimate uses them."
)
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="SKU|all",
    help="With --learn: believe a price that waits because it jumped by more than 40 %.",
)
@format_option("table", "json", "csv")
def command(
    period: str | None,
    run: str | None,
    as_of: str | None,
    learn: bool,
    confirmed: tuple[str, ...],
    form: str,
) -> None:
    """Compare estimates with the bill, of one billing PERIOD (2026-10) or of whole runs.

    A run whose bill has not arrived says when it can be expected. Bills that are new or restated are
    allocated first.
    """
    from trainfare.cli.reconcile_view import show, show_learning
    from trainfare.core.period import parse_instant
    from trainfare.flows.reconcile import learn_prices, reconcile
    from trainfare.metering.home import home_folder

    if confirmed and not learn:
        raise BadInput("--confirm goes with --learn")
    if learn and as_of:
        raise BadInput("--learn takes the bills as they stand now; leave --as-of out")
    home = home_folder()
    found = reconcile(home, period, run=run, as_of_ns=parse_instant(as_of) if as_of else None)
    if team := only_team():
        from trainfare.flows.own import own_reconciliation

        found = own_reconciliation(home, team, found)
    learning = learn_prices(home, period, confirmed=confirmed) if learn else None
    if form == "json":
        learnt = {} if learning is None else {"learning": learning.to_json()}
        say_json({**found.to_json(), **learnt})
    elif form == "csv":
        click.echo(_csv(found), nl=False)
    else:
        show(found, is_single=run is not None)
        if learning is not None:
            show_learning(learning)


def _csv(found: Reconciliation) -> str:
    from trainfare.metering.receipt_text import safe_cell
    from trainfare.reports.variance import Cause

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    heads = ["run", "status", "estimated", "billed", "variance", *Cause, "currency"]
    writer.writerow(heads)
    for row in found.to_json()["rows"]:
        causes = row["causes"] or {}
        cells = [row["estimated"], row["billed"], row["variance"], *map(causes.get, Cause)]
        amounts = ["" if cell is None else cell for cell in cells]
        writer.writerow([safe_cell(row["run"]), row["status"], *amounts, row["currency"]])
    return file.getvalue()
