"""``trainfare frontier``: which of comparable runs no other beats in time and cost."""

from __future__ import annotations

import click

from trainfare.cli.answer import filters_of, format_option, say_json, say_table


@click.command("frontier")
@click.option(
    "--where",
    "filters",
    multiple=True,
    metavar="K=V",
    help="Only these runs: labels, run, status, ending. Repeat it: the same key is or, another is and.",
)
@click.option("--metric", help="What runs reached: NAME, NAME:min or NAME:max.")
@click.option("--target", help="Compare time and cost until the metric reached this.")
@format_option("table", "json")
def command(filters: tuple[str, ...], metric: str | None, target: str | None, form: str) -> None:
    """Show the runs that no other beats in time and cost, and what beats the others."""
    from trainfare.core.money import decimal_of
    from trainfare.flows.frontier import find_frontier
    from trainfare.metering.home import home_folder

    aim = None if target is None else decimal_of(target)
    table = find_frontier(home_folder(), filters_of(filters), metric=metric, target=aim)
    if form == "json":
        say_json(table.to_json())
    else:
        say_table(table)
