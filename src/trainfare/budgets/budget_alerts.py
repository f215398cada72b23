"""Alerts on budgets: thresholds that are reached, and forecasts that breach the limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from trainfare.budgets.alert import Finding, Kind, Severity
from trainfare.core.budget import Measure, Standing
from trainfare.core.plain import percent

WARN_PROBABILITY, ACT_PROBABILITY = 0.5, 0.9
"""From so much probability of a breach on it is told, and told again."""

BAND_PROBABILITY = 0.1
"""An alert on a forecast stays until the probability is so much below …"""
BAND = Fraction(1, 50)
"""… and one on an amount until it is this part of its threshold below it."""


def find_budget_alerts(standings: Iterable[Standing]) -> Iterator[Finding]:
    """What is to be told of budgets: the higher the threshold that is reached, the higher the level.

    What is not known (no price, another currency) opens no alert and closes none.
    """
    for one in standings:
        yield from _spent(one)
        yield from _forecast(one)


def _subject(one: Standing) -> str:
    return one.budget.id if one.run is None else f"{one.budget.id} · {one.run}"


def _spent(one: Standing) -> Iterator[Finding]:
    shares = sorted({t.share for t in one.budget.thresholds if t.measure is Measure.ACTUAL})
    subject, limit = _subject(one), one.limit
    if one.spent is None:
        yield Finding(Kind.BUDGET, subject, f"what it spent is not known: {one.why}", level=0)
        return
    spent = one.spent.nano
    reached = [share for share in shares if spent >= share * limit.nano]
    if reached:
        percent = one.percent_spent
        sentence = (
            f"{one.spent.display()} are spent, and the periods before left nothing ({limit.display()})"
            if percent is None
            else f"{one.spent.display()} of {limit.display()} are spent ({percent} %)"
        )
        severity = Severity.CRITICAL if spent >= limit.nano else Severity.WARNING
        sentence += f"; {one.why}" if one.why else ""
        yield Finding(Kind.BUDGET, subject, sentence, level=len(reached), severity=severity)
    elif shares and spent >= shares[0] * limit.nano * (1 - BAND):
        yield Finding(Kind.BUDGET, subject, "just under its first threshold", level=0)


def _forecast(one: Standing) -> Iterator[Finding]:
    subject, limit = _subject(one), one.limit
    if one.spent is not None and one.spent >= limit:
        return  # it is over already, which the other alert says
    if one.spent is None:
        yield Finding(Kind.FORECAST, subject, f"what it spent is not known: {one.why}", level=0)
        return
    if one.forecast is None:
        return
    chance = one.breach_probability
    level = _forecast_level(one)
    if level:
        likely = ""
        if chance is not None:
            # Nothing that is still to come is certain.
            said = "over 99 %" if chance > 0.99 else percent(chance, 0)
            likely = f", over the limit with a probability of {said}"
        sentence = f"{one.forecast.display()} of {limit.display()} are expected{likely}"
        yield Finding(Kind.FORECAST, subject, sentence, level=level)
    elif (
        chance is not None and chance >= WARN_PROBABILITY - BAND_PROBABILITY
    ) or one.forecast.nano >= limit.nano * (1 - BAND):
        yield Finding(Kind.FORECAST, subject, "about at its limit", level=0)


def _forecast_level(one: Standing) -> int:
    """How many of the reasons to tell there are: probabilities, else the amount; and thresholds."""
    assert one.forecast is not None
    if one.breach_probability is not None:
        chance = one.breach_probability
        level = (chance >= WARN_PROBABILITY) + (chance >= ACT_PROBABILITY)
    else:
        level = int(one.forecast > one.limit)
    return level + sum(t.measure is Measure.FORECAST for t in one.reached)
