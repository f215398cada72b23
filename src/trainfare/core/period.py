"""Time: UTC instants, half-open intervals and billing periods.

An instant is a whole count of nanoseconds since 1970-01-01T00:00:00Z. Wall-clock instants say
*when*; durations come from a monotonic clock and are never the difference of two wall clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from trainfare.core.errors import BadInput

SECOND = 10**9
"""Nanoseconds in a second."""
HOUR = 3600 * SECOND
"""Nanoseconds in an hour."""
DAY = 24 * HOUR
"""Nanoseconds in a day."""

FIRST_NS = -8520336000 * SECOND
"""1700-01-01: from here …"""
LAST_NS = 9183110400 * SECOND
"""… to 2261-01-01 an instant and what is reckoned from it fit into 64 bits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
)
_PERIOD = re.compile(r"(\d{4})-(\d\d)")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The half-open stretch [*start_ns*, *end_ns*) of UTC time; it may be empty, never negative."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.end_ns < self.start_ns:
            raise BadInput(
                f"an interval ends at {format_instant(self.end_ns)}, before its start "
                f"{format_instant(self.start_ns)}; swap them or check the time zone"
            )

    @classmethod
    def parse(cls, start: str, end: str) -> Interval:
        """Read two RFC 3339 texts.

        >>> Interval.parse("2026-10-01T00:00:00Z", "2026-10-01T01:00:00+01:00").duration_ns
        0
        """
        return cls(parse_instant(start), parse_instant(end))

    @property
    def duration_ns(self) -> int:
        """Length in nanoseconds."""
        return self.end_ns - self.start_ns

    def overlap_ns(self, other: Interval) -> int:
        """Nanoseconds that both intervals cover."""
        return max(0, min(self.end_ns, other.end_ns) - max(self.start_ns, other.start_ns))

    def clip(self, other: Interval) -> Interval | None:
        """The part of this interval inside *other*, or None when they do not touch."""
        start, end = max(self.start_ns, other.start_ns), min(self.end_ns, other.end_ns)
        return Interval(start, end) if start < end else None

    def cut(self, every_ns: int) -> Iterator[Interval]:
        """The pieces of this interval between instants that *every_ns* divides, in order.

        ``cut(HOUR)`` cuts at the full UTC hours, ``cut(DAY)`` at midnight UTC.

        >>> [piece.end_ns for piece in Interval(5, 25).cut(10)]
        [10, 20, 25]
        """
        start_ns = self.start_ns
        while start_ns < self.end_ns:
            end_ns = min(self.end_ns, (start_ns // every_ns + 1) * every_ns)
            yield Interval(start_ns, end_ns)
            start_ns = end_ns


def hull(intervals: Sequence[Interval]) -> Interval:
    """From the earliest start to the latest end of *intervals*, at least one.

    >>> hull([Interval(3, 9), Interval(1, 4)])
    Interval(start_ns=1, end_ns=9)
    """
    return Interval(min(one.start_ns for one in intervals), max(one.end_ns for one in intervals))


def parse_instant(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 *text*; a time without a zone is refused.

    Nor is one that does not fit into 64 bits of nanoseconds, with room to reckon with.
    A leap second (``23:59:60``) is the first instant of the next minute, as POSIX clocks have it.

    >>> parse_instant("1970-01-01T00:00:01.5Z")
    1500000000
    """
    match = _RFC3339.fullmatch(text.strip())
    if not match:
        raise BadInput(f"{text!r} is not an RFC 3339 time such as 2026-10-01T00:00:00Z")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a time: {error}") from None
    if int(second) > 60:
        raise BadInput(f"{text!r} is not a time: second must be in 0..60")
    whole = (moment - _EPOCH) // timedelta(seconds=1) + int(second)
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        whole -= (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60)
    instant_ns = whole * SECOND + int((fraction or "0").ljust(9, "0"))
    if not FIRST_NS <= instant_ns < LAST_NS:
        raise BadInput(f"{text!r} is too far away; write a time from 1700 to 2260")
    return instant_ns


def parse_day_or_instant(text: str) -> int:
    """An instant as :func:`parse_instant` reads it; a bare day is its beginning in UTC.

    >>> parse_day_or_instant("1970-01-02") == parse_instant("1970-01-02T00:00:00Z") == DAY
    True
    """
    is_day = len(text.strip()) == len("2026-10-01")
    return parse_instant(f"{text.strip()}T00:00:00Z" if is_day else text)


def format_instant(instant_ns: int) -> str:
    """RFC 3339 in UTC: whole seconds plain, finer ones with milli- or nanoseconds.

    >>> format_instant(1_500_000_000)
    '1970-01-01T00:00:01.500Z'
    """
    seconds, rest = divmod(instant_ns, SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if rest == 0:
        return text + "Z"
    return text + (f".{rest // 10**6:03d}Z" if rest % 10**6 == 0 else f".{rest:09d}Z")


@dataclass(frozen=True, slots=True, order=True)
class BillingPeriod:
    """A calendar month of a bill, in UTC.

    >>> BillingPeriod.parse("2026-12").next()
    BillingPeriod(year=2027, month=1)
    """

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> BillingPeriod:
        """Read ``YYYY-MM``."""
        match = _PERIOD.fullmatch(text.strip())
        if not match or not 1 <= int(match[2]) <= 12:
            raise BadInput(f"{text!r} is not a billing period such as 2026-10")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, instant_ns: int) -> BillingPeriod:
        """The month that holds an instant."""
        moment = _EPOCH + timedelta(seconds=instant_ns // SECOND)
        return cls(moment.year, moment.month)

    def next(self) -> BillingPeriod:
        """The month after."""
        return BillingPeriod(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def interval(self) -> Interval:
        """From the first instant of the month to the first of the next."""
        return _month(self)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@lru_cache(maxsize=1200)
def _month(period: BillingPeriod) -> Interval:
    return Interval.parse(f"{period}-01T00:00:00Z", f"{period.next()}-01T00:00:00Z")


def name_periods(periods: Sequence[str]) -> str:
    """Billing periods in a title: each of a few, the first and last of many.

    >>> name_periods(["2026-09", "2026-10"])
    '2026-09, 2026-10'
    >>> name_periods([f"2026-{month:02}" for month in range(1, 13)])
    '2026-01 to 2026-12 (12 periods)'
    """
    if len(periods) <= 3:
        return ", ".join(periods)
    return f"{min(periods)} to {max(periods)} ({len(periods)} periods)"
