"""Times of a bill: any spelling a provider uses, brought to UTC microseconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from trainfare.billing.arrow import pa, pc, text_of

INSTANT = pa.timestamp("us", tz="UTC")
"""The type of every time column of a canonical batch."""

NOT_A_TIME = "is not a time from 1970 to 2261; write UTC as 2026-10-01T00:00:00Z"
"""What is wrong with a time that no known spelling fits, or that nanoseconds cannot count."""

MONTH_FIRST = "month-first"
"""Spelling of slash dates as Azure and spreadsheets write them: 9/2/2023 is the second of September."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_SECONDS = 9_214_646_400
"""Seconds from 1970 to the first of January 2262."""
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?"
)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?: (\d{1,2}):(\d\d)(?::(\d\d))?)?")
_AS_UTC = "read-as-utc"
_MIDNIGHT = "read-as-midnight-utc"
_SLASHED = "read-month-first"
_CUT = "cut-to-microseconds"


@dataclass(frozen=True, slots=True)
class Instants:
    """(n,) times; where they are wrong (those rows are null); and what was repaired, where."""

    values: pa.TimestampArray
    bad: pa.BooleanArray | None
    repairs: tuple[tuple[str, pa.BooleanArray], ...] = ()


def instants(values: pa.Array, spelling: str | None = None) -> Instants:
    """Read a time column; a time without a zone is UTC by FOCUS, and noted as repaired.

    Args:
        values: (n,) timestamps, dates or text.
        spelling: None for ISO 8601 only, :data:`MONTH_FIRST` for slash dates beside it, or a
            ``strptime`` pattern such as ``%d.%m.%Y``.

    >>> instants(pa.array(["2026-10-01 00:00:00"])).values.cast("int64").to_pylist()
    [1790812800000000]
    """
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _typed(values)
    texts = text_of(values)
    read = [
        _read(text, spelling) if text is not None else (None, "")
        for text in texts.dictionary.to_pylist()
    ]
    moments = pa.array([moment for moment, _ in read], INSTANT).take(texts.indices)
    bad = None
    if any(moment is None for moment, _ in read):
        bad = pc.and_(moments.is_null(), texts.indices.is_valid())
    repairs = []
    for what in sorted({note for _, note in read if note}):
        spotted = pa.array([note == what for _, note in read])
        repairs.append((what, pc.fill_null(spotted.take(texts.indices), fill_value=False)))
    return Instants(moments, bad, tuple(repairs))


def _typed(values: pa.Array) -> Instants:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms" if pa.types.is_date64(values.type) else "s"))
    counts = values.cast(pa.int64())
    end = _END_SECONDS * _TICKS[values.type.unit]
    beyond = pc.or_(pc.less(counts, 0), pc.greater_equal(counts, end))
    bad = pc.fill_null(beyond, fill_value=False)
    is_fine = not pc.any(bad).as_py()
    kept = counts if is_fine else pc.if_else(bad, pa.scalar(None, counts.type), counts)
    # The zone of a type only says how to show its instants, and in a damaged file it is no text.
    moments = kept.cast(pa.timestamp(values.type.unit, INSTANT.tz))
    return Instants(moments.cast(INSTANT, safe=False), None if is_fine else bad)


@lru_cache(maxsize=65536)
def _read(text: str, spelling: str | None) -> tuple[int | None, str]:
    """Microseconds since the epoch, or None; and what had to be repaired."""
    micros, note = _spelt(text.strip(), spelling)
    is_within = micros is not None and 0 <= micros < _END_SECONDS * 10**6
    return (micros, note) if is_within else (None, "")


def _spelt(text: str, spelling: str | None) -> tuple[int | None, str]:
    try:
        if spelling == MONTH_FIRST and (match := _SLASHES.fullmatch(text)):
            month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
            year += 2000 if year < 100 else 0
            return _micros(datetime(year, month, day, hour, minute, second, tzinfo=UTC)), _SLASHED
        if spelling is not None and spelling != MONTH_FIRST:
            moment = datetime.strptime(text, spelling)
            return _micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)), ""
        return _iso(text)
    except ValueError:
        return None, ""


def _iso(text: str) -> tuple[int | None, str]:
    match = _ISO.fullmatch(text)
    if not match:
        return None, ""
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    if int(second or 0) > 60:
        return None, ""
    digits = (fraction or "").ljust(9, "0")
    micros = _micros(moment) + int(second or 0) * 10**6 + int(digits[:6])
    note = _CUT if int(digits[6:]) else ""
    if hour is None:
        note = _MIDNIGHT
    elif zone is None:
        note = _AS_UTC
    elif zone[0] in "+-":
        hours, rest = int(zone[1:3]), int(zone[-2:] if len(zone) > 3 else 0)
        if hours > 23 or rest > 59:
            return None, ""
        minutes = hours * 60 + rest
        micros -= (1 if zone[0] == "+" else -1) * minutes * 60 * 10**6
    return micros, note


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
