"""Times of a bill: any spelling a provider uses, brought to UTC microseconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from trainfare.billing.arrow import pa, pc, text_of

INSTANT = pa.timestamp("us", tz="UTC")
"""The type of every time column of a canonical batch."""

NOT_A_TIME = "is not a time; write UTC as 2026-10-01T00:00:00Z"
"""What is wrong with a time that no known spelling fits."""

MONTH_FIRST = "month-first"
"""Spelling of slash dates as Azure and spreadsheets write them: 9/2/2023 is the second of September."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
        return Instants(_typed(values), None)
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


def _typed(values: pa.Array) -> pa.TimestampArray:
    kind = values.type
    if pa.types.is_date(kind):
        return values.cast(pa.timestamp("us")).cast(INSTANT)
    return values.cast(pa.timestamp("us", tz=kind.tz or "UTC"), safe=False).cast(INSTANT)


@lru_cache(maxsize=65536)
def _read(text: str, spelling: str | None) -> tuple[int | None, str]:
    """Microseconds since the epoch, or None; and what had to be repaired."""
    text = text.strip()
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
        minutes = int(zone[1:3]) * 60 + int(zone[-2:] if len(zone) > 3 else 0)
        micros -= (1 if zone[0] == "+" else -1) * minutes * 60 * 10**6
    return micros, note


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
