"""Quantities of time: how long a charge says that its resource was paid for.

A quantity above the length of the charge period counts several instances, cores or GPUs of one
resource, and says nothing about how long it lived. Quantities are no money: they are read as
doubles (16 digits) and rounded to microseconds, the same in Python and in SQL.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

HOUR_US = 3_600_000_000
"""Microseconds in an hour."""
DAY_US = 24 * HOUR_US
"""Microseconds in a day."""

_HOURS = ("hours", "hour", "hrs", "hr", "h", "1 hour")
_SECONDS = ("seconds", "second", "secs", "sec", "s")
_MINUTES = ("minutes", "minute", "mins", "min")
_DAYS = ("days", "day")
_COUNTED = ("instance", "node", "vm", "gpu", "vcpu", "cpu", "core")

UNITS = {
    **dict.fromkeys(_HOURS, HOUR_US),
    **dict.fromkeys(_SECONDS, 1_000_000),
    **dict.fromkeys(_MINUTES, 60_000_000),
    **dict.fromkeys(_DAYS, DAY_US),
    **{f"{what}{sign}hours": HOUR_US for what in _COUNTED for sign in "- "},
    **{f"{what}{sign}seconds": 1_000_000 for what in _COUNTED for sign in "- "},
}
"""Unit of ConsumedQuantity in small letters → microseconds; byte-hours and the like are none."""


def paid_us(quantity: str | None, unit: str | None) -> int | None:
    """A consumed quantity in microseconds, the nearest; None when it is no known amount of time.

    >>> paid_us("0.3333333333", "Hours"), paid_us("5", "GB")
    (1200000000, None)
    """
    factor = UNITS.get((unit or "").lower())
    try:
        micros = float(quantity or "") * (factor or math.nan)
    except ValueError:
        return None
    if not math.isfinite(micros) or abs(micros) >= 2**63:
        return None
    return int(Decimal(micros).to_integral_value(ROUND_HALF_UP))


_UNIT_MAP = ", ".join(f"'{unit}': {factor}" for unit, factor in UNITS.items())
_UNIT_LIST = ", ".join(f"'{unit}'" for unit in UNITS)
PAID_US_SQL = f"""CASE WHEN lower("ConsumedUnit") IN ({_UNIT_LIST})
    THEN TRY_CAST(round(TRY_CAST("ConsumedQuantity" AS DOUBLE)
        * MAP {{{_UNIT_MAP}}}[lower("ConsumedUnit")]) AS BIGINT) END"""
""":func:`paid_us` over the columns of a table."""
