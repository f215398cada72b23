"""``trainfare budget``: set budgets, see where they stand, and ask whether a plan fits."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from trainfare.cli.answer import filled, format_option, only_team, say, say_json, table
from trainfare.core.budget import (
    Budget,
    BudgetPeriod,
    BudgetView,
    Standing,
    State,
    make_budget,
)
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import parse_labels
from trainfare.core.money import Money
from trainfare.core.period import parse_instant
from trainfare.core.plain import percent, plain, plural
from trainfare.flows.budget import Fit, drop_budget, fit_plan, set_budget, standings
from trainfare.flows.budget_json import fits_json, scoped_json, standing_json
from trainfare.flows.fare import read_plan
from trainfare.flows.own import is_of_team
from trainfare.metering.budget_shelf import read_budgets
from trainfare.metering.home import home_folder

COLOURS = {
    State.OK: "green",
    State.WARN: "yellow",
    State.OVER: "red",
    State.UNKNOWN: "magenta",
}

_BAR = 12


@click.group("budget")
def command() -> None:
    """Budgets: set them, see where they stand, ask whether a plan fits."""


@command.command("set")
@click.argument("name")
@click.option("--limit", required=True, metavar="AMOUNT", help="As 5000 or 5000EUR.")
@click.option(
    "--scope", default="", metavar="SELECTION", help="Which runs: 'team=nlp and not model=gpt-*'."
)
@click.option(
    "--period",
    type=click.Choice([one.value for one in BudgetPeriod]),
    default="total",
    show_default=True,
    help="When the money starts again.",
)
@click.option(
    "--view",
    type=click.Choice([one.value for one in BudgetView]),
    default="estimated",
    show_default=True,
    help="Which book it is held against; blended is billed where the bill has arrived.",
)
@click.option(
    "--at",
    "thresholds",
    multiple=True,
    metavar="80%[:ACTION]",
    help="A threshold, as 80%, 100%:stop, forecast:100%:notify.  [default: 80%, 100%]",
)
@click.option("--carry-over", is_flag=True, help="Add what a period leaves to the next.")
@click.option("--arm", is_flag=True, help="Really stop and cancel; without it they are only told.")
@click.option(
    "--grace",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long a stopped run has to save its state.",
)
@click.option(
    "--cancel-command", default="", metavar="'scancel {job}'", help="How to cancel a run."
)
@click.option("--from", "starts", metavar="TIME", help="Count from this RFC 3339 time on.")
@format_option("table", "json")
def set_(
    name: str,
    limit: str,
    scope: str,
    period: str,
    view: str,
    thresholds: tuple[str, ...],
    carry_over: bool,
    arm: bool,
    grace: int,
    cancel_command: str,
    starts: str | None,
    form: str,
) -> None:
    """Set a budget, or replace the one of that NAME."""
    budget = make_budget(
        name,
        limit,
        scope=scope,
        period=period,
        view=view,
        thresholds=thresholds,
        is_armed=arm,
        is_carried_over=carry_over,
        grace_seconds=grace,
        cancel_command=tuple(_words(cancel_command)),
        starts_ns=parse_instant(starts) if starts else 0,
    )
    before = set_budget(home_folder(), budget)
    if form == "json":
        say_json({"budget": scoped_json(budget), "before": before and scoped_json(before)})
        return
    say(f"{'replaced' if before else 'set'} {_sentence(budget)}")
    if not arm and any(one.action in ("stop", "cancel") for one in budget.thresholds):
        say("a dry run: it will say what it would stop; --arm lets it stop runs")


@command.command("list")
@format_option("table", "json")
def list_(form: str) -> None:
    """Every budget and where it stands."""
    found = standings(home_folder(), _budgets(home_folder()))
    _say(found, form)


@command.command("show")
@click.argument("name")
@format_option("table", "json")
def show(name: str, form: str) -> None:
    """One budget in full."""
    budget = _find(home_folder(), name)
    found = standings(home_folder(), [budget])
    if form == "json":
        say_json({**scoped_json(budget), "standings": [standing_json(one) for one in found]})
        return
    lines = [filled(_sentence(budget)), ""]
    lines += [f"{'threshold':<12}{one}" for one in budget.thresholds]
    lines += [f"{'grace':<12}{budget.grace_seconds} s"]
    lines += [f"{'cancel':<12}{shlex.join(budget.cancel_command)}"] if budget.cancel_command else []
    lines += [f"{'mode':<12}{'armed' if budget.is_armed else 'dry run: nothing is stopped'}"]
    click.echo("\n".join(lines) + "\n")
    _say(found, form)


@command.command("delete")
@click.argument("name")
@format_option("table", "json")
def delete(name: str, form: str) -> None:
    """Remove a budget; the audit trail keeps what it was."""
    gone = drop_budget(home_folder(), name)
    if form == "json":
        say_json({"deleted": scoped_json(gone)})
        return
    say(f"deleted {_sentence(gone)}")


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--plan", metavar="'p5.48xlarge×4 for 12h'", help="Would this fit?")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Labels of the planned run.")
@format_option("table", "json")
def check(names: tuple[str, ...], plan: str | None, labels: tuple[str, ...], form: str) -> None:
    """Exit 1 when a budget is over or nothing is known of it, or when a plan would not fit."""
    home = home_folder()
    budgets = [_find(home, name) for name in names] or _budgets(home)
    if plan is None:
        if labels:
            raise BadInput("--label says what a plan's run would be; give --plan as well")
        found = standings(home, budgets)
        _say(found, form)
        sys.exit(1 if any(one.state in (State.OVER, State.UNKNOWN) for one in found) else 0)
    job, fare = read_plan(home, plan, time.time_ns())
    amount = job.costs(fare.price.amount, fare.price.currency)
    fits = fit_plan(home, amount, parse_labels(labels), budgets)
    if names and not fits:
        raise NotFound(f"none of these budgets covers a run of {' '.join(labels) or 'no labels'}")
    _say_fits(fits, amount, f"{job.title}, {fare.region},", form)
    sys.exit(0 if all(one.fits for one in fits) else 1)


def _budgets(home: Path) -> list[Budget]:
    """All that may be seen."""
    return [one for one in read_budgets(home) if is_of_team(one, only_team())]


def _find(home: Path, name: str) -> Budget:
    own = _budgets(home)
    for budget in own:
        if budget.id == name:
            return budget
    listed = ", ".join(one.id for one in own) or "none yet"
    raise NotFound(f"there is no budget {name!r}; those there are: {listed}")


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadInput(f"--cancel-command {text!r}: {error}") from None


def _sentence(budget: Budget) -> str:
    """``nlp-month: $5,000.00 a month for team=nlp, estimated``."""
    each = {BudgetPeriod.RUN: "for each run of", BudgetPeriod.TOTAL: "in all for"}
    per = each.get(budget.period, f"a {budget.period} for")
    more = ", carried over" if budget.is_carried_over else ""
    return f"{budget.id}: {budget.limit.display()} {per} {plain(str(budget.scope))}, {budget.view}{more}"


def _say(found: Sequence[Standing], form: str) -> None:
    if form == "json":
        say_json({"budgets": [standing_json(one) for one in found]})
        return
    if not found:
        click.echo("no budget yet; set one: trainfare budget set NAME --limit 100")
        return
    rows, notes = [], []
    for one in found:
        name = one.budget.id if one.run is None else f"{one.budget.id} · {one.run}"
        spent = "unknown" if one.spent is None else one.spent.display()
        state = click.style(one.state.value, fg=COLOURS[one.state])
        forecast = "–" if one.forecast is None else one.forecast.display()
        row = [plain(name), spent, forecast, one.limit.display(), _bar(one), state]
        rows.append([*row, _chance(one)])
        notes += [f"{name}: {one.why}"] if one.why else []
    heads = ["budget", "spent", "forecast", "limit", "", "state", "breach"]
    click.echo(table(heads, rows, right=[1, 2, 3, 6]))
    for note in notes:
        say(plain(note), below="  ")


def _chance(one: Standing) -> str:
    """How likely the limit will not hold; scenarios are too few to say 0 or 100 %."""
    chance = one.breach_probability
    if chance is None or one.state is State.OVER:
        return "–"
    return "< 1 %" if chance < 0.01 else "> 99 %" if chance > 0.99 else percent(chance, 0)


def _bar(one: Standing) -> str:
    """How much is spent, as a bar and in percent."""
    percent = one.percent_spent
    if percent is None:
        return ""
    filled = max(0, min(_BAR, percent * _BAR // 100))
    return f"{'█' * filled}{'░' * (_BAR - filled)} {percent:>4d} %"


def _say_fits(fits: Sequence[Fit], amount: Money, plan: str, form: str) -> None:
    if form == "json":
        say_json(fits_json(fits, amount))
        return
    say(f"{plain(plan)} costs {amount.display()}")
    if not fits:
        click.echo("no budget covers it")
        return
    cells = []
    for one in fits:
        verdict = {True: "fits", False: "does not fit", None: "not known"}[one.fits]
        left = "unknown" if one.left is None else one.left.display()
        cells.append([one.standing.budget.id, one.standing.limit.display(), left, verdict])
    click.echo(table(["budget", "limit", "left after it", ""], cells, right=[1, 2]))
    refused = [one for one in fits if not one.fits]
    if refused:
        click.echo(f"{plural(len(refused), 'budget')} would not hold")
