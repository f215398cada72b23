"""``trainfare allocate``: give every charge to a run or to a named remainder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, name_text, say, say_json, table
from trainfare.cli.argument import one_period, period_argument
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.plain import plural
from trainfare.flows.bill_json import STANDINGS, allocated_json

if TYPE_CHECKING:
    from trainfare.flows.allocation import Allocated

CHANGES_SHOWN = 20


@click.command("allocate")
@period_argument
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    help="What allocates; also TRAINFARE_ENGINE.",
)
@click.option("--master", metavar="URL", help="A Spark cluster: spark://HOST:PORT or local[N].")
@click.option("--remote", metavar="URL", help="A Spark Connect server: sc://HOST:PORT.")
@click.option(
    "--emit-sql",
    "dialect",
    metavar="DIALECT",
    help="Print the allocation as SQL for bigquery, trino, athena, snowflake or databricks; do nothing.",
)
@format_option("table", "json")
def command(
    period: str | None,
    named: str | None,
    engine: str | None,
    master: str | None,
    remote: str | None,
    dialect: str | None,
    form: str,
) -> None:
    """Allocate a billing PERIOD (2026-10), or every one of which there is a bill.

    DuckDB does it in this process; Spark does it where a bill is too large for one machine, with the
    same result to the last nano-unit. The home must then be on storage that the cluster sees.
    """
    from trainfare.flows.allocation import allocate_periods
    from trainfare.flows.engine import allocation_sql, chosen_cluster
    from trainfare.flows.inputs import read_rules
    from trainfare.metering.home import home_folder

    period = one_period(period, named)
    if dialect:
        if period or engine or master or remote:
            raise BadInput("--emit-sql allocates nothing; give it no period and no engine")
        click.echo(allocation_sql(dialect, read_rules(home_folder())[0]), nl=False)
        return
    done = allocate_periods(home_folder(), period, chosen_cluster(engine, master, remote))
    if form == "json":
        say_json({"periods": [allocated_json(one) for one in done]})
        return
    for one in done:
        _show(one)
    click.echo("Next: trainfare verify · trainfare report --by model,team")


def _show(one: Allocated) -> None:
    state = "nothing changed" if one.is_unchanged else plural(one.summary["charges"], "charge")
    if one.touched:
        state += f"; {one.touched[0]} of {plural(one.touched[1], 'resource-day')} allocated anew"
    if one.whole_because:
        state += f"; all of it allocated anew, for {one.whole_because}"
    say(f"{one.period}: {state}", below="  ")
    rows = []
    for outcome in one.summary["outcomes"]:
        if outcome["view"] != "effective":
            continue
        currency = outcome["currency"]
        amounts = [Money(int(outcome[name]), currency) for name in STANDINGS]
        rows.append(
            [f"  {currency}", *[a.display(2) for a in (*amounts, Money.total(amounts, currency))]]
        )
    head = ["  effective", "runs", "idle", "shared", "unused commitment", "unallocated", "bill"]
    click.echo(table(head, rows, right=range(1, 7)))
    if one.summary["stale_tag_count"]:
        count = one.summary["stale_tag_count"]
        say(f"tags that name another run than was measured there: {count}", "  ")
        for tag in one.summary["stale_tags"][:3]:
            runs = ", ".join(tag["runs"])
            say(
                f"{name_text(tag['resource'])}: tagged {tag['tag_run']}, used by {runs}",
                "    ",
                "      ",
            )
    if one.summary["unbilled_count"]:
        names = ", ".join(map(name_text, one.summary["unbilled"][:3]))
        count = one.summary["unbilled_count"]
        say(f"claimed and on no bill: {plural(count, 'resource')}: {names}", "  ", "    ")
    if one.changes:
        click.echo(f"\n  {plural(len(one.changes), 'run')} changed since the last allocation:")
        changed = [
            [f"  {c.run}", c.before.display(), c.after.display(), (c.after - c.before).display()]
            for c in one.changes[:CHANGES_SHOWN]
        ]
        click.echo(table(["  run", "before", "after", "change"], changed, right=[1, 2, 3]))
    click.echo()
