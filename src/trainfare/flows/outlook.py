"""What budgets will have spent: standings, live runs and past days → forecast, chance of a breach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trainfare.budgets.outlook import LEAST_DAYS, TRIAL_WEEKS, Outlook, look_ahead
from trainfare.core.budget import BudgetPeriod, Standing
from trainfare.core.forecast import Forecast
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval
from trainfare.core.standing import Spender


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
    if spent is None:
        return standing
    own = [one for one in spenders if standing.run in (None, one.run)]
    riding = [forecasts[one.run] for one in own if one.run in forecasts]
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
    days = []
    for number in range(max(first, today - 7 * TRIAL_WEEKS), today):
        day = Interval(number * DAY, (number + 1) * DAY)
        amounts = [one.spent(day) for one in spenders if _touches(one, day)]
        known = [one for one in amounts if one is not None and one.currency == currency]
        days.append((day, Money.total(known, currency)))
    return days


def _touches(one: Spender, day: Interval) -> bool:
    until_ns = max(one.lasted.end_ns, one.storage_until_ns)
    return one.lasted.start_ns < day.end_ns and until_ns >= day.start_ns
