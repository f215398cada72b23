"""``trainfare prices``: find, show, list, set, unset, import and refresh prices."""

from __future__ import annotations

import time

import click

from trainfare.cli.answer import format_option, say_json
from trainfare.cli.price_intake import import_, refresh
from trainfare.cli.price_overrides import list_, set_, unset
from trainfare.cli.price_view import (
    devices_text,
    line,
    listings_table,
    origin_words,
    rate,
    rate_range,
    wrapped,
)
from trainfare.core.errors import NotFound
from trainfare.core.price import Price
from trainfare.flows.price_json import find_price, known_price_json, listing_json, rate_text
from trainfare.metering.home import home_folder
from trainfare.prices.accelerators import models
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec, sources
from trainfare.prices.listing import Listing
from trainfare.prices.market import close_names
from trainfare.prices.spot_advice import find_spot_advice


@click.group("prices")
def command() -> None:
    """Find, set, import and refresh prices.

    A price is looked up in this order: your own, learnt from bills, refreshed, shipped. What nobody
    lists is unknown: never 0, never another region's price.
    """


for _command in (list_, set_, unset, import_, refresh):
    command.add_command(_command)


@command.command("find")
@click.argument("words", nargs=-1, required=True, metavar="WORD…")
@click.option("--provider", help="Only of this provider.")
@click.option("--region", help="Only in this region.")
@click.option("--option", help="Only by this option: on_demand, spot, commit_1y …")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="The cheapest so many."
)
@format_option("table", "json")
def find(
    words: tuple[str, ...],
    provider: str | None,
    region: str | None,
    option: str | None,
    limit: int,
    form: str,
) -> None:
    """Search listed prices by name, accelerator, provider or region, cheapest first."""
    home, at_ns, text = home_folder(), time.time_ns(), " ".join(words)
    found = PriceBook(home).find(text, provider, region, option)
    if form == "json":
        rows = [listing_json(item, at_ns) for item in found[:limit]]
        say_json({"prices": rows, "total": len(found)})
        return
    if not found:
        near = close_names(home, words[0])
        hint = f"; close names: {', '.join(near)}" if near else ""
        raise NotFound(f"no listed price holds {text!r}{hint}")
    click.echo(listings_table(found[:limit], at_ns))
    notes = []
    if len(found) > limit:
        notes.append(f"{limit} of {len(found):,}, the cheapest; --limit shows more.")
    if any(item.is_reference for item in found[:limit]):
        notes.append("Spot prices that were not refreshed are for orientation only.")
    if notes:
        click.echo("\n" + "\n".join(notes))


@command.command("show")
@click.argument("sku", metavar="NAME|SKU")
@click.option("--provider", help="Whose, if several sell the name.")
@click.option("--region", help="Where.")
@click.option("--option", default="on_demand", show_default=True, help="Purchase option.")
@format_option("table", "json")
def show(sku: str, provider: str | None, region: str | None, option: str, form: str) -> None:
    """Show which price holds for a machine, why, and what else is known.

    NAME is an instance type or accelerator; SKU is provider/region/name/option.
    """
    at_ns = time.time_ns()
    price, listing = find_price(home_folder(), sku, provider, region, option, at_ns)
    if form == "json":
        say_json(known_price_json(price, listing, at_ns))
    else:
        click.echo(_page(price, listing, at_ns))


def _page(price: Price, listing: Listing | None, at_ns: int) -> str:
    """All that is known of one SKU, a line each."""
    provider, region, name, option = price.sku.split("/")
    spec = find_spec(provider, name)
    is_listed = listing is not None and price.origin == listing.origin
    stated = listing.as_of if listing is not None and is_listed else None
    lines = [
        click.style(price.sku, bold=True),
        "",
        line("price", rate(price.amount, price.currency, price.unit)),
        line("", origin_words(price, at_ns, stated)),
        *wrapped("source", price.source),
    ]
    if listing is not None and not is_listed:
        lines.append(line("listed", f"{rate(listing.amount, listing.currency)} of {listing.as_of}"))
    if listing is not None and listing.high is not None:
        zones = rate_range(listing.amount, listing.high, listing.currency, " to ")
        lines.append(line("zones", f"{zones} by zone"))
    if spec is not None:
        facts = [devices_text(spec)]
        facts += [f"{rate_text(spec.vcpus)} vCPUs"] if spec.vcpus is not None else []
        facts += [f"{int(spec.memory_gib):,} GiB"] if spec.memory_gib is not None else []
        lines.append(line("machine", ", ".join(filter(None, facts))))
        if spec.accelerator_count:
            lines.append(
                line("apiece", rate(price.amount / spec.accelerator_count, price.currency, "h"))
            )
            lines += _model_lines(spec.accelerator)
    advice = find_spot_advice(home_folder(), region, name) if provider == "aws" else None
    if advice is not None and option == "spot":
        words = f"{advice.interruption} of machines a month, {advice.savings_pct} % saved"
        lines.append(line("taken back", f"{words} ({advice.as_of[:10]})"))
    if listing is not None and is_listed and listing.origin == "shipped":
        lines += _source_lines(listing)
    return "\n".join(lines)


def _model_lines(name: str) -> list[str]:
    """What is known of an accelerator's power and speed."""
    model = models().get(name)
    if model is None:
        return []
    facts = [f"{model.watts} W"] if model.watts else []
    facts += [f"{model.bf16_tflops} TFLOPS dense bf16"] if model.bf16_tflops else []
    facts += [f"{model.memory_gb} GB"] if model.memory_gb else []
    return [line(name, ", ".join(facts))] if facts else []


def _source_lines(listing: Listing) -> list[str]:
    """Where a shipped price was published, and under which licence."""
    for source in sources().values():
        if source.title == listing.source:
            words = f"{source.confidence.replace('_', ' ')}, {source.licence}"
            return [line("trust", words), *([line("", source.url)] if source.url else [])]
    return []
