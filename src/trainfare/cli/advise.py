"""``trainfare advise``: what to do cheaper, held against the own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, plural, say_json, shorten, table
from trainfare.core.period import name_periods
from trainfare.core.recommendation import Kind

if TYPE_CHECKING:
    from trainfare.core.recommendation import Advice
    from trainfare.flows.advise import Advised

NOT_SHOWN = 5
"""So many of those not recommended are shown."""


@click.command("advise")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([one.value for one in Kind]),
    help="Only this kind; repeat it for more.",
)
@format_option("table", "json")
def command(kinds: tuple[str, ...], form: str) -> None:
    """Recommend what to do cheaper: saving per month, evidence, and how it was checked.

    Every dollar is claimed by one recommendation only, so savings add up.
    """
    from trainfare.flows.advice_json import advised_json
    from trainfare.flows.advise import advise
    from trainfare.metering.home import home_folder

    found = advise(home_folder(), map(Kind, kinds))
    if form == "json":
        say_json(advised_json(found))
    else:
        _show(found)


def _show(found: Advised) -> None:
    book = "the bill" if found.book == "billed" else "estimates"
    click.echo(f"From {book} of {name_periods(found.periods)}, per month:\n")
    if not found.advice:
        click.echo("Nothing to save was found.")
    else:
        rows = [_row(one) for one in found.advice]
        head = ["id", "saving", "from", "to", "of", "sure", "effort", "what to do"]
        click.echo(table(head, rows, right=[1, 2, 3, 4]))
    if found.not_advised:
        click.echo(f"\nLooked at and not recommended: {plural(len(found.not_advised), 'thing')}")
        for one in found.not_advised[:NOT_SHOWN]:
            click.echo(f"  {one.kind} {shorten(one.subject, 40)}: {one.why}")
    if found.not_allocated:
        listed = ", ".join(found.not_allocated)
        click.echo(f"\nNot in it: {listed}; run trainfare allocate.")


def _row(one: Advice) -> list[str]:
    made = one.recommendation
    return [
        made.id,
        click.style(one.saving.display(2), bold=True),
        one.saving_low.display(2),
        one.saving_high.display(2),
        "?" if one.share is None else f"{float(one.share):.0%}",
        made.confidence.value,
        made.effort.value,
        shorten(made.title, 60),
    ]
