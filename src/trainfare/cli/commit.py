"""``trainfare commit``: what is held, what to buy, and what that would have done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import complain, format_option, say, say_json, share_text, table
from trainfare.cli.commit_held import COMMANDS
from trainfare.cli.commit_show import bold, show_plan, show_tested, show_walked
from trainfare.cli.commit_watch import watch_command
from trainfare.core.errors import BadInput
from trainfare.core.plain import plural

if TYPE_CHECKING:
    from trainfare.commitments.demand import Demand
    from trainfare.commitments.offer import Holding, Offer


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
    from trainfare.flows.commitment_limits import limits_of

    aim, limits = parse_aim(risk), limits_of(most, cash, least_used)
    demand, held, offers = _given(demand_file, rate_file, period, longest)
    found = make_commitment_plan(
        demand, offers, held, limits=limits, windows=windows, aim=aim, parts=parts,
        planned=_planned(planned_file, demand.currency, is_live=live),
    )  # fmt: skip
    if form == "json":
        say_json(plan_json(found))
    else:
        show_plan(found)


@command.command("backtest")
@_source
@_limits
@click.option(
    "--windows",
    type=click.IntRange(1, 60),
    default=12,
    show_default=True,
    help="How many plans are made, each tested on later hours.",
)
@format_option("table", "json")
def backtest_command(
    demand_file: Path | None, rate_file: Path | None, period: str | None, longest: str,
    most: str | None, cash: str | None, risk: str, least_used: float, windows: int, form: str,
) -> None:  # fmt: skip
    """Show what plans made on history would have saved on the hours after, beside other policies."""
    from trainfare.flows.commitment_source import need_optimize

    need_optimize()
    from trainfare.commitments.scenarios import parse_aim
    from trainfare.flows.commitment import tested_plans, walked_policies
    from trainfare.flows.commitment_choice import gap_note
    from trainfare.flows.commitment_json import backtest_json
    from trainfare.flows.commitment_limits import limits_of

    aim, limits = parse_aim(risk), limits_of(most, cash, least_used)
    demand, held, offers = _given(demand_file, rate_file, period, longest)
    found = tested_plans(demand, offers, held, limits=limits, windows=windows, aim=aim)
    if not found:
        raise BadInput(f"{demand.hours} hours of demand are too few; two weeks are the least")
    walked = walked_policies(demand, offers, held, limits=limits, windows=windows, aim=aim)
    if form == "json":
        say_json(backtest_json(found, walked, demand))
    else:
        show_tested(found, demand)
        if demand.without_bill:
            click.echo()
            say(f"As planned{gap_note(demand)}.")
        show_walked(walked, demand.currency)


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
    from trainfare.flows.commitment_source import gather
    from trainfare.metering.home import home_folder

    given = gather(home_folder(), demand_file=demand_file, rate_file=rate_file, period=period)
    from trainfare.flows.commitment_simulation import simulate

    found = simulate(given, purchases)
    if form == "json":
        say_json(found.to_json())
        return
    click.echo(f"Over {plural(given.demand.hours, 'hour')} of demand\n")
    rows = [
        ["without", found.without.display(2)],
        ["with it", found.with_it.display(2)],
        [bold("saving"), bold(found.saving.display(2))],
        ["coverage", share_text(found.measures.coverage)],
        ["commitment utilization", share_text(found.measures.commitment_utilization)],
    ]
    click.echo(table(["", given.demand.currency], rows, right=[1]))


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
            complain(
                f"Not in it: {plural(live.unknown, 'live run')} without a known end "
                "(run.expect) or an on-demand price."
            )
    return found


for _one in (watch_command, *COMMANDS):
    command.add_command(_one)
