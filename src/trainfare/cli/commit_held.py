"""``trainfare commit`` for what is held: watch, status, record, recorded, withdraw, import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, plural, say_json, table
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import format_instant, parse_instant
from trainfare.core.plain import plain, shorten

if TYPE_CHECKING:
    from trainfare.core.contract import Contract
    from trainfare.flows.contracts import Purchase, Recorded


SOON_DAYS = 30
"""What ends so soon is red."""


@click.command("status")
@click.option("--period", metavar="YYYY-MM", help="Only this billing period.")
@format_option("table", "json")
def status(period: str | None, form: str) -> None:
    """Show what is held, how far it was used, what it covered, and when it ends."""
    from trainfare.flows.commitment_status import read_status
    from trainfare.metering.home import home_folder

    found = read_status(home_folder(), period)
    if form == "json":
        say_json(found)
        return
    _show_held(found)
    if found["not_on_bill"]:
        click.echo("\nRecorded, and on no bill yet:")
        rows = [
            [shorten(plain(one["name"]), 40), one["kind"].replace("_", " "), _per_hour(one, one["currency"]),
             *_end(one)]
            for one in found["not_on_bill"]
        ]  # fmt: skip
        click.echo(
            table(["commitment", "kind", "an hour", "ends", "days left"], rows, right=[2, 4])
        )
    if any(one["ends"] is None for one in found["commitments"]):
        click.echo("\nWhen the others end no bill says: trainfare commit record, or commit import.")
    click.echo("What to buy: trainfare commit plan")


def _show_held(found: dict[str, Any]) -> None:
    currency = found["currency"]
    if not found["commitments"]:
        if found["periods"]:
            click.echo(
                f"Nothing is held: no commitment in the bills of {', '.join(found['periods'])}."
            )
        return
    rows = [
        [
            shorten(plain(one["name"]), 32),
            one["kind"].replace("_", " "),
            _per_hour(one, currency),
            _money(one["used"], currency),
            _money(one["unused"], currency),
            f"{one['commitment_utilization']:.1%}",
            *_end(one),
        ]
        for one in found["commitments"]
    ]
    head = ["commitment", "kind", "an hour", "used", "unused", "utilization", "ends", "days left"]
    click.echo(table(head, rows, right=[2, 3, 4, 5, 7]))
    click.echo(
        f"\nCoverage {_percent(found['coverage'])}, effective savings rate "
        f"{_percent(found['effective_savings_rate'])} of {_money(found['on_demand'], currency)} on demand."
    )
    if found["unpriced_charges"]:
        count = plural(found["unpriced_charges"], "charge")
        click.echo(f"Not in it: {count} whose on-demand cost the bill does not say.")


@click.command("record")
@click.argument("commitment", metavar="ID")
@click.argument("what", metavar="KIND:TERM=AMOUNT")
@click.option("--start", required=True, help="Its first hour (RFC 3339), or its first day.")
@click.option("--until", help="Where it does not end with its term: when it ends.")
@click.option("--name", default="", help="What people call it.")
@click.option(
    "--promised",
    metavar="AMOUNT",
    help="Saving a month that was expected.  [default: what the bills so far would have saved]",
)
@click.option(
    "--rates",
    "rate_file",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Its rates: sku, kind, term, rate. Without it, the price book.",
)
@click.option("--currency", default="USD", show_default=True)
@format_option("table", "json")  # fmt: skip
def record_command(
    commitment: str, what: str, start: str, until: str | None, name: str, promised: str | None,
    rate_file: Path | None, currency: str, form: str,
) -> None:  # fmt: skip
    """Note that a commitment was bought: ID as bills call it, money an hour or machines.

    Nothing is bought by this. Its saving is measured on later bills: trainfare commit recorded.
    Record the same ID again to correct it.
    """
    from trainfare.flows.commitment_purchase import Told, purchase_of
    from trainfare.flows.commitment_status import recorded_json
    from trainfare.flows.contracts import Recorded, contract_of, record
    from trainfare.metering.home import home_folder

    told = Told(
        id=commitment,
        what=what,
        start_ns=_instant(start),
        until_ns=None if until is None else _instant(until),
        name=name,
        promised=None if promised is None else Money.parse(promised, currency),
        currency=currency,
    )
    bought = purchase_of(home_folder(), told, rate_file)
    [kept] = record(home_folder(), [contract_of(bought)])
    if form == "json":
        say_json(recorded_json(Recorded(kept, (), "it was recorded just now")))
        return
    _say_kept(kept, bought)


def _say_kept(kept: Contract, bought: Purchase) -> None:
    hourly = "?" if kept.per_hour is None else kept.per_hour.display(3)
    click.echo(
        f"Recorded {kept.id}: {kept.kind.replace('_', ' ')}, {hourly} an hour until "
        f"{format_instant(kept.end_ns)[:10]}."
    )
    if kept.promised is not None:
        click.echo(
            f"Promised: {kept.promised.display(2)} a month, by the demand of the bills so far."
        )
    if not bought.rates:
        click.echo("Its rates are not known, so plans cannot reckon with it before a bill has it.")
    click.echo("What it saves: trainfare commit recorded")


@click.command("recorded")
@format_option("table", "json")
def recorded_command(form: str) -> None:
    """What was bought, and what it saved since: the promise beside the bills."""
    from trainfare.flows.commitment_status import recorded_json
    from trainfare.flows.contracts import recorded
    from trainfare.metering.home import home_folder

    found = recorded(home_folder())
    if form == "json":
        say_json({"recorded": [recorded_json(one) for one in found]})
    elif not found:
        click.echo(
            "Nothing is recorded yet: trainfare commit record ID KIND:TERM=AMOUNT --start DAY"
        )
    else:
        head = ["commitment", "bill", "hours", "on demand", "paid for it", "saved", "promised"]
        rows = [row for one in found for row in _recorded_rows(one)]
        if rows:
            click.echo(table(head, rows, right=range(2, 7)))
        for one in found:
            if one.why:
                click.echo(f"{shorten(plain(one.contract.name), 40)}: {one.why}.")


def _recorded_rows(one: Recorded) -> list[list[str]]:
    name = shorten(plain(one.contract.name), 40)
    rows = [
        [
            name, bill.period, f"{bill.hours:,}", _shown(bill.on_demand), _shown(bill.paid),
            _shown(bill.saved), _shown(bill.promised),
        ]
        for bill in one.bills
    ]  # fmt: skip
    if len(rows) < 2:
        return rows
    hours = f"{sum(bill.hours for bill in one.bills):,}"
    saved = click.style(_shown(one.saved), bold=True)
    return [*rows, [name, "all", hours, "", "", saved, _shown(one.promised)]]


@click.command("withdraw")
@click.argument("commitment", metavar="ID")
@format_option("table", "json")
def withdraw_command(commitment: str, form: str) -> None:
    """Take back what was recorded of the commitment ID, as after a mistake."""
    from trainfare.flows.contracts import withdraw
    from trainfare.metering.home import home_folder

    gone = withdraw(home_folder(), commitment)
    if form == "json":
        say_json({"id": gone.id, "state": gone.state})
    else:
        click.echo(f"Withdrawn: {gone.id}")


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@format_option("table", "json")
def import_command(files: tuple[Path, ...], form: str) -> None:
    """Record commitments and their terms from FOCUS ContractCommitment files."""
    from trainfare.flows.commitment_status import recorded_json
    from trainfare.flows.contracts import Recorded, import_contract_files
    from trainfare.metering.home import home_folder

    kept = import_contract_files(home_folder(), files)
    if form == "json":
        say_json({"recorded": [recorded_json(Recorded(one, (), "")) for one in kept]})
        return
    click.echo(
        f"{plural(len(kept), 'commitment')} recorded; when they end: trainfare commit status"
    )


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
            click.echo(f"  {plain(one.sentence)}")


def _show_watched(document: Mapping[str, Any], *, is_new: bool) -> None:
    currency = document["currency"]
    if not is_new:
        click.echo(f"As planned on {document['at'][:10]}: nothing changed since.\n")
    if not document["orders"]:
        click.echo(click.style("Buy nothing", bold=True))
        click.echo(f"{document['why'][0].upper()}{document['why'][1:]}.")
        return
    saving = _money(document["saving_per_month"], currency)
    click.echo(click.style(f"Buy, and save {saving} a month", bold=True))
    for one in document["orders"]:
        click.echo(f"  {one['words']}")
        click.echo(f"    where    {one['where']}")
        click.echo(f"    covers   {', '.join(one['skus'])}")
        click.echo(
            f"    binds    {_money(one['binds'], currency)} in all; way out: {one['way_out']}"
        )
        click.echo(f"    rates    {one['source']}")
        click.echo(f"    then     {one['record']}")
    click.echo(f"\n{document['why'][0].upper()}{document['why'][1:]}.")


def _instant(text: str) -> int:
    """A time; a bare day is its beginning."""
    return parse_instant(f"{text}T00:00:00Z" if len(text.strip()) == len("2026-10-01") else text)


def _end(row: dict[str, Any]) -> list[str]:
    if row["ends"] is None:
        return ["?", "?"]
    days = row["days_left"]
    text = "over" if days < 0 else f"{days:,}"
    return [row["ends"][:10], click.style(text, fg="red", bold=True) if days <= SOON_DAYS else text]


def _per_hour(row: dict[str, Any], currency: str) -> str:
    text = row["commitment_per_hour"]
    return "?" if text is None else Money.parse(text, currency).display(3)


def _shown(amount: Money | None) -> str:
    return "?" if amount is None else amount.display(2)


def _money(text: str, currency: str) -> str:
    return Money.parse(text, currency).display(2)


def _percent(value: Any) -> str:
    return "?" if value is None else f"{float(value):.1%}"


COMMANDS = (
    watch_command,
    status,
    record_command,
    recorded_command,
    withdraw_command,
    import_command,
)
"""Added to the group of ``trainfare commit``."""
