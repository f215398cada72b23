"""What budgets will have spent: standings, live runs and past days → forecast, chance of a breach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trainfare.budgets.outlook import LEAST_DAYS, Outlook, look_ahead
from trainfare.core.budget import BudgetPeriod, Standing
from trainfare.core.forecast import Forecast
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval
from trainfare.core.standing import Spender

TRIAL_WEEKS = 8
"""So many weeks show how far off the forecasts of days are."""


def with_outlook(
    standing: Standing,
    spenders: Sequence[Spender],
    forecasts: Mapping[str, Forecast],
    at_ns: int,
) -> Standing:
    """*standing* with what will have been spent when its period, or its run, ends.

    Args:
        standing: as it is now.
        spenders: the runs that the budget covers.
        forecasts: run → forecast, of the runs that go on.
        at_ns: now.
    """
    budget, spent = standing.budget, standing.spent
    if spent is None or (standing.run is not None and standing.run not in forecasts):
        return standing  # what it spent is not known, or the one run that it is of has ended
    own = [one for one in spenders if standing.run in (None, one.run)]
    riding = [forecasts[run] for run in {one.run: None for one in own} if run in forecasts]
    known = [
        one
        for one in riding
        if one.remaining_ns is not None
        and one.price_per_hour is not None
        and one.price_per_hour.currency == spent.currency
    ]
    is_endless = budget.period in (BudgetPeriod.RUN, BudgetPeriod.TOTAL)
    days = [] if is_endless else past_days(own, at_ns, spent.currency)
    outlook = look_ahead(budget.window(at_ns), at_ns, known, days, spent.currency)
    if len(known) < len(riding):
        count = len(riding) - len(known)
        lacks = f"{count} live run{'s have' if count > 1 else ' has'} no known end or price"
        standing = replace(standing, why="; ".join(filter(None, (standing.why, lacks))))
        if len(days) < LEAST_DAYS:
            return standing
    if not known and len(days) < LEAST_DAYS:
        return standing  # nothing says what is to come
    return _with(standing, spent, outlook)


def _with(standing: Standing, spent: Money, outlook: Outlook) -> Standing:
    return replace(
        standing,
        forecast=spent + outlook.rest,
        forecast_low=None if outlook.low is None else spent + outlook.low,
        forecast_high=None if outlook.high is None else spent + outlook.high,
        forecast_coverage=outlook.coverage,
        breach_probability=outlook.breach_probability(standing.limit - spent),
    )


def past_days(
    spenders: Sequence[Spender], at_ns: int, currency: str
) -> list[tuple[Interval, Money]]:
    """What was spent on each whole day before today, oldest first, at most eight weeks back.

    The first day is the first on which one of the runs was on its way.
    """
    today = at_ns // DAY
    first = min((one.lasted.start_ns // DAY for one in spenders), default=today)
    begin = max(first, today - 7 * TRIAL_WEEKS)
    sums = dict.fromkeys(range(begin, today), Money.zero(currency))
    for one in spenders:
        last = max(one.lasted.end_ns, one.storage_until_ns) // DAY
        for number in range(max(begin, one.lasted.start_ns // DAY), min(last + 1, today)):
            amount = one.spent(_day(number))
            if amount is not None and amount.currency == currency:
                sums[number] += amount
    return [(_day(number), amount) for number, amount in sums.items()]


def _day(number: int) -> Interval:
    return Interval(number * DAY, (number + 1) * DAY)
