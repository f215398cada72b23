"""Planned demand: what is known to come, added to the hours of history that stand for the future.

A plan takes history for a picture of the hours to come. What runs are known to need beside it, in a
planned hour, is added to an hour of history that stands for that one, of the same hour of the week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainfare.commitments.demand import Demand
from trainfare.core.errors import BadInput

WEEK_HOURS = 168


def with_planned(demand: Demand, planned: Sequence[Demand]) -> Demand:
    """*demand* with what is *planned* after its end; where that goes further, history is repeated.

    Laws: what is planned after the end of history is in it once, no two hours of one plan in one hour,
    beside history as often as it is repeated; planned hours that history has are left out.

    Raises:
        BadInput: the currencies differ, or a plan has nothing after the end of history.
    """
    end = demand.first_hour + demand.hours
    later = [_after(one, end, demand.currency) for one in planned]
    everything = {column for one in [demand, *later] for column in one.columns}
    columns = tuple(sorted(everything, key=lambda one: (one.sku, one.price_nano)))
    length = demand.hours // WEEK_HOURS * WEEK_HOURS or demand.hours
    reach = max((one.first_hour + one.hours for one in later), default=end)
    times = max(1, -(-(reach - end) // length))
    spend = np.zeros((demand.hours * times, len(columns)), dtype=np.int64)
    for at, column in enumerate(demand.columns):
        spend[:, columns.index(column)] = np.tile(demand.spend_nano[:, at], times)
    for one in later:
        hour = one.first_hour + np.arange(one.hours)
        where = (hour - end) // length * demand.hours + (hour - demand.first_hour) % length
        for at, column in enumerate(one.columns):
            spend[where, columns.index(column)] += one.spend_nano[:, at]
    return replace(demand, columns=columns, spend_nano=spend)


def _after(planned: Demand, end: int, currency: str) -> Demand:
    if planned.currency != currency:
        raise BadInput(
            f"planned demand is in {planned.currency}, demand in {currency}; give one currency"
        )
    later = planned.window(max(0, end - planned.first_hour), planned.hours)
    if not later.hours:
        raise BadInput("planned demand ends before that of history does; give the hours to come")
    return later
