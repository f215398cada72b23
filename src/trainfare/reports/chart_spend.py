"""Chart: what was spent over time, stacked by component, team or anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trainfare.core.money import Money
from trainfare.core.period import HOUR, Interval, hull
from trainfare.reports.chart_frame import (
    amount_y,
    colour,
    empty,
    framed,
    layer,
    striped,
    time_x,
    tooltip,
    zero_line,
)
from trainfare.reports.chart_rank import Rank, all_unknown, ranked, total_notes
from trainfare.reports.chart_text import (
    DAY,
    drawn,
    exact_text,
    listed,
    money_ticks,
    span,
    time_ticks,
)
from trainfare.reports.chart_theme import Look

NO_SPEND = "Nothing was spent: no charge and no priced run falls into this time."
"""Why a chart of spend is empty, where the caller knows no better reason."""

_COLUMN = 88
"""Pixels that a column has at most."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What *name* cost in a stretch of time; None where it is not known."""

    interval: Interval
    name: str
    amount: Money | None


def spend_over_time(
    spends: Sequence[Spend],
    *,
    title: str = "Spend by component",
    note: str = "",
    why_empty: str = NO_SPEND,
    look: Look | None = None,
) -> alt.LayerChart:
    """Stacked columns along time; credits hang below zero, what is not known is striped.

    Args:
        spends: of one currency; over intervals of about one length that do not overlap, as days.
        title: what the chart answers.
        note: what is drawn, as "Effective cost of 2026-10".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    amounts = [one.amount for one in spends if one.amount is not None]
    unknown = [one.name for one in spends if one.amount is None]
    if not any(amounts):
        return empty(title, all_unknown(unknown) if unknown else why_empty, look)
    currency = amounts[0].currency
    rank = ranked((one.name, one.amount) for one in spends)
    whole = hull([one.interval for one in spends])
    length_ns = min(one.interval.duration_ns for one in spends)
    gap_ns = _gap(length_ns, whole.duration_ns, look)
    rows, reach = _columns(spends, rank, gap_ns)
    ticks = money_ticks(reach, currency)
    edges = (whole.start_ns, whole.end_ns)
    x = time_x(time_ticks(*edges, look.width // 72), edges)
    layers = [striped(_unknown(spends, gap_ns * 3 // 4), x, look)] if unknown else []
    names = list(rank.names)
    columns = layer(rows).mark_rect(stroke=look.theme.background, strokeWidth=0.5)
    columns = columns.encode(
        x=x,
        x2="end",
        y=amount_y("low", ticks, f"{currency} {_grain(length_ns)}"),
        y2="high",
        color=colour("name", names, look, offset=24),
        tooltip=tooltip("when", "name", "amount"),
    )
    layers.append(columns)
    if ticks.values[0] < 0:
        layers.append(zero_line(look))
    notes, exact = total_notes(note, amounts, unknown)
    return framed(layers, title=title, notes=notes, look=look, height=300, exact=exact)


def _gap(length_ns: int, whole_ns: int, look: Look) -> int:
    """Time left free on both sides of a column: none where it is narrow, much where it is alone."""
    pixels = length_ns * look.width / whole_ns
    if pixels < 8:
        return 0
    return max(length_ns // 12, round(length_ns * (1 - _COLUMN / pixels) / 2))


def _columns(
    spends: Sequence[Spend], rank: Rank, gap_ns: int
) -> tuple[list[dict[str, Any]], list[Money]]:
    """What is drawn, and how far the stacks reach up and down."""
    sums: dict[tuple[Interval, str], Money] = {}
    for one in spends:
        if one.amount is not None:
            key = (one.interval, rank.place(one.name))
            sums[key] = sums[key] + one.amount if key in sums else one.amount
    rows: list[dict[str, Any]] = []
    reach: dict[tuple[Interval, bool], Money] = {}
    for interval, name in sorted(sums, key=lambda key: (key[0], rank.names.index(key[1]))):
        amount = sums[interval, name]
        side = (interval, amount.nano < 0)
        below = reach.get(side, Money.zero(amount.currency))
        reach[side] = below + amount
        if amount:
            rows.append(
                {
                    "start": (interval.start_ns + gap_ns) / 10**6,
                    "end": (interval.end_ns - gap_ns) / 10**6,
                    "low": drawn(below),
                    "high": drawn(reach[side]),
                    "name": name,
                    "when": span(interval.start_ns, interval.end_ns),
                    "amount": exact_text(amount),
                }
            )
    return rows, list(reach.values())


def _unknown(spends: Sequence[Spend], gap_ns: int) -> list[dict[str, Any]]:
    """A little wider than the columns, so that it is seen behind them."""
    missing: dict[Interval, list[str]] = defaultdict(list)
    for one in spends:
        if one.amount is None:
            missing[one.interval].append(one.name)
    return [
        {
            "start": (interval.start_ns + gap_ns) / 10**6,
            "end": (interval.end_ns - gap_ns) / 10**6,
            "when": span(interval.start_ns, interval.end_ns),
            "not known": listed(names, 6),
        }
        for interval, names in sorted(missing.items())
    ]


def _grain(length_ns: int) -> str:
    """How long a column is, for the title of the axis."""
    days = {1: "per day", 7: "per week", 28: "per month", 29: "per month", 30: "per month"}
    if length_ns % DAY == 0:
        return days.get(length_ns // DAY, "per month" if length_ns == 31 * DAY else "per column")
    return "per hour" if length_ns == HOUR else "per column"
