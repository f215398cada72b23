"""``trainfare commit watch``: a new plan on new bills, alerts, and the purchase for a human."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trainfare.cli.answer import command_text, format_option, say, say_json
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.plain import plain


@click.command("watch")
@click.option(
    "--longest",
    type=click.Choice(["1m", "6m", "1y", "3y"]),
    default="1y",
    show_default=True,
    help="No longer term: demand so far ahead is a guess.",
)
@click.option(
    "--least-saving",
    default="100",
    show_default=True,
    metavar="AMOUNT",
    help="A month; a purchase that saves less is not told.",
)
@click.option(
    "--rates",
    "rate_file",
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE.csv",
    help="What can be bought: sku, kind, term, rate. Without it, the price book.",
)
@format_option("table", "json")  # fmt: skip
def watch_command(longest: str, least_saving: str, rate_file: Path | None, form: str) -> None:
    """Plan anew where bills changed, tell what is new, and print the exact purchase for a human.

    Nothing is ever bought. A server does the same once a day, as the job commitments; alerts are
    on falling utilization, on what ends within 60 days, and on a purchase that would save enough.
    """
    from trainfare.flows.alerts import check_alerts
    from trainfare.flows.commitment_watch import Order, watch
    from trainfare.metering.home import home_folder

    least = Money.parse(least_saving)
    if least.nano <= 0:
        raise BadInput(f"--least-saving {least_saving!r} is not more than 0")
    found = watch(home_folder(), Order(longest, least, rate_file))
    told = [one for one in check_alerts(home_folder()).alerts if one.kind == "commitment"]
    if form == "json":
        alerts = [{"subject": one.subject, "sentence": one.sentence} for one in told]
        say_json({**found.document, "is_new": found.is_new, "alerts": alerts})
        return
    _show_watched(found.document, is_new=found.is_new)
    if told:
        click.echo(click.style("\nOpen alerts", bold=True))
        for one in told:
            say(plain(one.sentence), "  ")


def _show_watched(document: Mapping[str, Any], *, is_new: bool) -> None:
    currency = document["currency"]
    if not is_new:
        click.echo(f"As planned on {document['at'][:10]}: nothing changed since.\n")
    if not document["orders"]:
        click.echo(click.style("Buy nothing", bold=True))
        say(f"{document['why'][0].upper()}{document['why'][1:]}.")
        return
    saving = _shown(document["saving_per_month"], currency)
    click.echo(click.style(f"Buy, and save {saving} a month", bold=True))
    for one in document["orders"]:
        say(one["words"], "  ")
        binds = f"{_shown(one['binds'], currency)} in all; way out: {one['way_out']}"
        for name, text in (
            ("where", one["where"]),
            ("covers", ", ".join(one["skus"])),
            ("binds", binds),
            ("rates", one["source"]),
        ):
            say(text, f"    {name:<9}", " " * 13)
        click.echo(command_text(one["record"], "    then     "))
    click.echo()
    say(f"{document['why'][0].upper()}{document['why'][1:]}.")


def _shown(text: str, currency: str) -> str:
    return Money.parse(text, currency).display(2)
