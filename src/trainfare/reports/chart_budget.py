"""Chart: what was spent so far of a budget, and where it goes by its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.reports.chart_frame import (
    amount_y,
    empty,
    framed,
    layer,
    readable,
    time_x,
    tooltip,
)
from trainfare.reports.chart_text import (
    drawn,
    exact_text,
    minus,
    moment,
    money_ticks,
    short_text,
    time_ticks,
)
from trainfare.reports.chart_theme import Look

NO_BUDGET = "Nothing was spent of this budget, and there is no forecast."
"""Why the chart is empty, where the caller knows no better reason."""


@dataclass(frozen=True, slots=True)
class SpentAt:
    """All that was spent from the beginning until an instant."""

    at_ns: int
    amount: Money


@dataclass(frozen=True, slots=True)
class ForecastAt:
    """What will probably have been spent by an instant: the middle, and the ends of an interval."""

    at_ns: int
    low: Money
    middle: Money
    high: Money


@dataclass(frozen=True, slots=True)
class BudgetCourse:
    """A budget over its time; *limit* is None where spend is only followed."""

    interval: Interval
    limit: Money | None
    spent: tuple[SpentAt, ...]
    """In order of time, cumulative."""
    forecast: tuple[ForecastAt, ...] = ()
    """In order of time; the first continues what was spent."""
    coverage: str = ""
    """What the band means: "80 % of outcomes"."""


def budget_course(
    course: BudgetCourse,
    *,
    title: str = "Spend against budget",
    note: str = "",
    why_empty: str = NO_BUDGET,
    look: Look | None = None,
) -> alt.LayerChart:
    """Cumulative spend as a line, the forecast as a band around a dashed line, the limit above.

    Args:
        course: of one currency.
        title: what the chart answers.
        note: whose budget, as "Team vision, October 2026".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    if not course.spent and not course.forecast:
        return empty(title, why_empty, look)
    reach = [one.amount for one in course.spent]
    reach += [end for one in course.forecast for end in (one.low, one.high)]
    reach += [course.limit] if course.limit is not None else []
    currency = reach[0].currency
    edges = (course.interval.start_ns, course.interval.end_ns)
    x = time_x(time_ticks(*edges, look.width // 72), edges)
    ticks = money_ticks(reach, currency)
    y = amount_y("low", ticks, f"{currency} since {moment(edges[0])[:10]}")
    layers = [*_band(course, x, y, look), *_line(course, x, y, look), *_limit(course, y, look)]
    notes = [f"{note}."] if note else []
    notes.append(_words(course))
    return framed(layers, title=title, notes=notes, look=look, height=300)


def _words(course: BudgetCourse) -> str:
    """Spent, limit and forecast in one sentence."""
    words = []
    if course.spent:
        words.append(f"{minus(course.spent[-1].amount.display())} spent")
    if course.limit is not None:
        words.append(f"limit {minus(course.limit.display())}")
    if course.forecast:
        last = course.forecast[-1]
        low, middle, high = (minus(a.display()) for a in (last.low, last.middle, last.high))
        band = f", {course.coverage}" if course.coverage else ""
        words.append(f"forecast {middle} ({low} to {high}{band})")
    return "; ".join(words) + "."


def _point(at_ns: int, amount: Money) -> dict[str, Any]:
    return {
        "start": at_ns / 10**6,
        "low": drawn(amount),
        "when": moment(at_ns),
        "amount": exact_text(amount),
    }


def _band(course: BudgetCourse, x: alt.X, y: alt.Y, look: Look) -> list[alt.Chart]:
    """The range of the forecast, and its middle as a dashed line that ends in its amount."""
    if not course.forecast:
        return []
    ranges = [
        {
            **_point(one.at_ns, one.low),
            "high": drawn(one.high),
            "amount": exact_text(one.middle),
            "range": f"{exact_text(one.low)} to {exact_text(one.high)}",
        }
        for one in course.forecast
    ]
    middles = [_point(one.at_ns, one.middle) for one in course.forecast]
    blue = look.theme.series[0]
    area = layer(ranges).mark_area(color=blue, opacity=0.22)
    line = layer(middles).mark_line(color=blue, strokeDash=[5, 4], strokeWidth=2)
    end = {**middles[-1], "label": f"forecast {short_text(course.forecast[-1].middle)}"}
    words = readable([end], look, align="right", baseline="bottom", dx=-4, dy=-5)
    return [
        area.encode(x=x, y=y, y2="high", tooltip=tooltip("when", "amount:forecast", "range")),
        line.encode(x=x, y=y, tooltip=tooltip("when", "amount:forecast")),
        *(text.encode(x=x, y=y) for text in words),
    ]


def _line(course: BudgetCourse, x: alt.X, y: alt.Y, look: Look) -> list[alt.Chart]:
    """What was spent, up to a point that bears its amount."""
    if not course.spent:
        return []
    rows = [_point(one.at_ns, one.amount) for one in course.spent]
    blue = look.theme.series[0]
    now = {**rows[-1], "label": f"{short_text(course.spent[-1].amount)} spent"}
    whole = course.interval
    # Where there is no room to the left of its point, a label begins above it.
    is_early = (course.spent[-1].at_ns - whole.start_ns) * 5 < whole.duration_ns
    side = {"align": "left", "dx": -6} if is_early else {"align": "right", "dx": -8}
    words = readable([now], look, baseline="middle", dy=-14 if is_early else -8, **side)
    shown = tooltip("when", "amount:spent")
    return [
        layer(rows).mark_line(color=blue, strokeWidth=2.5).encode(x=x, y=y, tooltip=shown),
        layer([now])
        .mark_point(filled=True, size=60, color=blue, opacity=1)
        .encode(x=x, y=y, tooltip=shown),
        *(text.encode(x=x, y=y) for text in words),
    ]


def _limit(course: BudgetCourse, y: alt.Y, look: Look) -> list[alt.Chart]:
    """The limit across the whole chart, with its amount at the left end."""
    if course.limit is None:
        return []
    row = {"low": drawn(course.limit), "label": f"limit {short_text(course.limit)}"}
    rule = layer([row]).mark_rule(color=look.theme.more, strokeWidth=1.5)
    words = readable([row], look, align="left", baseline="top", dx=4, dy=4, color=look.theme.more)
    return [rule.encode(y=y), *(text.encode(x=alt.value(0), y=y) for text in words)]
