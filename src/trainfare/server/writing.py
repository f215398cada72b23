"""Writing: how amounts, times and shares are written on pages."""

from __future__ import annotations

import re
import time
from typing import Any

from markupsafe import Markup

from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import plural
from trainfare.metering.receipt_view import bytes_text, duration_text

KINDS = {
    "estimated": ("est", "estimated: usage × the price known at that moment"),
    "billed": ("billed", "billed: what the invoice says"),
    "effective": ("eff", "effective: the bill with prepaid commitments spread over their use"),
    "list": ("list", "list: the public price of the same usage"),
    "contracted": ("contr", "contracted: the negotiated price of the same usage"),
    "allocated": ("alloc", "allocated: the part of a charge that a rule gives to a run"),
    "forecast": ("fcst", "forecast: what it will have been at the end"),
    "limit": ("limit", "limit: set by a budget"),
    "price": ("price", "price: what one unit costs; its source and date stand beside it"),
    "saving": ("save", "saving: what would not have been paid, a month of the history"),
}
"""Kind of money → its mark on pages and what it means."""

_AMOUNT = re.compile(r"[$€£¥]\d|\d [A-Z]{3}\b")


def money(amount: Money | str | int | None, currency: str = "USD", places: int | None = 2) -> str:
    """An amount for people; less than a cent keeps its digits."""
    if amount is None:
        return "unknown"
    if isinstance(amount, str):
        amount = Money.parse(amount, currency)
    elif isinstance(amount, int):
        amount = Money(amount, currency)
    if places is not None and amount.nano and abs(amount.nano) < 10**7:
        places = None
    return amount.display(places)


def mark(kind: str) -> Markup:
    """The small mark of a kind of money, which leads to what it means."""
    if kind not in KINDS:
        return Markup("")
    short, what = KINDS[kind]
    return Markup('<a class="kind" href="/words#{}" title="{}">{}</a>').format(kind, what, short)


def mark_money(sentence: str, kind: str) -> Markup:
    """The mark of *kind* where there is an amount in a sentence."""
    return mark(kind) if _AMOUNT.search(sentence) else Markup("")


def view_kind(view: str) -> str:
    """The kind of money that a budget is held against.

    >>> view_kind("estimated"), view_kind("billed")
    ('estimated', 'effective')
    """
    return "estimated" if view == "estimated" else "effective"


def duration(nanoseconds: float | None) -> str:
    """A length of time; *nanoseconds* may be a float of seconds as JSON has it."""
    if nanoseconds is None:
        return "–"
    if isinstance(nanoseconds, float):
        nanoseconds = round(nanoseconds * SECOND)
    return duration_text(nanoseconds)


def instant(text_or_ns: str | int | None) -> Markup | str:
    """A moment as a ``time`` element; pages write how long ago it was beside it."""
    if text_or_ns is None:
        return "–"
    text = text_or_ns
    if isinstance(text, int):
        text = format_instant(text // SECOND * SECOND)
    shown = text[:16].replace("T", " ")
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        text, text[:19].replace("T", " "), shown
    )


def ago(ns: int | None) -> str:
    """How long ago a moment was, in one unit."""
    if ns is None:
        return "never"
    seconds = max(0, (time.time_ns() - ns) // SECOND)
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' * (count != 1)} ago"
    return "just now"


def percent(share: Any, places: int = 1) -> str:
    """A share from 0 to 1 in percent.

    >>> percent(0.4182), percent(-0.00001)
    ('41.8 %', '0.0 %')
    """
    if share is None:
        return "unknown"
    return f"{float(share) * 100:z,.{places}f} %"


def count(number: int | None) -> str:
    """A whole number with separators."""
    return "–" if number is None else f"{number:,}"


FILTERS = {
    "money": money,
    "mark": mark,
    "mark_money": mark_money,
    "view_kind": view_kind,
    "duration": duration,
    "instant": instant,
    "ago": ago,
    "percent": percent,
    "count": count,
    "plural": plural,
    "bytes": bytes_text,
}
"""What templates call them."""
