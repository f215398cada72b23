"""``trainfare prices set | unset | list``: the user's own prices."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import click

from trainfare.cli.answer import format_option, say, say_json
from trainfare.cli.price_view import fitted, rate
from trainfare.core.errors import BadInput
from trainfare.core.money import decimal_of
from trainfare.core.price import UNITS, parse_hourly
from trainfare.flows.price_json import option_text, rate_text
from trainfare.metering.home import home_folder
from trainfare.prices.accelerators import find_accelerator
from trainfare.prices.age import day_of
from trainfare.prices.listing import exact_decimal
from trainfare.prices.market import close_names, exact_name, providers_of
from trainfare.prices.overrides import (
    Override,
    OwnMachine,
    read_overrides,
    set_override,
    unset_override,
)

_UNIT = re.compile(
    r"(?P<amount>.+?)\s*(?:/|per )\s*(?P<unit>gb_month|gb-month|gb|kwh|h)", re.IGNORECASE
)


_EXAMPLES = """\b
Examples:
  trainfare prices set --instance p5.48xlarge --region us-east-1 --price 43.20
  trainfare prices set --gpu H100 --price 2.10 --from 2026-12-01
  trainfare prices set --provider aws --discount 12
  trainfare prices set --host gpu-box-1 --capex 262800 --years 5 \\
                       --watts 6500 --pue 1.4 --tariff 0.20 --opex 1.50
"""


_OWN = ("capex", "years", "watts", "pue", "tariff", "opex")
"""The options that describe an own machine."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What an override is for, as the options say it."""

    kind: str
    name: str


def aim_options(function: Any) -> Any:
    """The options that say what an override is for; exactly one of them is given."""
    for option in (
        click.option("--provider", metavar="P", help="All of a provider, or only there."),
        click.option("--sku", metavar="SKU", help="Exactly provider/region/name/option."),
        click.option("--host", metavar="NAME", help="A machine; * is every one nobody sells."),
        click.option("--gpu", metavar="MODEL", help="An accelerator, priced each."),
        click.option("--instance", metavar="TYPE", help="An instance type."),
    ):
        function = option(function)
    return function


def aim_of(words: dict[str, Any]) -> Aim:
    """The one aim among the options, with names as price lists write them.

    Raises:
        BadInput: none or several are given.
    """
    home = home_folder()
    kinds = {"instance": "instance", "gpu": "accelerator", "host": "host", "sku": "sku"}
    given = [(kinds[key], words[key]) for key in kinds if words.get(key)]
    if not given and words.get("provider"):
        given = [("provider", words["provider"])]
    if len(given) != 1:
        raise BadInput("say what it is for: one of --instance, --gpu, --host, --sku or --provider")
    kind, name = given[0]
    if kind == "instance":
        name = exact_name(home, name)
    elif kind == "accelerator":
        model = find_accelerator(name)
        name = model.name if model else name
    return Aim(kind, name)


@click.command("set", epilog=_EXAMPLES)
@aim_options
@click.option(
    "--price", metavar="AMOUNT", help="As 43.20, 43.20EUR/h or, for a sku, 0.02/gb_month."
)
@click.option("--discount", metavar="PCT", help="Per cent off the list price instead.")
@click.option("--capex", metavar="AMOUNT", help="What an own machine was bought for …")
@click.option("--years", metavar="N", help="… to serve so long …")
@click.option("--watts", metavar="W", help="… drawing so much on average …")
@click.option("--pue", metavar="X", help="… in a building of this PUE …")
@click.option("--tariff", metavar="AMOUNT", help="… at so much per kWh …")
@click.option("--opex", metavar="AMOUNT", help="… and so much more per hour.")
@click.option("--currency", default="USD", show_default=True, help="Of the amounts.")
@click.option("--region", help="Only in this region.")
@click.option("--option", help="Only by this option.  [default: on_demand for --instance]")
@click.option("--from", "start", metavar="DATE", help="The first day it holds.")
@click.option("--until", "end", metavar="DATE", help="The first day it holds no longer.")
@click.option("--note", default="", help="Why, for those who read the list.")
@format_option("table", "json")
def set_(form: str, **words: Any) -> None:
    """Set your own price: an amount, a discount, or what a machine you own costs.

    An own machine costs capex / (years × 8,760) + watts / 1,000 × PUE × tariff + opex per hour.
    """
    home, at_ns = home_folder(), time.time_ns()
    aim = aim_of(words)
    amount, unit, currency = _amount(words["price"], words["currency"].upper())
    option = words["option"]
    if aim.kind == "instance" and option is None:
        option = "on_demand"
    override = Override(
        aim=aim.kind,
        name=aim.name,
        amount=amount,
        discount_pct=_decimal("--discount", words["discount"]),
        own=_own_machine(words),
        unit=unit,
        currency=currency,
        provider=words["provider"] if aim.kind != "provider" else None,
        region=words["region"],
        option=option,
        start=_day("--from", words["start"]),
        end=_day("--until", words["end"]),
        set_on=day_of(at_ns),
        note=words["note"],
    )
    replaced = set_override(home, override)
    if form == "json":
        say_json({"override": override_json(override), "replaced": replaced})
        return
    say(f"{'Replaced' if replaced else 'Set'}: {_what(override)} for {_whom(override)}.")
    if aim.kind == "instance" and not providers_of(home, aim.name):
        near = close_names(home, aim.name)
        hint = f"; close names: {', '.join(near)}" if near else ""
        say(f"No price list knows {aim.name}{hint}.")


@click.command("unset")
@aim_options
@format_option("table", "json")
def unset(form: str, **words: Any) -> None:
    """Remove your own prices of one instance type, GPU, host, SKU or provider."""
    aim = aim_of(words)
    count = unset_override(home_folder(), aim.kind, aim.name)
    if form == "json":
        say_json({"removed": count})
    else:
        click.echo(f"Removed {count} of {aim.kind} {aim.name}.")


@click.command("list")
@format_option("table", "json")
def list_(form: str) -> None:
    """List your own prices."""
    day = day_of(time.time_ns())
    known = read_overrides(home_folder())
    if form == "json":
        rows = [{**override_json(item), "holds_today": item.holds_on(day)} for item in known]
        say_json({"overrides": rows})
        return
    if not known:
        click.echo("None set. Set one: trainfare prices set --gpu H100 --price 2.10")
        return
    cells = []
    for item in known:
        terms = [item.provider, item.region, option_text(item.option) if item.option else None]
        dates = f"{item.start or '…'} – {item.end or '…'}" if item.start or item.end else "always"
        if not item.holds_on(day):
            dates = click.style(f"{dates} (not today)", dim=True)
        where = " ".join(filter(None, terms)) or "anywhere"
        cells.append([f"{item.aim} {item.name}", _what(item), where, dates, item.note])
    headers = ["for", "price", "where", "holds", "note"]
    click.echo(fitted(headers, cells, right=[], drop=[4, 2]))


def override_json(item: Override) -> dict[str, Any]:
    """An override with stable keys; *per_hour* is null for discounts."""
    own = item.own
    return {
        "aim": item.aim,
        "name": item.name,
        "amount": None if item.amount is None else rate_text(item.amount),
        "unit": item.unit,
        "currency": item.currency,
        "discount_pct": None if item.discount_pct is None else rate_text(item.discount_pct),
        "own": None
        if own is None
        else {
            "capex": rate_text(own.capex),
            "years": rate_text(own.years),
            "watts": rate_text(own.watts),
            "pue": rate_text(own.pue),
            "tariff": rate_text(own.tariff),
            "opex": rate_text(own.opex),
        },
        "per_hour": rate_text(exact_decimal(item.hourly))
        if item.discount_pct is None and item.unit == "h"
        else None,
        "provider": item.provider,
        "region": item.region,
        "option": item.option,
        "from": item.start.isoformat() if item.start else None,
        "until": item.end.isoformat() if item.end else None,
        "note": item.note,
    }


def _what(item: Override) -> str:
    """What an override says, in a few words."""
    if item.discount_pct is not None:
        return f"{rate_text(item.discount_pct)} % off"
    words = rate(item.hourly, item.currency, item.unit)
    return f"{words} (own)" if item.own is not None else words


def _whom(item: Override) -> str:
    """What an override is for and when, as a sentence has it."""
    each = "each " if item.aim == "accelerator" else ""
    kind = "GPU" if item.aim == "accelerator" else item.aim
    terms = [item.provider, item.region, option_text(item.option) if item.option else None]
    where = ", ".join(filter(None, terms))
    words = f"{each}{kind} {item.name}" + (f" ({where})" if where else "")
    words += f" from {item.start}" if item.start else ""
    return words + (f" until {item.end}" if item.end else "")


def _amount(text: str | None, currency: str) -> tuple[Decimal | None, str, str]:
    """Amount, unit and currency of ``--price``."""
    if text is None:
        return None, "h", currency
    match = _UNIT.fullmatch(text.strip())
    unit = match["unit"].lower().replace("-", "_") if match else "h"
    assert unit in UNITS
    price = parse_hourly(match["amount"] if match else text, currency)
    return price.amount, unit, price.currency


def _own_machine(words: dict[str, Any]) -> OwnMachine | None:
    """The own machine that the options describe, or None where no capex is given."""
    if words["capex"] is None:
        extra = [key for key in _OWN[1:] if words[key] is not None]
        if extra:
            raise BadInput(f"--{extra[0]} is about an own machine: give --capex too")
        return None
    if words["years"] is None:
        raise BadInput("an own machine also needs --years, how long it will serve")
    stated = {name: _decimal(f"--{name}", words[name]) for name in _OWN}
    return OwnMachine(**{name: number for name, number in stated.items() if number is not None})


def _decimal(option: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        decimal_of(text)
    except BadInput as error:
        raise BadInput(f"{option}: {error}") from None
    return Decimal(text.strip())


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a day such as 2026-12-01") from None
