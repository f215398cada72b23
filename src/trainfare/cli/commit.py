"""``trainfare commit``: what is held, what to buy, and what that would have done."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, plural, say_json, table
from trainfare.cli.commit_held import COMMANDS
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, Money, decimal_of

if TYPE_CHECKING:
    from trainfare.commitments.backtest import Tested
    from trainfare.commitments.demand import Demand
    from trainfare.commitments.offer import Holding, Offer
    from trainfare.commitments.risk import Risk
    from trainfare.commitments.single import Limits
    from trainfare.flows.commitment import CommitmentPlan, Ladder

SKUS_SHOWN = 2


@click.group("commit")
def command() -> None:
    """What is held ahead, what to buy, for how long, and how it would have done.

    Nothing is ever bought: a plan names the purchase for a human.
    """


def _source(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--demand", "demand_file", type=click.Path(path_type=Path), metavar="FILE.csv",
                     help="Demand: hour, sku, quantity, on_demand_price. Without it, the bills."),
        click.option("--rates", "rate_file", type=click.Path(path_type=Path), metavar="FILE.csv",
                     help="What can be bought: sku, kind, term, rate. Without it, the price book."),
        click.option("--period", metavar="YYYY-MM", help="Only this billing period of the bills."),
    ):  # fmt: skip
        function = option(function)
    return function


def _limits(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--longest", type=click.Choice(["1m", "6m", "1y", "3y"]), default="1y",
                     show_default=True, help="No longer term: demand so far ahead is a guess."),
        click.option("--most", metavar="AMOUNT[/month]",
                     help="At most so much money an hour (or a month), in all."),
        click.option("--cash", metavar="AMOUNT", help="At most so much money at the purchase."),
        click.option("--risk", metavar="expected|tail|PERCENT", default="expected", show_default=True,
                     help="Best on average, best in the worst 5 of 100 scenarios, or best on average "
                     "while those lose at most so many per cent."),
        click.option("--least-used", type=click.FloatRange(0, 100), metavar="PERCENT", default=0.0,
                     help="Only what history would have used to so many per cent."),
    ):  # fmt: skip
        function = option(function)
    return function


@command.command("plan")
@_source
@_limits
@click.option(
    "--windows",
    type=click.IntRange(1, 60),
    default=6,
    show_default=True,
    help="Windows of later hours that the plan is tested on.",
)
@click.option(
    "--ladder",
    "parts",
    type=click.IntRange(1, 12),
    default=1,
    metavar="PARTS",
    help="Buy in so many parts, spread over the term, each planned anew.",
)
@click.option(
    "--planned",
    "planned_file",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Demand that is known to come, as --demand.",
)
@click.option("--live", is_flag=True, help="Add what live runs still need, by their forecasts.")
@format_option("table", "json")
def plan_command(
    demand_file: Path | None, rate_file: Path | None, period: str | None, longest: str,
    most: str | None, cash: str | None, risk: str, least_used: float, windows: int, parts: int,
    planned_file: Path | None, live: bool, form: str,
) -> None:  # fmt: skip
    """Say what to buy, which may be nothing, and prove it on later hours of history."""
    from trainfare.flows.commitment_source import need_optimize

    need_optimize()
    from trainfare.commitments.scenarios import parse_aim
    from trainfare.flows.commitment import make_commitment_plan
    from trainfare.flows.commitment_json import plan_json

    aim, limits = parse_aim(risk), _limits_of(most, cash, least_used)
    demand, held, offers = _given(demand_file, rate_file, period, longest)
    found = make_commitment_plan(
        demand, offers, held, limits=limits, windows=windows, aim=aim, parts=parts,
        planned=_planned(planned_file, demand.currency, is_live=live),
    )  # fmt: skip
    if form == "json":
        say_json(plan_json(found))
    else:
        _show_plan(found)


@command.command("backtest")
@_source
@_limits
@click.option("--windows", type=click.IntRange(1, 60), default=12, show_default=True)
@format_option("table", "json")
def backtest_command(
    demand_file: Path | None, rate_file: Path | None, period: str | None, longest: str,
    most: str | None, cash: str | None, risk: str, least_used: float, windows: int, form: str,
) -> None:  # fmt: skip
    """Show what plans made on history would have saved on the hours after, beside other policies."""
    from trainfare.flows.commitment_source import need_optimize

    need_optimize()
    from trainfare.commitments.scenarios import parse_aim
    from trainfare.flows.commitment import tested_plans
    from trainfare.flows.commitment_json import tested_json

    aim, limits = parse_aim(risk), _limits_of(most, cash, least_used)
    demand, held, offers = _given(demand_file, rate_file, period, longest)
    found = tuple(tested_plans(demand, offers, held, limits=limits, windows=windows, aim=aim))
    if not found:
        raise BadInput(f"{demand.hours} hours of demand are too few; two weeks are the least")
    if form == "json":
        say_json({"currency": demand.currency, "windows": tested_json(found, demand)})
    else:
        _show_tested(found, demand)


@command.command("simulate")
@_source
@click.option("--buy", "purchases", multiple=True, required=True, metavar="KIND:TERM=AMOUNT",
              help="Money an hour, or machines where the kind is bought by them; may be repeated.")  # fmt: skip
@format_option("table", "json")
def simulate_command(
    demand_file: Path | None, rate_file: Path | None, period: str | None,
    purchases: tuple[str, ...], form: str,
) -> None:  # fmt: skip
    """Show what a commitment of your own choice would have cost and saved."""
    from trainfare.commitments.application import apply
    from trainfare.commitments.measures import measure
    from trainfare.commitments.risk import assess
    from trainfare.commitments.single import paid
    from trainfare.flows.commitment import parse_purchase
    from trainfare.flows.commitment_json import holding_json, measures_json

    demand, held, offers = _given(demand_file, rate_file, period)
    bought = [parse_purchase(text, offers) for text in purchases]
    without, with_it = (
        Money(paid(demand, some), demand.currency) for some in (held, [*held, *bought])
    )
    found = measure(demand, apply(demand, [*held, *bought]))
    if form == "json":
        risk = assess(demand, bought, held)
        say_json(
            {
                "plan": [holding_json(one, demand.currency) for one in bought],
                "currency": demand.currency,
                "hours": demand.hours,
                "cost_without": without.text(),
                "cost_with": with_it.text(),
                "saving": (without - with_it).text(),
                "loss_probability": risk.loss_probability,
                **measures_json(found),
            }
        )
        return
    click.echo(f"Over {plural(demand.hours, 'hour')} of demand\n")
    rows = [
        ["without", without.display(2)],
        ["with it", with_it.display(2)],
        [_bold("saving"), _bold((without - with_it).display(2))],
        ["coverage", _percent(found.coverage)],
        ["commitment utilization", _percent(found.commitment_utilization)],
    ]
    click.echo(table(["", demand.currency], rows, right=[1]))


def _given(
    demand_file: Path | None, rate_file: Path | None, period: str | None, longest: str = "3y"
) -> tuple[Demand, tuple[Holding, ...], tuple[Offer, ...]]:
    """Demand, what is held, and what can be bought."""
    from trainfare.flows.commitment_source import gather
    from trainfare.metering.home import home_folder

    given = gather(
        home_folder(), demand_file=demand_file, rate_file=rate_file, period=period, longest=longest
    )
    return given.demand, given.held, given.offers


def _planned(path: Path | None, currency: str, *, is_live: bool) -> list[Demand]:
    """Demand that is known to come: of a file, and of live runs."""
    from trainfare.flows.commitment import read_demand_file

    found = [] if path is None else [read_demand_file(path, currency)]
    if is_live:
        from trainfare.flows.commitment_planned import live_demand
        from trainfare.metering.home import home_folder

        live = live_demand(home_folder(), currency)
        if live.demand is not None:
            found.append(live.demand)
        if live.unknown:
            click.echo(
                f"Not in it: {plural(live.unknown, 'live run')} without a known end "
                "(run.expect) or an on-demand price.",
                err=True,
            )
    return found


def _limits_of(most: str | None, cash: str | None, least_used: float) -> Limits:
    from trainfare.commitments.kinds import HOURS_OF
    from trainfare.commitments.single import Limits

    per_hour = None
    if most is not None:
        number, _, per = most.partition("/")
        if per not in ("", "h", "hour", "month"):
            raise BadInput(f"--most {most!r}: write an amount an hour, or with /month")
        per_hour = _amount_of("--most", number) // (HOURS_OF["m"] if per == "month" else 1)
    upfront = None if cash is None else _amount_of("--cash", cash)
    return Limits(per_hour, least_used / 100, upfront)


def _amount_of(option: str, text: str) -> int:
    nano = decimal_of(text) * NANO
    if nano < 0 or nano.denominator != 1:
        raise BadInput(f"{option} {text!r}: write an amount of at least 0 with at most 9 places")
    return nano.numerator


def _show_plan(found: CommitmentPlan) -> None:
    demand, currency = found.demand, found.demand.currency
    click.echo(
        f"{plural(demand.hours, 'hour')} of demand, {_nano(demand.total_nano, currency)} on demand\n"
    )
    if found.buy:
        click.echo(_bold("Buy"))
        click.echo(
            table(
                ["kind", "term", "an hour", "for"],
                [_line(one, currency) for one in found.bought],
                right=[2],
            )
        )
    else:
        click.echo(_bold("Buy nothing"))
    click.echo(f"\n{found.why[0].upper()}{found.why[1:]}.")
    if found.buy:
        rate = found.saving_nano / found.without_nano if found.without_nano else 0.0
        rows = [
            ["without", _nano(found.without_nano, currency), ""],
            ["with it", _nano(found.with_nano, currency), ""],
            [_bold("saving"), _bold(_nano(found.saving_nano, currency)), _bold(f"{rate:.1%}")],
        ]
        click.echo()
        click.echo(table(["over these hours", currency, ""], rows, right=[1, 2]))
        risk = found.risk
        click.echo(
            f"\nIf demand changes: saving {risk.low:.1%} to {risk.high:.1%} in 90 of 100 scenarios, "
            f"{risk.tail:.1%} in the worst five; it loses money in {risk.loss_probability:.0%}."
        )
        click.echo(_waiting(risk))
        if found.premium >= 0.005:
            premium = Money.nearest(Fraction(found.premium), currency).display(2)
            click.echo(f"Never paying more than on demand would be worth {premium} a month.")
        if found.upfront_nano:
            click.echo(f"At the purchase: {_nano(found.upfront_nano, currency)}.")
        click.echo(
            f"Commitment utilization {_percent(found.measures.commitment_utilization)}, coverage "
            f"{_percent(found.measures.coverage)}; at most {found.gap:.2%} above the least possible cost."
        )
    if found.ladder is not None:
        _show_ladder(found.ladder, currency)
    if len(found.alone) > 1:
        rows = [[*_line(one, currency), _nano(saving, currency)] for one, saving in found.alone]
        click.echo()
        click.echo(table(["each alone", "term", "an hour", "for", "saving"], rows, right=[2, 4]))
    if found.tested:
        click.echo()
        _show_tested(found.tested, demand)


def _waiting(risk: Risk) -> str:
    """Whether waiting may be worth something."""
    from trainfare.commitments.risk import WAIT_MONTHS

    known = f"Waiting {WAIT_MONTHS} months would save {risk.after_waiting:.1%} instead of {risk.mean:.1%}"
    if risk.is_waiting_better:
        return f"{known} if it told exactly what demand will be: it may be worth it."
    return f"{known} even if it told exactly what demand will be: do not wait."


def _show_ladder(ladder: Ladder, currency: str) -> None:
    from trainfare.flows.commitment_json import hour_text

    rows = [
        [hour_text(one.start)[:10], *_line(one, currency)] for step in ladder.steps for one in step
    ]
    click.echo()
    click.echo(table(["in parts, from", "kind", "term", "an hour", "for"], rows, right=[3]))
    if ladder.at_once is None or ladder.in_parts is None:
        click.echo("History is shorter than two weeks: nothing could be walked through.")
        return
    click.echo(
        f"Walked through history, each purchase held to the end of its term: all at once saved "
        f"{ladder.at_once.saved:.1%}, in parts {ladder.in_parts.saved:.1%}."
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


def _show_tested(tested: tuple[Tested, ...], demand: Demand) -> None:
    """What was promised beside what came of it, and the other policies over the same hours."""
    from trainfare.flows.commitment_json import hour_text

    currency = demand.currency
    rows = [
        [
            f"{hour_text(demand.first_hour + one.window.middle)[:13]}  {one.window.end - one.window.middle} h",
            f"{one.promised:.1%}",
            f"{one.backtested:.1%}",
            _nano(one.saving_nano, currency),
            _nano(one.regret_nano, currency),
        ]
        for one in tested
    ]
    head = ["later hours, from", "promised", "saved", currency, "hindsight saved more"]
    click.echo(table(head, rows, right=range(1, 5)))
    base = sum(one.on_demand_nano for one in tested)
    names = list(tested[0].paid_nano)
    sums = {name: sum(one.paid_nano[name] for one in tested) for name in names}
    rows = [
        [
            name.replace("_", " "),
            _nano(base - nano, currency),
            f"{(base - nano) / base:.1%}" if base else "?",
        ]
        for name, nano in sorted(sums.items(), key=lambda item: (item[1], item[0]))
    ]
    click.echo()
    click.echo(table(["policy", f"saved, {currency}", "of on demand"], rows, right=[1, 2]))


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _nano(nano: int, currency: str) -> str:
    return Money(nano, currency).display(2)


def _percent(value: Any) -> str:
    return "?" if value is None else f"{float(value):.1%}"


for _one in COMMANDS:
    command.add_command(_one)
