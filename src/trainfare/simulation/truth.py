"""Truth: what every run truly cost, and every remainder, added up from the lines of the bills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from trainfare.core.charge import Component, Remainder, View
from trainfare.core.period import SECOND
from trainfare.simulation.line import BILLERS, Line


@dataclass(frozen=True, slots=True)
class TruthRow:
    """What one owner truly has of one component: a run, or a remainder."""

    run: str | None
    remainder: Remainder | None
    component: Component
    currency: str
    nano: int
    resource: str = ""
    """In detail: the last part of the resource's name, in small letters."""
    day: str = ""
    """In detail: the UTC day on which the charge begins, as ``2026-10-31``."""


def truth(
    lines: Iterable[Line], *, view: View = View.EFFECTIVE, is_detailed: bool = False
) -> list[TruthRow]:
    """The true owners of *lines*; the amounts sum to those of the lines exactly.

    In the effective view the rows are the same for every format. In the billed view a format may
    put cash elsewhere: a Cost and Usage Report bills covered usage at its on-demand price and takes
    it back in negation rows.

    Args:
        lines: of one or more deliveries.
        view: which cost column.
        is_detailed: keep resource and day apart, and charges from what is taken back, as the rows
            of an allocation do.

    Returns:
        Rows in a fixed order, without those of nothing.
    """
    sums: dict[tuple[str, str, str, str, str, str, bool], int] = defaultdict(int)
    days: dict[int, str] = {}
    for line in lines:
        currency = BILLERS[line.product.provider].currency
        resource = day = ""
        if is_detailed:
            resource = short_name(line.place.resource_id)
            day = _day(line.interval.start_ns, days)
        for part in line.ownership.divided(line.nano(view)):
            key = (currency, part.run or "", part.remainder or "", line.product.component)
            sums[*key, resource, day, is_detailed and part.nano < 0] += part.nano
    return [
        TruthRow(
            run or None,
            Remainder(remainder) if remainder else None,
            Component(component),
            currency,
            nano,
            resource,
            day,
        )
        for (currency, run, remainder, component, resource, day, _), nano in sorted(sums.items())
        if nano
    ]


def short_name(resource_id: str) -> str:
    """What stands behind the last ``/`` or ``:`` of a resource's name, in small letters.

    >>> short_name("arn:aws:sagemaker:us-east-1:1:training-job/Llama")
    'llama'
    """
    return resource_id.lower().rpartition("/")[2].rpartition(":")[2]


def _day(start_ns: int, known: dict[int, str]) -> str:
    seconds = start_ns // SECOND
    number = seconds // 86_400
    if number not in known:
        known[number] = datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")
    return known[number]
