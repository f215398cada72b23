"""How prices look: rates without useless zeros, ages in days, rows for tables and keys for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import click

from trainfare.cli.answer import filled, table, width
from trainfare.core.money import Money
from trainfare.core.plain import visible_len
from trainfare.core.price import Price
from trainfare.flows.price_json import option_text, price_age, rate_text
from trainfare.prices.age import age_days, is_known_to_the_day, quality_of
from trainfare.prices.catalogue import InstanceSpec, find_spec
from trainfare.prices.listing import Listing

COLOURS = {"fresh": None, "aging": "yellow", "stale": "red"}
"""Quality → colour of an age."""


def rate(amount: Decimal | Fraction, currency: str = "USD", unit: str = "", places: int = 2) -> str:
    """A rate for people, to four places where it has so many, and at least to *places*.

    >>> rate(Decimal("0.0376"), unit="h"), rate(Decimal("21.957642")), rate(Fraction(1, 3000))
    ('$0.0376/h', '$21.9576', '$0.00033')
    """
    exact = Money.nearest(Fraction(amount), currency)
    is_small = exact.nano < 10**7
    money = exact.display() if is_small else exact.display(max(places, _places(exact)))
    return money + (f"/{unit.replace('_', '-')}" if unit else "")


def rate_places(amounts: Iterable[Decimal | Fraction]) -> int:
    """The places that the longest of *amounts* takes as :func:`rate`, for all that stand in a column.

    >>> rate_places([Decimal("63.296"), Decimal("58.8928"), Decimal("5")])
    4
    """
    exact = [Money.nearest(Fraction(amount), "USD") for amount in amounts]
    return max((_places(one) for one in exact if one.nano >= 10**7), default=2)


def _places(exact: Money) -> int:
    return max(2, len(str(round(exact.nano, -5) % 10**9).zfill(9).rstrip("0")))


def rate_range(low: Decimal, high: Decimal, currency: str = "USD", between: str = "–") -> str:
    """Two rates in short, for what is no exact figure anyway.

    >>> rate_range(Decimal("16.9508"), Decimal("55.04"))
    '$16.95–55.04'
    """
    ends = [Money.nearest(Fraction(amount), currency).display() for amount in (low, high)]
    second = ends[1].lstrip("$") if between == "–" else ends[1]
    return ends[0] + between + second


def devices_text(spec: InstanceSpec | None) -> str:
    """What accelerators a machine has: ``8 × H100``; empty for none, ``?`` where not known."""
    if spec is None:
        return ""
    if spec.sold != "machine":
        return f"1 × {spec.accelerator}" + (", no machine" if spec.sold == "attached" else "")
    if spec.accelerator_count is None:
        return "?" if spec.accelerator else ""
    if not spec.accelerator_count:
        return ""
    return f"{rate_text(spec.accelerator_count)} × {spec.accelerator}"


def age_text(quality: str, days: int) -> str:
    """The age of a price with what to make of it: ``126 d aging``."""
    words = f"{days} d" + ("" if quality == "fresh" else f" {quality}")
    return click.style(words, fg=COLOURS[quality])


def origin_words(price: Price, at_ns: int, stated: str | None = None) -> str:
    """Where a price comes from and how old it is, in one line for people.

    Args:
        price: The price.
        at_ns: When it is used.
        stated: When its source says it is of, if that may be less exact than a day.
    """
    days = price_age(price, at_ns)
    kinds = {
        "shipped": "shipped list price",
        "refreshed": "refreshed list price",
        "learnt": "price learnt from a bill",
        "override": "your own price",
        "stated": "stated by you",
    }
    words = "reference price" if price.is_reference else kinds[price.origin]
    is_exact = stated is None or is_known_to_the_day(stated)
    if price.as_of is not None:
        words += f" of {price.as_of if is_exact else stated}"
    if days is not None and price.origin not in ("override", "stated"):
        words += f", {'' if is_exact else 'up to '}{days} {'day' if days == 1 else 'days'} old"
    if price.quality != "fresh":
        words += " " + click.style(f"({price.quality})", fg=COLOURS[price.quality])
    return words


def listings_table(items: Sequence[Listing], at_ns: int) -> str:
    """Listings one per line, the columns that matter least dropped where the terminal is narrow."""
    headers = ["name", "where", "option", "accelerators", "per hour", "age"]
    places = rate_places(item.amount for item in items)
    rows = []
    for item in items:
        amount = rate(item.amount, item.currency, places=places)
        if item.high is not None and item.high != item.amount:
            amount = rate_range(item.amount, item.high, item.currency)
        quality = quality_of(item.option, item.as_of, at_ns)
        rows.append(
            [
                item.name,
                f"{item.provider} {item.region}",
                option_text(item.option),
                devices_text(find_spec(item.provider, item.name)),
                amount,
                age_text(quality, age_days(item.as_of, at_ns)),
            ]
        )
    return fitted(headers, rows, right=[4], drop=[3, 5])


def fitted(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int],
    drop: Sequence[int],
) -> str:
    """A table from which columns are left out where the terminal is narrow.

    Args:
        headers: (c,) titles.
        rows: (n, c) cells.
        right: Columns that align right.
        drop: Columns to leave out where room is short, the first first.
    """
    kept = list(range(len(headers)))
    for gone in drop:
        if _wide(headers, rows, kept) > width():
            kept.remove(gone)
    cells = [[row[column] for column in kept] for row in rows]
    rights = [kept.index(column) for column in right if column in kept]
    return table([headers[column] for column in kept], cells, right=rights)


def line(label: str, words: str) -> str:
    """One line of a page: a dim label, then words, which go on below it where a terminal ends."""
    return filled(words, f"  {click.style(f'{label:<11}', dim=True)}", " " * 13)


def wrapped(label: str, words: str) -> list[str]:
    """A label and words that may take several lines."""
    parts = textwrap.wrap(words, max(20, width() - 13)) or ["not stated"]
    return [line("" if number else label, part) for number, part in enumerate(parts)]


def _wide(headers: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int]) -> int:
    """Columns that a table of the *kept* columns takes."""
    every = [headers, *rows]
    return sum(max(visible_len(row[c]) for row in every) for c in kept) + 2 * (len(kept) - 1)
