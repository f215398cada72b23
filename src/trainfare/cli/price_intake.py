"""``trainfare prices import | refresh``: prices from files and from the providers themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from trainfare.cli.answer import complain, format_option, say, say_json
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.flows.price_json import rate_text
from trainfare.metering.home import home_folder
from trainfare.prices.age import today
from trainfare.prices.listing import Listing
from trainfare.prices.price_sheets import import_sheet
from trainfare.prices.refresh import FEEDS, Order, Outcome
from trainfare.prices.refresh import refresh as refresh_feed
from trainfare.prices.refresh_aws_api import has_credentials
from trainfare.prices.refreshed import confirm as believe
from trainfare.prices.sheet_forms import FORMS
from trainfare.prices.sheet_reading import BadSheet, Sheet
from trainfare.prices.spot_advice import URL as ADVICE_URL
from trainfare.prices.spot_advice import refresh_spot_advice

_ADVISOR = "aws-spot-advisor"
"""The feed of interruption rates, which are no prices and so no feed of machine prices."""

_EXAMPLES = """\b
Examples:
  trainfare prices refresh --provider azure --region eastus
  trainfare prices refresh --feed aws-bulk --region us-east-1   # up to 480 MB
  trainfare prices refresh --provider gcp --key …
  trainfare prices refresh --confirm aws/us-east-1/p5.48xlarge/on_demand

\b
Feeds:
""" + "".join(f"  {name:<18} {feed.about}\n" for name, feed in FEEDS.items())

_SHOWN = 20
"""Problems and waiting prices that the table shows; JSON has all."""


@click.command("import")
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE"
)
@click.option(
    "--format",
    "forms",
    multiple=True,
    type=click.Choice([*FORMS, "table", "json"]),
    help="What FILE is [default: csv], and how to answer [default: table]; may be given twice.",
)
@click.option("--provider", help="Whose prices, where the file does not say.")
@click.option("--as-of", metavar="DATE", help="Of when, where the file does not say.")
def import_(file: Path, forms: tuple[str, ...], provider: str | None, as_of: str | None) -> None:
    """Import prices from a file, for places without a network.

    A csv has the columns provider, region, name, option, amount, as_of (or --as-of for all) and,
    if you like, currency. While one row is wrong, nothing is stored.
    """
    kind = next((form for form in forms if form in FORMS), "csv")
    as_json = "json" in forms
    sheet = Sheet(file, kind, provider=provider, as_of=as_of)
    try:
        outcomes, reading = import_sheet(home_folder(), sheet, time.time_ns())
    except BadSheet as error:
        _show_problems(error, as_json=as_json)
        raise
    passed = dict(reading.passed_over)
    if as_json:
        say_json({"outcomes": [_outcome_json(item) for item in outcomes], "passed_over": passed})
        return
    _show_outcomes(outcomes)
    for what, count in passed.items():
        say(f"{count:,} rows passed over: {what}", "· ", "  ")


def _show_problems(error: BadSheet, *, as_json: bool) -> None:
    """Every problem of a sheet, by row and column."""
    problems = error.problems
    if as_json:
        keys = ("row", "column", "value", "what")
        say_json({"problems": [{k: getattr(item, k) for k in keys} for item in problems]})
        return
    for problem in problems[:_SHOWN]:
        complain(f"· {problem}")
    if len(problems) > _SHOWN:
        click.echo(f"· … and {len(problems) - _SHOWN} more; --format json has all", err=True)


@click.command("refresh", epilog=_EXAMPLES)
@click.option("--provider", type=click.Choice(["aws", "azure", "gcp"]), help="All it has to say.")
@click.option(
    "--feed",
    "feeds",
    multiple=True,
    type=click.Choice([*FEEDS, _ADVISOR]),
    help="Only this feed; may be given several times.",
)
@click.option("--region", "regions", multiple=True, help="Where; may be given several times.")
@click.option("--only", type=click.Choice(["accelerators"]), help="Keep only machines with these.")
@click.option("--key", envvar="GOOGLE_API_KEY", help="Google's API key (also GOOGLE_API_KEY).")
@click.option("--url", default="", help="Another address of the feed: a mirror or proxy.")
@click.option(
    "--confirm",
    "skus",
    multiple=True,
    metavar="SKU|all",
    help="Believe a price that waits because it jumped by more than 40 %.",
)
@format_option("table", "json")
@click.pass_context
def refresh(ctx: click.Context, /, form: str, skus: tuple[str, ...], **words: Any) -> None:
    """Fetch prices from a provider, or confirm those that wait.

    A provider that fails leaves the last known prices as they were.
    """
    if skus:
        _confirm(skus, form)
        return
    outcomes: list[Outcome] = []
    advised: int | None = None
    order = Order(
        time.time_ns(),
        url=words["url"],
        key=words["key"] or "",
        only_accelerators=words["only"] is not None,
    )
    for name in _feeds(words):
        if name == _ADVISOR:
            advised = _refresh_advice(order, outcomes)
        else:
            outcomes += refresh_feed(home_folder(), name, words["regions"], order)
    failed = [item.error for item in outcomes if item.error is not None]
    if form == "json":
        advice = None if advised is None else {"updated": advised}
        say_json({"outcomes": [_outcome_json(item) for item in outcomes], "spot_advice": advice})
    else:
        if advised is not None:
            news = f"{advised:,} types and regions" if advised else "unchanged"
            click.echo(f"{_ADVISOR}: {news}")
        _show_outcomes(outcomes)
    if failed and len(failed) == len(outcomes) == 1 and advised is None:
        raise failed[0]
    if failed:
        ctx.exit(max(error.exit_code for error in failed))


def _feeds(words: dict[str, Any]) -> list[str]:
    """The feeds that the options ask for."""
    named, provider, regions = list(words["feeds"]), words["provider"], words["regions"]
    if named:
        return named
    if provider is None:
        raise BadInput(
            "say what to refresh: --provider aws|azure|gcp or one --feed; "
            "trainfare prices refresh --help lists them"
        )
    if provider != "aws":
        return [feed.name for feed in FEEDS.values() if feed.provider == provider]
    if not regions:
        return [_ADVISOR]
    return [_ADVISOR, *(["aws-api", "aws-spot"] if has_credentials() else ["aws-bulk"])]


def _refresh_advice(order: Order, outcomes: list[Outcome]) -> int | None:
    """Refresh the interruption rates; a failure joins the *outcomes*."""
    try:
        url = order.url or ADVICE_URL
        return refresh_spot_advice(home_folder(), today(order.at_ns), url, order.line)
    except TrainfareError as error:
        outcomes.append(Outcome(_ADVISOR, "aws", "*", "failed", error=error))
        return None


def _confirm(skus: tuple[str, ...], form: str) -> None:
    """Believe prices that wait, and say which."""
    found = believe(home_folder(), None if "all" in skus else skus)
    if form == "json":
        rows = [{"sku": item.sku, "amount": rate_text(item.amount)} for item in found]
        say_json({"confirmed": rows})
        return
    for item in found:
        click.echo(f"{item.sku}  {rate_text(item.amount)} {item.currency}")
    click.echo(f"Confirmed {len(found)}." if found else "Nothing waits for confirmation.")


def _show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """One line per feed and region, then what needs a person's eye."""
    colours = {"updated": "green", "unchanged": None, "failed": "red"}
    for item in outcomes:
        status = click.style(item.status, fg=colours[item.status])
        words = f"{item.feed} {item.region}: {status}"
        if item.error is not None:
            say(f"{words}: {item.error}", below="  ")
            continue
        click.echo(f"{words}, {item.kept:,} prices, {item.changed:,} of them changed")
        for note in item.notes:
            say(note, "  · ", "    ")
        _show_some("rejected", item.rejected)
        _show_some("flagged", item.flagged)
        _show_some("waiting", item.quarantined)
        if item.quarantined:
            click.echo("  confirm what is right: trainfare prices refresh --confirm SKU|all")


def _show_some(word: str, items: Sequence[tuple[Listing, str]]) -> None:
    colour = "red" if word == "rejected" else "yellow"
    for item, why in items[:_SHOWN]:
        line = f"{click.style(word, fg=colour)} {item.sku}: {why}"
        say(line, "  ", "    ")
    if len(items) > _SHOWN:
        click.echo(f"  … and {len(items) - _SHOWN} more; --format json has all")


def _outcome_json(item: Outcome) -> dict[str, Any]:
    def rows(pairs: Sequence[tuple[Listing, str]]) -> list[dict[str, str]]:
        return [
            {"sku": each.sku, "amount": rate_text(each.amount), "why": why} for each, why in pairs
        ]

    return {
        "feed": item.feed,
        "provider": item.provider,
        "region": item.region,
        "status": item.status,
        "rows_seen": item.rows_seen,
        "kept": item.kept,
        "changed": item.changed,
        "quarantined": rows(item.quarantined),
        "rejected": rows(item.rejected),
        "flagged": rows(item.flagged),
        "notes": list(item.notes),
        "error": None if item.error is None else str(item.error),
    }
