"""Proportions: parts of one whole as fixed-point integers, so that no part is ever lost.

A proportion is a whole number of 2⁻⁶², from 0 to :data:`ONE`. The parts of an amount lie between
consecutive proportions: ``portion(amount, high) − portion(amount, low)``. Parts up to :data:`ONE`
therefore sum to the amount exactly, whatever the proportions are, and cutting a part in two never
changes the sum. Proportions are rounded up, so that an exact share of up to about a thousand units
of money is the exact floor; beyond that a part is off by at most one nano-unit.

Negative amounts mirror positive ones: a refund is divided exactly as the charge it takes back.

The same arithmetic stands here twice: in Python for the reference, and as SQL macros for engines.
Up to :data:`ONE` nano-units (4.6 thousand million units of money in one charge) the SQL needs 64
bits only; above, it goes on in 128.
"""

from __future__ import annotations

ONE = 2**62
"""The whole."""


def proportion(whole: int, part: int, total: int) -> int:
    """*part* of *total* as a share of the proportion *whole*, rounded up; 0 ≤ part ≤ total.

    >>> proportion(ONE, 1, 2) == ONE // 2, proportion(ONE, 3, 3) == ONE
    (True, True)
    """
    return -(-whole * part // total)


def portion(amount: int, share: int) -> int:
    """The part of *amount* up to the proportion *share*, rounded towards zero.

    >>> portion(10_000_000_000, proportion(ONE, 1, 3)), portion(-7, ONE // 2)
    (3333333333, -3)
    """
    floor = abs(amount) * share // ONE
    return -floor if amount < 0 else floor


MACROS = (
    # Three digits of 20, 21 and 21 bits of `whole`, divided one after the other, each step under 2^63
    # for totals below 2^41.
    """CREATE OR REPLACE TEMP MACRO narrow_proportion(whole, part, total) AS
       ((whole >> 42) * part // total << 42)
       + ((((whole >> 42) * part % total << 21)
           + (whole >> 21 & 2097151) * part) // total << 21)
       + ((((((whole >> 42) * part % total << 21)
             + (whole >> 21 & 2097151) * part) % total << 21)
           + (whole & 2097151) * part + total - 1) // total)""",
    # Two digits of 31 bits in 128; exact for totals up to 2^94.
    """CREATE OR REPLACE TEMP MACRO wide_proportion(whole, part, total) AS
       (((whole >> 31)::HUGEINT * part // total) * 2147483648
        + (((whole >> 31)::HUGEINT * part % total) * 2147483648
           + (whole & 2147483647)::HUGEINT * part + total - 1) // total)::BIGINT""",
    """CREATE OR REPLACE TEMP MACRO proportion(whole, part, total) AS
       CASE WHEN part >= total THEN whole
            WHEN total < 2199023255552
            THEN narrow_proportion(whole, part::BIGINT, total::BIGINT)
            WHEN total < 9223372036854775808
            THEN ((whole::HUGEINT * part + total - 1) // total)::BIGINT
            ELSE wide_proportion(whole, part, total) END""",
    # floor(amount * share / 2^62) from halves of 31 bits; exact for 0 <= amount < 2^62.
    """CREATE OR REPLACE TEMP MACRO floor_portion(amount, share) AS
       (amount >> 31) * (share >> 31)
       + (((amount >> 31) * (share & 2147483647) + (amount & 2147483647) * (share >> 31)
           + ((amount & 2147483647) * (share & 2147483647) >> 31)) >> 31)""",
    """CREATE OR REPLACE TEMP MACRO wide_portion(amount, share) AS
       sign(amount) * (abs(amount::HUGEINT) * share // 4611686018427387904)""",
    """CREATE OR REPLACE TEMP MACRO part(amount, low, high) AS
       CASE WHEN abs(amount) < 4611686018427387904
            THEN sign(amount) * (floor_portion(abs(amount), high)
                 - CASE WHEN low = 0 THEN 0 ELSE floor_portion(abs(amount), low) END)
            ELSE (wide_portion(amount, high) - wide_portion(amount, low))::BIGINT END""",
)
"""``proportion(whole, part, total)`` and ``part(amount, low, high)`` in DuckDB's SQL."""
