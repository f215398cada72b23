"""Words on charts: amounts, moments and names, made to fit; and the round numbers of axes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, log10

from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR, SECOND, BillingPeriod, format_instant
from trainfare.core.plain import plain

DAY = 24 * HOUR
"""Nanoseconds in a day of UTC."""

_NARROW, _WIDE = frozenset("iljtfrI.,:;|'!()[]/ -"), frozenset("mwMW@%—…")
_MAGNITUDES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


def text_width(text: str, size: int = 11) -> float:
    """About how many pixels *text* is wide in a sans-serif font of *size* pixels."""
    ems = 0.0
    for sign in text:
        if ord(sign) > 0x2E80:
            ems += 1.0
        elif sign in _NARROW:
            ems += 0.31
        elif sign in _WIDE:
            ems += 0.87
        else:
            ems += 0.68 if sign.isupper() else 0.55
    return ems * size


def cut(text: str, pixels: float, size: int = 11) -> str:
    """*text*, made plain, cut to *pixels* with an ellipsis.

    >>> cut("a-very-long-name-of-a-run", 80)
    'a-very-long-n…'
    """
    text = plain(text)
    if text_width(text, size) <= pixels:
        return text
    while text and text_width(text + "…", size) > pixels:
        text = text[:-1]
    return text + "…"


def wrap(text: str, pixels: float, size: int = 12) -> list[str]:
    """*text* in lines of at most *pixels*, broken at spaces.

    >>> wrap("one two three", 50)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= pixels:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def listed(names: Sequence[str], shown: int = 3) -> str:
    """The first few *names*, and how many more there are.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    more = len(names) - shown
    first = ", ".join(names[:shown])
    return f"{first} and {more} more" if more > 0 else first


def drawn(amount: Money) -> float:
    """An amount as a length: the one place where money becomes a float, and nothing adds it up."""
    return amount.nano / NANO


def exact_text(amount: Money) -> str:
    """All of an amount, for tooltips: two places or as many as it has.

    >>> exact_text(Money.parse("1234.5")), exact_text(Money.parse("-0.0042"))
    ('$1,234.50', '−$0.0042')
    """
    places = 9
    while places > 2 and amount.nano % 10 ** (10 - places) == 0:
        places -= 1
    return minus(amount.display(places))


def minus(text: str) -> str:
    """*text* with the sign that is as wide as a plus."""
    return text.replace("-", "−")


def short_text(amount: Money) -> str:
    """An amount in the room of a label: three digits that matter.

    >>> [short_text(Money.parse(t)) for t in ("0.0042", "7.5", "1234.5", "-45600000")]
    ['$0.0042', '$7.50', '$1.23k', '−$45.6M']
    """
    size = abs(amount.nano)
    for whole, letter in _MAGNITUDES:
        # 999,950 is a million in three digits.
        if size * 2000 >= whole * 1999 * NANO:
            scaled = Fraction(size, whole * NANO)
            places = 2 if scaled < 10 else 1 if scaled < 100 else 0
            sign = -1 if amount.nano < 0 else 1
            text = Money.nearest(sign * scaled, amount.currency).display(places)
            number, space, code = text.partition(" ")
            return minus(f"{number}{letter}{space}{code}")
    return minus(amount.display())


@dataclass(frozen=True, slots=True)
class Ticks:
    """The round numbers of an axis, and how Vega writes them."""

    values: tuple[float, ...]
    label: str
    """A Vega expression."""
    is_log: bool = False
    edges: tuple[float, float] | None = None
    """Where the axis begins and ends, if elsewhere than at its first and last number."""

    @property
    def domain(self) -> tuple[float, float]:
        """Where the axis begins and ends."""
        return self.edges or (self.values[0], self.values[-1])

    def place(self, value: float) -> float:
        """How far *value* is along the axis: 0 at its beginning, 1 at its end."""
        low, high, at = *self.domain, value
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(at)
        return (at - low) / (high - low)


def round_steps(low: Fraction, high: Fraction, count: int) -> tuple[Fraction, list[Fraction]]:
    """The step and the multiples of it that span *low* to *high* in about *count* steps of 1, 2 or 5.

    >>> step, values = round_steps(Fraction(0), Fraction(47), 5)
    >>> step, len(values)
    (Fraction(10, 1), 6)
    """
    if high <= low:
        high = low + (abs(low) or 1)
    raw = (high - low) / count
    power = Fraction(1)
    while power * 10 <= raw:
        power *= 10
    while power > raw:
        power /= 10
    step = min((power * n for n in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    first, last = floor(low / step), ceil(high / step)
    return step, [step * n for n in range(first, last + 1)]


def money_ticks(
    amounts: Iterable[Money], currency: str, count: int = 5, *, from_zero: bool = True
) -> Ticks:
    """An axis that spans all *amounts*, and 0 too unless told otherwise."""
    nanos = [amount.nano for amount in amounts] + [0] * from_zero
    low, high = Fraction(min(nanos), NANO), Fraction(max(nanos), NANO)
    step, values = round_steps(low, high, count)
    largest = max(abs(values[0]), abs(values[-1]))
    whole, letter = next(
        ((whole, letter) for whole, letter in _MAGNITUDES if largest >= 2 * whole), (1, "")
    )
    places = 0
    while places < 9 and (step / whole * 10**places).denominator != 1:
        places += 1
    if not letter and places:
        places = max(2, places)
    before, after = _around(currency)
    number = f"format(abs(datum.value)/{whole},',.{places}f')"
    label = (
        f"datum.value==0?'{before}0{after}'"
        f":(datum.value<0?'−':'')+'{before}'+{number}+'{letter}{after}'"
    )
    return Ticks(tuple(float(value) for value in values), label)


def _around(currency: str) -> tuple[str, str]:
    """What stands before and after a number of money."""
    before, _, after = Money(NANO, currency).display(0).partition("1")
    return before, after


def number_ticks(high: Fraction, count: int = 5) -> Ticks:
    """An axis from 0 up to *high* of plain numbers."""
    step, values = round_steps(Fraction(0), high, count)
    places = 0
    while places < 9 and (step * 10**places).denominator != 1:
        places += 1
    return Ticks(tuple(float(v) for v in values), f"format(datum.value,',.{places}f')")


def log_money_ticks(amounts: Sequence[Money], currency: str) -> Ticks:
    """A logarithmic axis around *amounts*, all above 0."""
    low, high = (Fraction(pick(a.nano for a in amounts), NANO) for pick in (min, max))
    first, last = floor(log10(low)), ceil(log10(high))
    digits = (1, 2, 5) if last - first <= 3 else (1,)
    values = [Fraction(10) ** power * digit for power in range(first, last + 1) for digit in digits]
    before, after = _around(currency)
    number = "".join(
        f"datum.value>={whole}?format(datum.value/{whole},'.3~r')+'{letter}':"
        for whole, letter in _MAGNITUDES
    )
    label = f"'{before}'+({number}format(datum.value,'.9~f'))+'{after}'"
    return _log_ticks(values, low, high, label)


_ROUND_SECONDS = (
    *(Fraction(1, 10**n) for n in range(9, 0, -1)),
    *(Fraction(n) for n in (1, 3, 10, 30)),
    *(Fraction(60 * n) for n in (1, 3, 10, 30)),
    *(Fraction(3600 * n) for n in (1, 3, 10)),
    *(Fraction(86400 * n) for n in (1, 3, 10, 30, 100, 300, 1000)),
)

_THREES = frozenset(Fraction(n) for n in (3, 30, 180, 1800, 10800, 259200, 2592000, 25920000))


def log_time_ticks(low: Fraction, high: Fraction, count: int) -> Ticks:
    """A logarithmic axis around *low* to *high* seconds, both above 0, written as s, min, h or d.

    Where *count* labels have no room, only 1 s, 1 min, 1 h … and their tenfold are written.
    """
    label = (
        "datum.value<60?format(datum.value,'~r')+' s'"
        ":datum.value<3600?datum.value/60+' min'"
        ":datum.value<86400?datum.value/3600+' h':datum.value/86400+' d'"
    )
    every = _log_ticks(_ROUND_SECONDS, low, high, label)
    if len(every.values) <= count:
        return every
    coarse = [value for value in _ROUND_SECONDS if value not in _THREES]
    return _log_ticks(coarse, low, high, label)


def _log_ticks(values: Sequence[Fraction], low: Fraction, high: Fraction, label: str) -> Ticks:
    """Those of *values* on an axis that is a little longer than *low* to *high*."""
    start, end = low * Fraction(7, 10), high * Fraction(14, 10)
    inside = tuple(float(value) for value in values if start <= value <= end)
    return Ticks(inside, label, is_log=True, edges=(float(start), float(end)))


def whole_ticks(first: int, last: int, count: int) -> Ticks:
    """Whole numbers from *first* to *last*, at round steps.

    >>> whole_ticks(3, 21, 5).values
    (5.0, 10.0, 15.0, 20.0)
    """
    step, values = round_steps(Fraction(first), Fraction(max(last, first + count)), count)
    inside = [v for v in values if first <= v <= last and step >= 1]
    return Ticks(tuple(float(v) for v in inside), "format(datum.value,',.0f')")


_STEPS = (
    *(SECOND // 1000 * n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(SECOND * n for n in (1, 2, 5, 10, 15, 30)),
    *(60 * SECOND * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 7, 14)),
)
_MONTHS = (1, 3, 6, 12, 24, 60, 120)


def time_ticks(start_ns: int, end_ns: int, count: int) -> Ticks:
    """Full seconds, hours, days, Mondays or months of UTC between two instants, in milliseconds.

    There are about *count* at most. What is longer than a tick (the day of an hour, the year of a
    day) stands below the first and wherever it changes.
    """
    length = max(1, end_ns - start_ns)
    step = next((one for one in _STEPS if length / one <= count), None)
    if step is None:
        instants = _month_starts(start_ns, end_ns, length / (count * 30 * DAY))
        return _dated(instants, "%b", "%Y")
    # 1970-01-05 was a Monday.
    origin = 4 * DAY if step % (7 * DAY) == 0 else 0
    first = -(-(start_ns - origin) // step)
    instants = [origin + n * step for n in range(first, (end_ns - origin) // step + 1)]
    if step >= DAY:
        return _dated(instants, "%-d %b", "%Y")
    clock = "%H:%M" if step >= 60 * SECOND else "%H:%M:%S" if step >= SECOND else "%H:%M:%S.%L"
    return _dated(instants, clock, "%-d %b %Y")


def _month_starts(start_ns: int, end_ns: int, months: float) -> list[int]:
    step = next((one for one in _MONTHS if one >= months), _MONTHS[-1])
    month = BillingPeriod.of(start_ns)
    found = []
    while month.interval.start_ns <= end_ns:
        if (month.year * 12 + month.month - 1) % step == 0 and month.interval.start_ns >= start_ns:
            found.append(month.interval.start_ns)
        month = month.next()
    return found


def _dated(instants: Sequence[int], form: str, longer: str) -> Ticks:
    """Ticks written as *form*, and as *longer* below it where that is new."""
    shown = [time.strftime(longer, time.gmtime(instant // SECOND)) for instant in instants]
    new = [
        instant // 10**6
        for place, instant in enumerate(instants)
        if place == 0 or shown[place] != shown[place - 1]
    ]
    text = f"utcFormat(datum.value,'{form}')"
    label = f"indexof({new},datum.value)<0?{text}:[{text},utcFormat(datum.value,'{longer}')]"
    return Ticks(tuple(instant / 10**6 for instant in instants), label)


def moment(instant_ns: int) -> str:
    """An instant for people: ``2026-10-01 14:05:00 UTC``."""
    return format_instant(instant_ns)[:19].replace("T", " ") + " UTC"


def span(start_ns: int, end_ns: int) -> str:
    """A stretch of time for people: a day by its date, a month by its name, others from and to.

    >>> span(0, DAY), span(0, HOUR), span(0, 31 * DAY)
    ('1970-01-01', '1970-01-01 00:00 to 01:00', '1970-01-01 to 1970-01-31')
    """
    start, end = (format_instant(t)[:16].replace("T", " ") for t in (start_ns, end_ns))
    if start_ns % DAY == 0 and end_ns % DAY == 0 and end_ns > start_ns:
        last = format_instant(end_ns - 1)[:10]
        return start[:10] if last == start[:10] else f"{start[:10]} to {last}"
    return f"{start} to {end[11:] if end[:10] == start[:10] else end}"
