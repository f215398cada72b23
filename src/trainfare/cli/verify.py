"""``trainfare verify``: prove that runs and remainders sum to the bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, say, say_json, table, width
from trainfare.cli.argument import one_period, period_argument
from trainfare.cli.columns import fill
from trainfare.core.charge import Remainder, View
from trainfare.core.money import Money

if TYPE_CHECKING:
    from trainfare.flows.allocation import Balance

NAMES = ("runs", *Remainder)


@click.command("verify")
@period_argument
@format_option("table", "json")
def command(period: str | None, named: str | None, form: str) -> int:
    """Prove conservation of a billing PERIOD, or of all; exit 1 with the difference if it fails."""
    from trainfare.flows.allocation import verify
    from trainfare.flows.bill_json import balances_json
    from trainfare.metering.home import home_folder

    balances = verify(home_folder(), one_period(period, named))
    is_conserved = all(one.difference == 0 for one in balances)
    stale = list(dict.fromkeys(one.period for one in balances if one.is_stale))
    if form == "json":
        say_json(balances_json(balances))
        return 0 if is_conserved else 1
    if not balances:
        click.echo("No bills yet, so nothing to verify.")
        return 0
    rows = [
        [
            click.style("✓", fg="green") if one.difference == 0 else click.style("✗", fg="red"),
            f"{one.period} {one.currency}",
            one.view.value,
            *[
                Money(nano, one.currency).display(2)
                for nano in (one.bill, one.runs, *[one.remainders[r] for r in Remainder])
            ],
        ]
        for one in balances
    ]
    head = ["", "period", "view", "bill", "runs", "idle", "shared", "unused", "unallocated"]
    click.echo(table(head, rows, right=range(3, 9)))
    for sentence in _what_sums_are(balances):
        click.echo("\n" + fill(sentence, width()))
    for one in balances:
        if one.difference:
            off = Money(one.difference, one.currency).text()
            say(f"{one.period} {one.view.value}: {off} {one.currency} of the bill are nowhere")
    for restated in stale:
        say(
            f"{restated} was restated since it was allocated; what changed stands as unallocated: "
            "run trainfare allocate"
        )
    click.echo("\nConserved to the nano." if is_conserved else "\nNOT CONSERVED.")
    return 0 if is_conserved else 1


def _what_sums_are(balances: Sequence[Balance]) -> Iterator[str]:
    """What the two books of a bill are, where they differ, and what *shared* holds."""
    effective = {(b.period, b.currency): b.bill for b in balances if b.view is View.EFFECTIVE}
    billed = {(b.period, b.currency): b.bill for b in balances if b.view is View.BILLED}
    if any(effective.get(key, nano) != nano for key, nano in billed.items()):
        yield (
            "billed is what the month's bill asks for; effective spreads what was paid ahead, such "
            "as commitments, over the time that it is for."
        )
    if any(one.remainders[Remainder.SHARED] for one in balances):
        yield (
            "shared is all that no single run owns, also where a rule gives it to a label; "
            "`trainfare report` counts that in the label's own row."
        )
