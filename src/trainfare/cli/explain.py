"""``trainfare explain``: from any number down to file, row, rule and weights."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import (
    command_text,
    format_option,
    name_text,
    only_team,
    say,
    say_json,
    table,
)
from trainfare.core.carry import CarryRule
from trainfare.core.charge import View
from trainfare.core.claim import share_text
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money
from trainfare.core.period import format_instant
from trainfare.core.plain import plain, plural
from trainfare.flows.explain_json import (
    amounts_of,
    charge_json,
    effective_of,
    own_run_json,
    run_json,
    totals_of,
)

if TYPE_CHECKING:
    from trainfare.allocation.line import Line
    from trainfare.flows.carry import RunData
    from trainfare.flows.explain import ExplainedCharge, ExplainedRun, Part

PARTS_SHOWN = 30


@click.command("explain")
@click.argument("run", required=False)
@click.option("--charge", metavar="ID", help="One charge: delivery/file:row.")
@click.option("--period", help="Only this billing period.")
@click.option(
    "--carry",
    type=click.Choice([rule.value for rule in CarryRule]),
    help="What a report with --carry gives RUN for data, and takes from it.",
)
@format_option("table", "json")
def command(
    run: str | None, charge: str | None, period: str | None, carry: str | None, form: str
) -> None:
    """Explain what a RUN got, charge by charge, or how one charge was divided.

    With --carry: from which data runs its cost of data comes, and by what weight.
    """
    from trainfare.flows import explain
    from trainfare.metering.home import home_folder

    if (run is None) == (charge is None):
        raise BadInput("name a RUN or a --charge, one of the two")
    if carry is not None:
        if run is None:
            raise BadInput("--carry explains a RUN, not a charge")
        _explain_carry(run, CarryRule(carry), period, form)
        return
    if charge is not None:
        explained = explain.explain_charge(home_folder(), charge)
        if form == "json":
            say_json({"charges": [charge_json(one) for one in explained]})
        else:
            for one in explained:
                _show_charge(one)
        return
    assert run is not None
    told = explain.explain_run(home_folder(), run, period)
    if form == "json":
        document = run_json(run, told)
        say_json(own_run_json(document) if only_team() else document)
    else:
        _show_run(run, told)


def _explain_carry(run: str, rule: CarryRule, period: str | None, form: str) -> None:
    from trainfare.flows.carry import explain_carry
    from trainfare.metering.history import find_run_id
    from trainfare.metering.home import home_folder

    with contextlib.suppress(NotFound):  # a run that only a bill tells of has no record here
        run = find_run_id(home_folder(), run)
    told = explain_carry(home_folder(), run, rule, period)
    if form == "json":
        say_json({"explained": [one.to_json() for one in told]})
        return
    for one in told:
        _show_data(one)


def _show_data(told: RunData) -> None:
    for book, carried in told.books.items():
        say(f"{told.run}: data carried by {told.rule}, {book}")
        click.echo()
        rows = [
            [
                f"  {one.maker}",
                plain(one.output),
                one.reader,
                f"{one.weight:,} of {one.whole:,}",
                Money(one.nano, told.currency).display(),
            ]
            for one in carried.shares
        ]
        rows += [
            [
                f"  {one.maker}",
                plain(one.output),
                f"(stays: {one.why})",
                "",
                Money(one.nano, told.currency).display(),
            ]
            for one in carried.kept
        ]
        if rows:
            click.echo(table(["  from", "output", "to", "weight", "amount"], rows, right=[3, 4]))
        for why in carried.lacking.values():
            say(f"unknown: {why}", "  – ", "    ")
        words = (("own cost", book.value), ("carried", f"{book}_carried_data"))
        for title, name in (*words, ("with data", f"{book}_with_data")):
            amount = told.row[name]
            shown = amount.display() if isinstance(amount, Money) else "unknown"
            click.echo(f"  {title:<10}{shown:>16}")
        click.echo()


def _owner(line: Line) -> str:
    return line.run or f"({(line.remainder or 'nobody').replace('_', ' ')})"


def _show_run(run: str, told: ExplainedRun) -> None:
    total = ", ".join(amount.display(2) for amount in totals_of(told).values())
    count = len(told.parts)
    say(f"{run}: {plural(count, 'part')} of charges, {total} effective")
    click.echo()
    if told.parts:
        _show_parts(told.parts)
    if told.pooled:
        rows = [
            [f"  {one.period}", one.rule, plain(one.text), _text(effective_of(one))]
            for one in told.pooled
        ]
        click.echo("\nOf what rules divide over runs:")
        click.echo(table(["  period", "rule", "match", "effective"], rows, right=[3]))


def _show_parts(parts: Sequence[Part]) -> None:
    ordered = sorted(parts, key=lambda p: -abs(p.line.amounts[1] or 0))
    rows = [
        [
            _short(part.charge),
            format_instant(part.line.start_us * 1000)[:16].replace("T", " "),
            part.line.method,
            _text(effective_of(part.line)),
        ]
        for part in ordered[:PARTS_SHOWN]
    ]
    click.echo(table(["charge", "from (UTC)", "method", "effective"], rows, right=[3]))
    if len(parts) > PARTS_SHOWN:
        click.echo(f"… and {len(parts) - PARTS_SHOWN:,} smaller ones; --format json has all.")
    words = shlex.join(["trainfare", "explain", "--charge", _short(ordered[0].charge)])
    click.echo("\nHow one was divided:\n" + command_text(words, "  "))


def _short(charge: str) -> str:
    """A charge with as much of its delivery as bill list shows, which is enough to name it."""
    delivery, _, rest = charge.partition("/")
    return f"{delivery[:12]}/{rest}"


def _text(amount: Money | None) -> str:
    return "not stated" if amount is None else amount.display()


def _show_charge(one: ExplainedCharge) -> None:
    told = one.explanation
    first = told.lines[0]
    span = f"{format_instant(first.start_us * 1000)} to {format_instant(first.end_us * 1000)}"
    click.echo(one.charge)
    say(f"{name_text(first.resource or '(no resource)', 1)}, {span}")
    if told.capacity_us is not None:
        click.echo(f"paid for {told.capacity_us / 10**6:,.0f} s in this time")
    if told.rule is not None:
        say(f"rule {told.rule.name!r} (line {told.rule.line}): {told.rule.text}", below="  ")
    rows = [
        [
            f"  {_owner(line)}",
            line.method,
            *[value or "not stated" for value in amounts_of(line).values()],
        ]
        for line in told.lines
    ]
    click.echo(table(["  goes to", "method", *[v.value for v in View]], rows, right=[2, 3, 4, 5]))
    if told.claims:
        click.echo()
        names = [claim.run for claim in told.claims]
        claims = [
            [
                f"  {claim.run}",
                format_instant(claim.start_us * 1000)[11:19],
                format_instant(claim.end_us * 1000)[11:19],
                share_text(claim.share),
                f"{float((claim.end_us - claim.start_us) * claim.share / 10**6):,.0f} s",
                _held(one, claim.run) if claim.run not in names[:number] else "",
            ]
            for number, claim in enumerate(told.claims)
        ]
        head = ["  claim of", "from", "to", "share", "weight", "held"]
        click.echo(table(head, claims, right=[3, 4, 5]))
        if one.held_us:
            click.echo("held: what a run has of the paid time after all claims shared it")
    click.echo()


def _held(one: ExplainedCharge, run: str) -> str:
    return f"{one.held_us[run] / 10**6:,.0f} s" if run in one.held_us else "–"
