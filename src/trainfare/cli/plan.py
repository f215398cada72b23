"""``trainfare plan``: ways to do a job to come, by money, time and risk."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.cli.price_view import fitted
from trainfare.core.errors import BadInput
from trainfare.core.money import Money, decimal_of
from trainfare.core.plain import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainfare.advice.plan import Choice, Limits
    from trainfare.flows.plan import Itinerary, Job, Market

_UNITS = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "d": 24.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_LONG = 2
"""From so many hours on a length is told in hours."""

_BELOW = " " * 7
"""What stands before what is said below a first line."""

_OPTIONS = {
    "on_demand": "on demand",
    "spot": "spot",
    "commit_1y": "1 year",
    "commit_3y": "3 years",
    "commit_1y_savings_plan": "1 year plan",
}


@click.command("plan")
@click.option("--like", metavar="RUN", help="The work of this run, as own runs did it.")
@click.option("--times", default="1", metavar="X", help="So many times that work.  [default: 1]")
@click.option("--gpu-hours", metavar="N", help="The work, in hours of one --gpu.")
@click.option("--gpu", metavar="MODEL", help="What --gpu-hours are of, as H100.")
@click.option("--flops", metavar="N", help="The work, in floating-point operations, as 2e21.")
@click.option("--dtype", help="What it computes in: bf16, fp16, fp8.")
@click.option("--mfu", metavar="X", help="Model FLOPs utilization, as 0.4.  [default: of own runs]")
@click.option("--deadline", metavar="TIME", help="It must be done within, as 36h or 5d.")
@click.option("--budget", metavar="AMOUNT", help="What it may cost, as 500 or 500EUR.")
@click.option("--hour-worth", metavar="AMOUNT", help="What being done an hour sooner is worth.")
@click.option("--max-gpus", type=click.IntRange(1), default=8, show_default=True, help="At once.")
@click.option("--provider", help="Only of this one.")
@click.option("--region", "regions", multiple=True, help="Only there; may be repeated.")
@click.option(
    "--on", "accelerators", multiple=True, metavar="MODEL", help="Only on these; may be repeated."
)
@click.option("--no-spot", is_flag=True, help="Leave machines out that may be taken away.")
@click.option("--checkpoint", metavar="TIME", help="How long saving takes, as 2m.")
@click.option("--restart", metavar="TIME", help="How long it takes to go on elsewhere, as 10m.")
@click.option("--memory", metavar="GB", help="What the work needs of an accelerator's memory.")
@click.option(
    "--limit", type=click.IntRange(1), default=10, show_default=True, help="Options to show."
)
@format_option("table", "json")
def command(form: str, limit: int, **said: Any) -> None:
    """Rank ways to do a job to come: where, on what, how paid, for what money, time and risk.

    Say the work in one way: --like RUN, --gpu-hours N --gpu MODEL, or --flops N.
    """
    from trainfare.flows.plan import plan_ahead
    from trainfare.flows.plan_json import plan_json
    from trainfare.metering.home import home_folder

    job, limits, market = _question(said)
    found = plan_ahead(home_folder(), job, limits, market, time.time_ns())
    if form == "json":
        say_json(plan_json(found, limit))
    else:
        _show(found, limit)


def _question(said: dict[str, Any]) -> tuple[Job, Limits, Market]:
    """What is asked, read from the options."""
    from trainfare.advice.offer import OPTIONS
    from trainfare.advice.plan import Limits
    from trainfare.flows.plan import Job, Market

    job = Job(
        like=said["like"],
        times=decimal_of(said["times"]),
        device_hours=_number(said["gpu_hours"]),
        accelerator=said["gpu"],
        flops=_number(said["flops"]),
        dtype=said["dtype"],
        mfu=_number(said["mfu"]),
        checkpoint_hours=_hours("--checkpoint", said["checkpoint"]),
        restart_hours=_hours("--restart", said["restart"]),
        memory_gb=_number(said["memory"]),
    )
    if job.times <= 0:
        raise BadInput(f"--times {said['times']} is no work; say more than 0")
    limits = Limits(
        deadline_hours=_hours("--deadline", said["deadline"]),
        budget=_money(said["budget"]),
        devices_max=said["max_gpus"],
        value_per_hour=_money(said["hour_worth"]),
    )
    options = tuple(one for one in OPTIONS if one != "spot" or not said["no_spot"])
    return job, limits, Market(said["provider"], said["regions"], said["accelerators"], options)


def _number(text: str | None) -> float | None:
    return None if text is None else float(decimal_of(text))


def _hours(option: str, text: str | None) -> float | None:
    """A length such as 36h, in hours.

    >>> _hours("--deadline", "1.5d")
    36.0
    """
    if text is None:
        return None
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{option} {text!r} is no length of time; write 90s, 20m, 36h or 5d")
    return float(found[1]) * _UNITS[found[2]]


def _money(text: str | None) -> Money | None:
    """An amount, with its currency where it is not USD.

    >>> _money("500EUR")
    Money('500.000000000', 'EUR')
    """
    if text is None:
        return None
    body = text.strip().removeprefix("$")
    currency = body[-3:].upper() if len(body) > 3 and body[-3:].isalpha() else "USD"
    return Money.parse(body.removesuffix(body[-3:]) if body[-3:].isalpha() else body, currency)


def _show(found: Itinerary, limit: int) -> None:
    shown = found.choices[:limit]
    is_limited = found.limits.deadline_hours is not None or found.limits.budget is not None
    rows = [_row(one, is_limited=is_limited) for one in shown]
    headers = ["machines", "where", "pay", "estimated", "range", "hours", "risk", ""]
    within = sum(one.is_within for one in found.choices)
    told = f", {within:,} within the limits in nine of ten cases" if is_limited else ""
    say(f"{found.title}: {len(found.choices):,} ways looked at{told}")
    click.echo("\n" + fitted(headers, rows, right=[3, 4, 5], drop=[4]) + "\n")
    if is_limited and not within:
        _say_nearest(found)
    _say_best(shown[0], found.notes)
    _say_replays(found)
    for one in found.notes:
        say(one, "note: ", _BELOW)
    if any(one.is_on_front for one in shown):
        click.echo("* no other way is both sooner and cheaper")


def _say_replays(found: Itinerary) -> None:
    """How ways of using spot machines did on the traces of the home."""
    if found.replayed is None:
        return
    offer, rides = found.replayed.offer, found.replays[0].rides
    rows = [
        [one.policy, one.amount.display(), percent(one.ratio, 0), percent(one.worst, 0),
         f"{one.late} of {one.rides}", f"{one.hours:,.1f}" if one.hours else ""]
        for one in found.replays
    ]  # fmt: skip
    name = f"{found.replayed.machines} × {offer.instance} on spot in {offer.region}"
    click.echo()
    say(f"{rides} replays of {name} on traces of this home:")
    headers = ["way", "mean", "of on demand", "worst", "late", "hours"]
    click.echo(table(headers, rows, right=[1, 2, 3, 5]) + "\n")


def _row(one: Choice, *, is_limited: bool) -> list[str]:
    offer = one.offer
    machines = f"{one.machines} × {offer.instance}"
    risk = f"late {percent(one.late, 0)}, over {percent(one.over, 0)}" if is_limited else _risk(one)
    return [
        machines,
        f"{offer.provider} {offer.region}",
        _OPTIONS.get(offer.option, offer.option),
        one.expected.display(),
        f"{one.low.display()}–{one.high.display()}",
        f"{one.hours.middle:,.1f}",
        risk,
        "*" if one.is_on_front else "",
    ]


def _risk(one: Choice) -> str:
    if one.rate is not None:
        return f"1 loss in {1 / one.rate.mean:,.0f} h"
    return "measured" if one.speed.is_measured else "estimated speed"


def _say_nearest(found: Itinerary) -> None:
    """What least time or least money would do, where no way is within the limits."""
    soonest = min(found.choices, key=lambda one: one.hours.middle)
    cheapest = min(found.choices, key=lambda one: one.expected.nano)
    count = found.limits.devices_max
    say(f"nothing is within the limits; with at most {count} accelerators", below=_BELOW)
    say(f"soonest: {_way(soonest)}", _BELOW)
    say(f"cheapest: {_way(cheapest)}", _BELOW)


def _way(one: Choice) -> str:
    offer = one.offer
    pay = _OPTIONS.get(offer.option, offer.option)
    what = f"{one.machines} × {offer.instance}, {pay}, {offer.provider} {offer.region}"
    return f"{one.hours.middle:,.1f} h and {one.expected.display()} on {what}"


def _say_best(one: Choice, said: Sequence[str]) -> None:
    """The first option in words: what it rests on, apart from what is *said* of all."""
    offer = one.offer
    say(f"{one.devices} × {offer.accelerator}; speed: {one.speed.basis}", "first: ", _BELOW)
    say(f"price: {offer.source}", _BELOW)
    if one.interval_hours is not None:
        say(f"save every {_length(one.interval_hours)} of work", _BELOW)
    for note in one.notes:
        if note not in said:
            say(note, _BELOW)


def _length(hours: float) -> str:
    """A length of time as one says it.

    >>> _length(0.5), _length(24.97)
    ('30 min', '25.0 h')
    """
    return f"{hours * 60:,.0f} min" if hours < _LONG else f"{hours:,.1f} h"
