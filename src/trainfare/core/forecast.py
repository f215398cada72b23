"""Forecasts: what a run that goes on will have cost when it ends, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from trainfare.core.money import NANO, Money, text_or_none
from trainfare.core.period import HOUR, SECOND, format_instant

LONGEST_NS = 100 * 365 * 24 * HOUR
"""A hundred years: nothing trains longer, and what is said to is not forecast."""


class Method(StrEnum):
    """Where the remaining time comes from."""

    PROFILE = "profile"
    """The course of earlier runs of the same configuration, at this run's speed."""
    AFTER_WARM_UP = "mean_after_warm_up"
    """The mean time per unit of work, without the first twentieth."""
    LAST_QUARTER = "mean_of_last_quarter"
    """The mean of the last quarter, once half is done."""
    SINCE_CHANGE = "mean_since_change"
    """The mean since the time per unit of work changed."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of a run at one moment; a total only where the work is known."""

    at_ns: int
    spent: Money | None
    price_per_hour: Money | None
    unit: str | None = None
    """What the work is counted in: steps, epochs, tokens, samples."""
    work_done: float | None = None
    work_planned: float | None = None
    """Together with what had to be done again; None where nobody said how much there is to do."""
    remaining_ns: int | None = None
    ratios: tuple[float, ...] = ()
    """Remaining time as it was, out of what was forecast, in earlier runs at the same progress."""
    low_ns: int | None = None
    high_ns: int | None = None
    coverage: float | None = None
    """Share of runs whose remaining time is between *low_ns* and *high_ns*, as was measured."""
    method: Method | None = None
    runs: int = 0
    """Earlier runs of the same configuration that it rests on."""
    calibrated_on: str = ""
    """Whose forecasts the interval is made of."""
    budget_id: str | None = None
    """The tightest budget on each run by itself that covers this one …"""
    budget_limit: Money | None = None
    """… and its limit."""
    why: str = ""
    """Why there is no total; empty where there is one."""

    @property
    def total(self) -> Money | None:
        """What the run will have cost."""
        return self.after(self.remaining_ns)

    @property
    def low(self) -> Money | None:
        """The least of the interval."""
        return self.after(self.low_ns)

    @property
    def high(self) -> Money | None:
        """The most of the interval."""
        return self.after(self.high_ns)

    @property
    def ends_at_ns(self) -> int | None:
        """When it will end."""
        return None if self.remaining_ns is None else self.at_ns + self.remaining_ns

    def after(self, remaining_ns: int | None) -> Money | None:
        """What the run will have cost after so much more time at the present price."""
        if remaining_ns is None or self.spent is None or self.price_per_hour is None:
            return None
        more = Fraction(self.price_per_hour.nano * remaining_ns, HOUR * NANO)
        return self.spent + Money.nearest(more, self.spent.currency)

    def until(self, limit: Money) -> int | None:
        """Nanoseconds until *limit* is spent at the present price; 0 where it is, None if never."""
        spent, price = self.spent, self.price_per_hour
        if spent is None or price is None or spent.currency != limit.currency:
            return None
        if spent >= limit:
            return 0
        if price.nano <= 0:
            return None
        lasts_ns = (limit - spent).nano * HOUR // price.nano
        return lasts_ns if lasts_ns < LONGEST_NS else None

    def breach_probability(self, limit: Money) -> float | None:
        """Share of the scenarios in which the run costs more than *limit*; None without a total."""
        if self.total is None or self.total.currency != limit.currency:
            return None
        scenarios = [
            self.after(round((self.remaining_ns or 0) * one)) for one in self.ratios or (1,)
        ]
        over = [one for one in scenarios if one is not None and one > limit]
        return len(over) / len(scenarios)

    def _budget_json(self) -> dict[str, Any] | None:
        if self.budget_limit is None:
            return None
        used_up_ns = self.budget_used_up_ns
        return {
            "id": self.budget_id,
            "limit": self.budget_limit.text(),
            "used_up_at": None if used_up_ns is None else _instant(used_up_ns),
            "breach_probability": self.breach_probability(self.budget_limit),
        }

    @property
    def budget_used_up_ns(self) -> int | None:
        """When its budget is used up if it goes on; None without one, or where nobody knows."""
        until_ns = None if self.budget_limit is None else self.until(self.budget_limit)
        return None if until_ns is None else self.at_ns + until_ns

    def to_json(self) -> dict[str, Any]:
        """The ``forecast`` of a receipt."""
        ends_ns = self.ends_at_ns
        return {
            "total": text_or_none(self.total),
            "low": text_or_none(self.low),
            "high": text_or_none(self.high),
            "coverage": None if self.coverage is None else round(self.coverage, 4),
            "method": None if self.method is None else self.method.value,
            "ends_at": None if ends_ns is None else _instant(ends_ns),
            "remaining_seconds": _seconds(self.remaining_ns),
            "remaining_seconds_low": _seconds(self.low_ns),
            "remaining_seconds_high": _seconds(self.high_ns),
            "unit": self.unit,
            "work_done": self.work_done,
            "work_planned": self.work_planned,
            "runs": self.runs,
            "calibrated_on": self.calibrated_on or None,
            "price_per_hour": text_or_none(self.price_per_hour),
            "budget": self._budget_json(),
            "why": self.why or None,
        }


def _instant(at_ns: int) -> str:
    return format_instant(at_ns // SECOND * SECOND)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / SECOND, 3)
