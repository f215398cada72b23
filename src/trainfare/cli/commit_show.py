"""Plans of commitments as a person reads them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import say, share_text, table
from trainfare.core.money import Money
from trainfare.core.plain import percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainfare.commitments.backtest import Tested
    from trainfare.commitments.demand import Demand
    from trainfare.commitments.ladder import Walked
    from trainfare.commitments.offer import Holding
    from trainfare.commitments.risk import Risk
    from trainfare.flows.commitment import CommitmentPlan, Ladder

SKUS_SHOWN = 2


def show_plan(found: CommitmentPlan) -> None:
    """What to buy, what that comes to, what it risks, and how it was tested."""
    demand, currency = found.demand, found.demand.currency
    say(f"{plural(demand.hours, 'hour')} of demand, {_nano(demand.total_nano, currency)} on demand")
    click.echo()
    if found.buy:
        click.echo(bold("Buy"))
        click.echo(
            table(
                ["kind", "term", "an hour", "for"],
                [_line(one, currency) for one in found.bought],
                right=[2],
            )
        )
    else:
        click.echo(bold("Buy nothing"))
    click.echo()
    say(f"{found.why[0].upper()}{found.why[1:]}.")
    if found.buy:
        rate = found.saving_nano / found.without_nano if found.without_nano else 0.0
        rows = [
            ["without", _nano(found.without_nano, currency), ""],
            ["with it", _nano(found.with_nano, currency), ""],
            [bold("saving"), bold(_nano(found.saving_nano, currency)), bold(percent(rate))],
        ]
        click.echo()
        click.echo(table(["over these hours", currency, ""], rows, right=[1, 2]))
        risk = found.risk
        click.echo()
        say(
            f"If demand changes: saving {percent(risk.low)} to {percent(risk.high)} in 90 of 100 scenarios, "
            f"{percent(risk.tail)} in the worst five; it loses money in {percent(risk.loss_probability, 0)}."
        )
        say(_waiting(risk))
        if found.premium >= 0.005:
            premium = Money.nearest(Fraction(found.premium), currency).display(2)
            say(f"Never paying more than on demand would be worth {premium} a month.")
        if found.upfront_nano:
            click.echo(f"At the purchase: {_nano(found.upfront_nano, currency)}.")
        say(
            f"Commitment utilization {share_text(found.measures.commitment_utilization)}, coverage "
            f"{share_text(found.measures.coverage)}; at most {percent(found.gap_bought, 2)} above the least "
            f"that these hours could have cost, {percent(found.gap, 2)} without caution."
        )
    if found.ladder is not None:
        _show_ladder(found.ladder, currency)
    if len(found.alone) > 1:
        rows = [[*_line(one, currency), _nano(saving, currency)] for one, saving in found.alone]
        click.echo()
        click.echo(table(["each alone", "term", "an hour", "for", "saving"], rows, right=[2, 4]))
    if found.tested:
        click.echo()
        show_tested(found.tested, demand)


def _waiting(risk: Risk) -> str:
    """Whether waiting may be worth something."""
    from trainfare.commitments.risk import WAIT_MONTHS

    known = f"Waiting {WAIT_MONTHS} months would save {percent(risk.after_waiting)} instead of {percent(risk.mean)}"
    if risk.is_waiting_better:
        return f"{known} if it told exactly what demand will be: it may be worth it."
    return f"{known} even if it told exactly what demand will be: do not wait."


def _show_ladder(ladder: Ladder, currency: str) -> None:
    from trainfare.commitments.demand import hour_text

    rows = [
        [hour_text(one.start)[:10], *_line(one, currency)] for step in ladder.steps for one in step
    ]
    click.echo()
    click.echo(table(["in parts, from", "kind", "term", "an hour", "for"], rows, right=[3]))
    if ladder.at_once is None or ladder.in_parts is None:
        click.echo("History is shorter than two weeks: nothing could be walked through.")
        return
    say(
        f"Walked through history, each purchase held to the end of its term: all at once saved "
        f"{percent(ladder.at_once.saved)}, in parts {percent(ladder.in_parts.saved)}."
    )


def _line(one: Holding, currency: str) -> list[str]:
    skus = sorted(one.offer.rates)
    more = f" and {len(skus) - SKUS_SHOWN} more" if len(skus) > SKUS_SHOWN else ""
    machines = ""
    if one.offer.is_count:
        machines = f"{one.amount_nano // one.offer.quantum_nano} × "
    return [
        one.offer.kind.replace("_", " "),
        one.offer.term,
        Money(one.amount_nano, currency).display(3),
        f"{machines}{', '.join(skus[:SKUS_SHOWN])}{more}",
    ]


def show_tested(tested: Sequence[Tested], demand: Demand) -> None:
    """What was promised beside what came of it, and the other policies over the same hours."""
    from trainfare.commitments.backtest import summary_of
    from trainfare.commitments.demand import hour_text

    currency = demand.currency
    rows = [
        [
            f"{hour_text(demand.first_hour + one.window.middle)[:13]}  {one.window.end - one.window.middle} h",
            percent(one.promised),
            percent(one.backtested),
            _nano(one.saving_nano, currency),
            _nano(one.regret_nano, currency),
        ]
        for one in tested
    ]
    head = ["later hours, from", "promised", "saved", currency, "hindsight saved more"]
    click.echo(table(head, rows, right=range(1, 5)))
    base = sum(one.on_demand_nano for one in tested)
    found = summary_of(tested)
    if found is not None:
        click.echo()
        say(
            f"In all: promised {percent(found.promised)}, saved {percent(found.backtested)}; hindsight would "
            f"have saved {percent(found.regret)} more."
        )
    names = list(tested[0].paid_nano)
    sums = {name: sum(one.paid_nano[name] for one in tested) for name in names}
    rows = [
        [
            name.replace("_", " "),
            _nano(base - nano, currency),
            percent((base - nano) / base) if base else "?",
        ]
        for name, nano in sorted(sums.items(), key=lambda item: (item[1], item[0]))
    ]
    click.echo()
    click.echo(table(["policy", f"saved, {currency}", "of on demand"], rows, right=[1, 2]))


def show_walked(walked: Mapping[str, Walked], currency: str) -> None:
    """What every policy came to where each purchase was held to the end of its term."""
    rows = [
        [
            name.replace("_", " "),
            _nano(one.on_demand_nano - one.paid_nano, currency),
            percent(one.saved),
            _nano(sum(some.amount_nano for some in one.bought), currency),
        ]
        for name, one in sorted(walked.items(), key=lambda item: (item[1].paid_nano, item[0]))
    ]
    head = ["held to the end of its term", f"saved, {currency}", "of on demand", "bought, an hour"]
    click.echo()
    click.echo(table(head, rows, right=[1, 2, 3]))


def bold(text: str) -> str:
    """Text that stands out."""
    return click.style(text, bold=True)


def _nano(nano: int, currency: str) -> str:
    return Money(nano, currency).display(2)
