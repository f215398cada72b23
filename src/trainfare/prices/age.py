"""Age: how old a price is on the day it is used, and whether that makes it aging or stale.

    kind                aging     stale     evidence
    on demand           90 days   180 days  one GPU event in 33 months of AWS list prices, but −44 %
    commitments         90 days   –
    spot                24 hours  7 days    moved 5 % per two weeks, × 2.5 in seven months
    storage, network    180 days  –

The limit itself belongs to the older side: exactly 90 days is aging. Age is a distance: a price of
200 days *after* the day it is applied to is as weak a witness as one of 200 days before.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR, parse_instant

DAY = 24 * HOUR
"""Nanoseconds in a UTC day."""

_EPOCH = date(1970, 1, 1)
_STATED = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")

_LIMITS = {
    "on_demand": (90 * DAY, 180 * DAY),
    "commit": (90 * DAY, None),
    "spot": (DAY, 7 * DAY),
    "storage": (180 * DAY, None),
    "network": (180 * DAY, None),
}


def instant_of(as_of: str) -> int:
    """Nanoseconds since the epoch of the earliest instant that *as_of* can mean.

    *as_of* is a year, a month, a day, or an RFC 3339 time. A source that says only "2026" may
    speak of January, so January is what age is counted from.

    >>> instant_of("1970-01-02") // DAY, instant_of("1971") // DAY
    (1, 365)

    Raises:
        BadInput: it is none of these.
    """
    match = _STATED.fullmatch(as_of)
    if not match:
        return parse_instant(as_of)
    year, month, day = match.groups()
    try:
        stated = date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise BadInput(f"{as_of!r} is not a date: {error}") from None
    return (stated - _EPOCH).days * DAY


def day_of(instant_ns: int) -> date:
    """The UTC day that holds an instant.

    >>> day_of(0).isoformat()
    '1970-01-01'
    """
    return _EPOCH + timedelta(days=instant_ns // DAY)


def is_known_to_the_day(as_of: str) -> bool:
    """Whether *as_of* names a day or an instant, not only a month or a year."""
    return len(as_of) >= len("2026-07-20")


def age_days(as_of: str, at_ns: int) -> int:
    """Whole days between *as_of* and an instant, either way."""
    return abs(at_ns - instant_of(as_of)) // DAY


def quality_of(option: str, as_of: str, at_ns: int) -> str:
    """``fresh``, ``aging`` or ``stale``: what the age of a price says about it at an instant.

    Args:
        option: A purchase option (``on_demand``, ``spot``, ``commit_1y`` …), ``storage`` or
            ``network``; anything else is held to the limits of on-demand.
        as_of: When the source said so; see :func:`instant_of`.
        at_ns: When the price is used.

    >>> at = instant_of("2026-10-18")
    >>> quality_of("on_demand", "2026-07-21", at), quality_of("on_demand", "2026-07-20", at)
    ('fresh', 'aging')
    """
    kind = "commit" if option.startswith("commit") else option
    aging, stale = _LIMITS.get(kind, _LIMITS["on_demand"])
    age = abs(at_ns - instant_of(as_of))
    if stale is not None and age >= stale:
        return "stale"
    return "aging" if age >= aging else "fresh"


def today(at_ns: int) -> str:
    """The UTC second of an instant as RFC 3339 text, as caches write it."""
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
