"""Keys: which column of a row means what, by the names that trainers use or as the user says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, parse_instant

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "_timestamp", "wall_time", "datetime", "ts", "date"),
    "seconds": ("elapsed", "elapsed_seconds", "_runtime"),
    "milliseconds": ("elapsed_ms", "train_time_ms"),
    "minutes": ("elapsed_minutes",),
    "hours": ("elapsed_hours", "hours"),
    "step": ("step", "global_step", "_step", "trainer/global_step", "iteration", "iter"),
    "epoch": ("epoch", "epochs"),
}
"""What a column can mean, and what such columns are called; the first name found counts."""

TIMERS = {
    "seconds": Fraction(SECOND),
    "milliseconds": Fraction(SECOND, 1000),
    "minutes": Fraction(60 * SECOND),
    "hours": Fraction(3600 * SECOND),
}
"""Columns that count from the training's own zero, and the nanoseconds in their unit."""

_UNIX = ((10**17, 1), (10**14, 10**3), (10**11, 10**6), (10**8, SECOND))
"""A number that large counts nanoseconds, microseconds, milliseconds or seconds since 1970: the
ranges of the years 1973 to 5138 do not overlap."""

_PLAIN = re.compile(r"\+?\d{1,20}(\.\d{0,20})?")


@dataclass(frozen=True, slots=True)
class Keys:
    """What the user says about the columns of a log."""

    stated: Mapping[str, str] = field(default_factory=dict)
    """Meaning (see :data:`NAMES`) → column."""
    zone: tzinfo | None = None
    """Time zone of times that name none."""

    def find(self, columns: Mapping[str, Any]) -> dict[str, str]:
        """Meaning → the column of this row that has it.

        >>> Keys({"seconds": "t"}).find({"t": 1, "iter": 5, "loss": 0.1})
        {'seconds': 't', 'step': 'iter'}
        """
        found = {}
        for meaning, names in NAMES.items():
            known = (self.stated[meaning],) if meaning in self.stated else names
            taken = next((name for name in known if columns.get(name) not in (None, "")), None)
            if taken is not None and (meaning in self.stated or not self._is_taken(taken)):
                found[meaning] = taken
        return found

    def _is_taken(self, column: str) -> bool:
        """Whether the user gave *column* another meaning than its name suggests."""
        return column in self.stated.values()


def parse_key(text: str) -> tuple[str, str]:
    """Split ``MEANING=COLUMN`` as the command line gives it.

    >>> parse_key("hours=train_hours")
    ('hours', 'train_hours')
    """
    meaning, found, column = text.partition("=")
    if not found or not column or meaning not in NAMES:
        raise BadInput(f"key {text!r} is not MEANING=COLUMN with one of {', '.join(NAMES)}")
    return meaning, column


def to_number(value: object) -> float | None:
    """A number of a row, text of CSV included; None for anything else.

    >>> to_number("0.5"), to_number(True), to_number("NaN"), to_number("x")
    (0.5, None, nan, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def to_instant(value: object, zone: tzinfo | None) -> int:
    """A wall-clock time: RFC 3339 or ISO 8601 text, or a count since 1970 in seconds or finer.

    Raises:
        BadInput: it is neither, or names no time zone and *zone* is None.

    >>> to_instant("2026-10-01T00:00:00Z", None) == to_instant(1790812800, None)
    True
    """
    number = to_number(value)
    if number is not None:
        unit = next((unit for least, unit in _UNIX if least <= number < 10**20), None)
        if unit is None:
            raise BadInput(
                "counts no time since 1970; if it counts from the training's own start, say so: "
                "--key seconds=COLUMN"
            )
        return round(_exact(value, number) * unit)
    text = str(value).strip()
    try:
        return parse_instant(text)
    except BadInput:
        pass
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        raise BadInput("is no time such as 2026-10-01T00:00:00Z") from None
    if moment.tzinfo is None:
        if zone is None:
            raise BadInput("names no time zone; add --time-zone, such as UTC or Europe/Berlin")
        moment = moment.replace(tzinfo=zone)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000


def to_timer(value: object, meaning: str) -> int:
    """A time on the training's own timer, in nanoseconds.

    Raises:
        BadInput: it is no number of at least 0.

    >>> to_timer("0.00068544", "hours")
    2467584000
    """
    number = to_number(value)
    if number is None or not 0 <= number < 10**12:
        raise BadInput(f"is no number of {meaning} of at least 0")
    return round(_exact(value, number) * TIMERS[meaning])


def _exact(value: object, number: float) -> Fraction:
    """*number* as it was written; in scientific notation as the float that it became."""
    text = str(value).strip()
    return Fraction(text) if _PLAIN.fullmatch(text) else Fraction(number)


def parse_zone(name: str) -> tzinfo:
    """The time zone of an IANA name.

    Raises:
        BadInput: there is none of this name.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"time zone {name!r} is not known here; name one such as Europe/Berlin, or UTC"
        ) from None
