"""What a purchase must keep to, as people write it."""

from __future__ import annotations

from trainfare.commitments.kinds import HOURS_OF
from trainfare.commitments.single import Limits
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, decimal_of


def limits_of(most: str | None, cash: str | None, least_used: float) -> Limits:
    """The limits of *most* money an hour (or ``/month``), *cash* at once, and least use in per cent.

    >>> limits_of("730/month", None, 0).most_nano
    1000000000

    Raises:
        BadInput: an amount is none or below 0, or a per cent is not from 0 to 100.
    """
    if not 0 <= least_used <= 100:  # NaN is not between
        raise BadInput(f"--least-used {least_used}: write a per cent from 0 to 100")
    per_hour = None
    if most is not None:
        number, _, per = most.partition("/")
        if per not in ("", "h", "hour", "month"):
            raise BadInput(f"--most {most!r}: write an amount an hour, or with /month")
        per_hour = _amount_of("--most", number) // (HOURS_OF["m"] if per == "month" else 1)
    upfront = None if cash is None else _amount_of("--cash", cash)
    return Limits(per_hour, least_used / 100, upfront)


def _amount_of(option: str, text: str) -> int:
    nano = decimal_of(text) * NANO
    if nano < 0 or nano.denominator != 1:
        raise BadInput(f"{option} {text!r}: write an amount of at least 0 with at most 9 places")
    return nano.numerator
