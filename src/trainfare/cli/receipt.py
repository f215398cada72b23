"""``trainfare receipt``: what a run cost."""

from __future__ import annotations

import click

from trainfare.cli.answer import format_option, only_team, say_json, width
from trainfare.cli.argument import run_argument


@click.command("receipt")
@run_argument()
@format_option("table", "json", "csv", "html")
def command(run: str, form: str) -> None:
    """Print the receipt of RUN: an id, the beginning of one, a name, or "last"."""
    from trainfare.flows.forecast import with_forecasts
    from trainfare.flows.months import with_bills
    from trainfare.metering.history import close_dead, find_run_id, read_receipt
    from trainfare.metering.home import home_folder
    from trainfare.metering.receipt_text import receipt_csv, receipt_page, receipt_text

    home = home_folder()
    close_dead(home)
    receipts = with_bills(home, [read_receipt(home, find_run_id(home, run))])
    [receipt] = with_forecasts(home, receipts)
    if team := only_team():
        from trainfare.flows.own import own_receipt

        receipt = own_receipt(home, team, receipt)
    if form == "json":
        say_json(receipt.to_json())
    elif form == "csv":
        click.echo(receipt_csv(receipt), nl=False)
    elif form == "html":
        click.echo(receipt_page(receipt), nl=False)
    else:
        click.echo(receipt_text(receipt, min(78, width())))
