"""``trainfare commit`` for what is held: status, record, recorded, withdraw, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say, say_json, share_text, table
from trainfare.cli.commit_runs import show_alignment
from trainfare.core.money import Money
from trainfare.core.period import format_instant, parse_day_or_instant
from trainfare.core.plain import percent, plain, plural

if TYPE_CHECKING:
    from trainfare.core.contract import Contract
    from trainfare.flows.contracts import Purchase, Recorded


SOON_DAYS = 30
"""What ends so soon is red."""


@click.command("status")
@click.option("--period", metavar="YYYY-MM", help="Only this billing period.")
@click.option(
    "--runs", "by_run", is_flag=True, help="Which runs used it, and which paid beside it."
)
@format_option("table", "json")
def status(period: str | None, by_run: bool, form: str) -> None:
    """Show what is held, how far it was used, what it covered, and when it ends."""
    from trainfare.flows.commitment_status import alignment_json, read_alignment, read_status
    from trainfare.metering.home import home_folder

    if by_run:
        alignments = read_alignment(home_folder(), period)
        if form == "json":
            say_json({"alignment": [alignment_json(one) for one in alignments]})
        else:
            show_alignment(alignments)
        return
    found = read_status(home_folder(), period)
    if form == "json":
        say_json(found)
        return
    _show_held(found)
    _show_unmeasured(found["unmeasured"])
    if found["not_on_bill"]:
        where = f"not on the bills of {period}" if period else "on no bill yet"
        click.echo(f"\nRecorded, and {where}:")
        rows = [
            [plain(one["name"]), one["kind"].replace("_", " "), _per_hour(one, one["currency"]),
             *_end(one)]
            for one in found["not_on_bill"]
        ]  # fmt: skip
        click.echo(
            table(["commitment", "kind", "an hour", "ends", "days left"], rows, right=[2, 4])
        )
    for one in found["other_currencies"]:
        click.echo()
        say(
            f"Not in it: what is billed in {one['currency']}, with "
            f"{plural(one['commitments'], 'commitment')} ({_money(one['used'], one['currency'])} used, "
            f"{_money(one['unused'], one['currency'])} unused)."
        )
    if any(one["ends"] is None for one in (*found["commitments"], *found["unmeasured"])):
        click.echo()
        say("No bill says when the others end: trainfare commit record, or commit import.")
    click.echo("What to buy: trainfare commit plan")


def _show_held(found: dict[str, Any]) -> None:
    currency = found["currency"]
    if not found["commitments"]:
        if found["periods"] and not found["unmeasured"]:
            say(f"Nothing is held: no commitment in the bills of {', '.join(found['periods'])}.")
        return
    rows = [
        [
            plain(one["name"]),
            one["kind"].replace("_", " "),
            _per_hour(one, currency),
            _money(one["used"], currency),
            _money(one["unused"], currency),
            percent(one["commitment_utilization"]),
            *_end(one),
        ]
        for one in found["commitments"]
    ]
    head = ["commitment", "kind", "an hour", "used", "unused", "utilization", "ends", "days left"]
    click.echo(table(head, rows, right=[2, 3, 4, 5, 7]))
    click.echo()
    say(
        f"Coverage {share_text(found['coverage'])}, effective savings rate "
        f"{share_text(found['effective_savings_rate'])} of {_money(found['on_demand'], currency)} on demand."
    )
    if found["unpriced_charges"]:
        count = plural(found["unpriced_charges"], "charge")
        say(f"Not in it: {count} whose on-demand cost the bill does not say.")


def _show_unmeasured(some: list[dict[str, Any]]) -> None:
    if not some:
        return
    click.echo()
    say(f"On the bills, and {some[0]['why']}:")
    rows = [
        [
            plain(one["name"]),
            plain(one["kind"]),
            f"{one['charges']:,}",
            "?" if one["list"] is None else Money.parse(one["list"], one["currency"]).display(4),
            *_end(one),
        ]
        for one in some
    ]
    head = ["commitment", "kind", "charges", "list cost of use", "ends", "days left"]
    click.echo(table(head, rows, right=[2, 3, 5]))


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
@click.option("--currency", default="USD", show_default=True, help="Of the money an hour.")
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
        start_ns=parse_day_or_instant(start),
        until_ns=None if until is None else parse_day_or_instant(until),
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
    say(
        f"Recorded {kept.id}: {kept.kind.replace('_', ' ')}, {hourly} an hour until "
        f"{format_instant(kept.end_ns)[:10]}."
    )
    if kept.promised is not None:
        say(f"Promised: {kept.promised.display(2)} a month, by the demand of the bills so far.")
    if not bought.rates:
        say("Its rates are not known, so plans cannot reckon with it before a bill has it.")
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
        say("Nothing is recorded yet: trainfare commit record ID KIND:TERM=AMOUNT --start DAY")
    else:
        head = ["commitment", "bill", "hours", "on demand", "paid for it", "saved", "promised"]
        rows = [row for one in found for row in _recorded_rows(one)]
        if rows:
            click.echo(table(head, rows, right=range(2, 7)))
        for one in found:
            if one.why:
                say(f"{plain(one.contract.name)}: {one.why}.", below="  ")


def _recorded_rows(one: Recorded) -> list[list[str]]:
    name = plain(one.contract.name)
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
    say(f"{plural(len(kept), 'commitment')} recorded; when they end: trainfare commit status")


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


COMMANDS = (
    status,
    record_command,
    recorded_command,
    withdraw_command,
    import_command,
)
"""Added to the group of ``trainfare commit``."""
