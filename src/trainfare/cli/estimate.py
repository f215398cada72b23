"""``trainfare estimate``: what a machine will cost, before boarding."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import click

from trainfare.cli.answer import format_option, say_json
from trainfare.cli.price_view import (
    age_text,
    devices_text,
    fitted,
    line,
    origin_words,
    rate,
    rate_places,
    rate_range,
    wrapped,
)
from trainfare.core.money import decimal_of
from trainfare.core.price import Price
from trainfare.flows.fare import Fare, Job, fares, hours_text, plan_job
from trainfare.flows.price_json import estimate_json, price_age, rate_text
from trainfare.metering.home import home_folder
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import ANY_REGION
from trainfare.prices.spot_advice import find_spot_advice

_SHOWN = 12
"""Regions in the table; JSON has all."""


@click.command("estimate")
@click.option("--instance", required=True, metavar="TYPE", help="Instance type, as p5.48xlarge.")
@click.option(
    "--hours", required=True, metavar="N", help="For how long; 1.5 is an hour and a half."
)
@click.option("--region", help="Where.  [default: every region that has a price]")
@click.option("--provider", help="Whose, if several sell the type.")
@click.option("--spot", is_flag=True, help="Spot machines, whose prices are for orientation.")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, help="Machines at once."
)
@format_option("table", "json")
def command(
    instance: str,
    hours: str,
    region: str | None,
    provider: str | None,
    spot: bool,
    count: int,
    form: str,
) -> None:
    """Estimate what machines will cost.

    The price is the one that a run on such a machine would be metered with: your own, else learnt
    from bills, else refreshed, else shipped.
    """
    job = plan_job(
        home_folder(),
        instance,
        decimal_of(hours),
        count=count,
        is_spot=spot,
        provider=provider,
        at_ns=time.time_ns(),
    )
    found = fares(job, region)
    if form == "json":
        say_json(estimate_json(job, found))
    elif region is not None or len(found) == 1:
        click.echo(_ticket(job, found[0]))
    else:
        click.echo(_board(job, found))


def _ticket(job: Job, fare: Fare) -> str:
    """One place in full: the amount, how it comes about, where the price is from."""
    price, spec = fare.price, find_spec(job.provider or "", job.instance)
    each = rate(price.amount, price.currency, "h")
    if fare.high is not None:
        each = f"{rate_range(price.amount, fare.high, price.currency, ' to ')}/h"
    machines = f" × {job.count} machines" if job.count > 1 else ""
    total = click.style(_range(job, fare, " to "), bold=True)
    where = "any region" if fare.region in (ANY_REGION, "-") else fare.region
    lines = [
        f"{job.title}, {where}",
        "",
        f"  {total}   = {hours_text(job.hours)} h × {each}{machines}",
        "",
        line("price", origin_words(price, job.at_ns, fare.stated)),
        *wrapped("source", price.source),
    ]
    if spec and spec.accelerator_count:
        words = [devices_text(spec)]
        words += [f"{rate_text(spec.vcpus)} vCPUs"] if spec.vcpus is not None else []
        words += [f"{int(spec.memory_gib):,} GiB"] if spec.memory_gib is not None else []
        lines.append(line("machine", ", ".join(words)))
        per_device = Fraction(price.amount) / Fraction(spec.accelerator_count)
        lines.append(line("apiece", rate(per_device, price.currency, "h")))
    lines += _spot_lines(job, fare)
    lines.append(line("beside it", "storage, data and traffic, metered while a run goes"))
    return "\n".join(lines)


def _spot_lines(job: Job, fare: Fare) -> list[str]:
    """What to know before relying on a spot price."""
    if job.option != "spot":
        return []
    lines = []
    machine = replace(job.machine(fare.region), purchase_option="on_demand")
    full = PriceBook(job.home).machine_price(machine, job.at_ns)
    if isinstance(full, Price):
        lines.append(line("on demand", rate(full.amount, full.currency, "h")))
    advice = find_spot_advice(job.home, fare.region, job.instance)
    if advice is not None and job.provider == "aws":
        words = f"{advice.interruption} of machines a month, says AWS on {advice.as_of[:10]}"
        lines.append(line("taken back", words))
    if fare.price.is_reference:
        lines.append(line("caution", "spot prices move; this one is for orientation only"))
    return lines


def _board(job: Job, found: list[Fare]) -> str:
    """Every place in one line, cheapest first."""
    places = rate_places(fare.price.amount for fare in found[:_SHOWN])
    rows = []
    for fare in found[:_SHOWN]:
        price, days = fare.price, price_age(fare.price, job.at_ns)
        each = rate(price.amount, price.currency, places=places)
        if fare.high is not None:
            each = rate_range(price.amount, fare.high, price.currency)
        origin = "reference" if price.is_reference else price.origin
        age = "" if days is None else age_text(price.quality, days)
        rows.append([fare.region, _range(job, fare, "–"), each, origin, age])
    headers = ["region", "estimated", "per hour", "price", "age"]
    parts = [
        f"{job.title}, {job.provider}",
        "",
        fitted(headers, rows, right=[1, 2], drop=[3]),
    ]
    if len(found) > _SHOWN:
        parts.append(f"… and {len(found) - _SHOWN} more regions; --format json has all")
    return "\n".join([*parts, "", "--region shows one of them in full."])


def _range(job: Job, fare: Fare, between: str) -> str:
    """What the job costs, from the cheapest to the dearest zone where they differ."""
    low = job.costs(fare.price.amount, fare.price.currency).display()
    if fare.high is None:
        return low
    high = job.costs(fare.high, fare.price.currency).display()
    return f"{low}{between}{high.lstrip('$') if between == '–' else high}"
