"""Charts of commitments: demand with the line up to which it is covered, and cost by how much is bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trainfare.core.money import Money
from trainfare.core.plain import percent
from trainfare.reports.chart_frame import (
    amount_x,
    amount_y,
    colour,
    empty,
    framed,
    layer,
    readable,
    tooltip,
)
from trainfare.reports.chart_text import Ticks, drawn, exact_text, money_ticks, short_text
from trainfare.reports.chart_theme import Look

NO_DEMAND = "No bill has compute that a commitment could cover."
NO_OFFER = "Nothing that can be bought has a rate for what ran."
"""Why a chart is empty."""

HELD, PURCHASE, OPEN = "covered, held", "covered, purchase", "on demand"
PARTS = (HELD, PURCHASE, OPEN)


@dataclass(frozen=True, slots=True)
class DemandGroup:
    """Some hours of like demand: means of an hour at on-demand prices."""

    hours: int
    on_demand: Money
    held: Money
    """Covered by what is held."""
    both: Money
    """Covered by that and the purchase."""


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What an hour costs on average, by how much is bought."""

    committed: Money
    """By the purchase, an hour."""
    paid: Money
    """In all: committed, used or not, and on demand."""
    is_plan: bool = False


def demand_curve(
    groups: Sequence[DemandGroup],
    *,
    held_covers: Money,
    both_cover: Money,
    title: str = "Demand, the busiest hours first",
    note: str = "",
    look: Look | None = None,
) -> alt.LayerChart:
    """Bars of demand from the busiest hours to the quietest, and lines up to which they are covered.

    What lies under a line and above the bars is commitment that those hours do not use.

    Args:
        groups: hours in order of demand.
        held_covers: use at on-demand prices that what is held pays for at most, an hour.
        both_cover: the same with the purchase.
        title: what the chart answers.
        note: what is drawn.
        look: palette and width.
    """
    look = look or Look()
    if not groups or not any(one.on_demand for one in groups):
        return empty(title, NO_DEMAND, look)
    currency = held_covers.currency
    ticks = money_ticks([both_cover, *(one.on_demand for one in groups)], currency)
    x = amount_x("start", _percent(look), "of all hours", (0.0, 1.0), grid=False)
    y = amount_y("low", ticks, f"{currency} an hour, on demand")
    rows, gaps = _bars(groups, both_cover)
    names = [one for one in PARTS if any(row["part"] == one for row in rows)]
    layers = [
        layer(gaps)
        .mark_rect(color=look.theme.remainders[2], opacity=0.14)
        .encode(x=x, x2="end", y=y, y2="high", tooltip=tooltip("hours", "amount:not used")),
        layer(rows)
        .mark_rect()
        .encode(
            x=x, x2="end", y=y, y2="high", color=colour("part", names, look, offset=22),
            tooltip=tooltip("hours", "part", "amount:on demand"),
        ),
    ]  # fmt: skip
    lines = [("with the purchase", both_cover)] if both_cover.nano > held_covers.nano else []
    lines += [("held", held_covers)] if held_covers else []
    for name, amount in lines:
        layers += _line(name, amount, y, look)
    notes = [f"{note}."] if note else []
    if gaps:
        notes.append("Grey under a line: commitment that these hours do not use.")
    return framed(layers, title=title, notes=notes, look=look, height=280)


def _percent(look: Look) -> Ticks:
    values = (0.0, 0.5, 1.0) if look.is_narrow else (0.0, 0.25, 0.5, 0.75, 1.0)
    return Ticks(values, "format(datum.value,'.0%')")


def _bars(
    groups: Sequence[DemandGroup], both_cover: Money
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pieces of bars, and what lies between the bars and the line above them."""
    whole = sum(one.hours for one in groups)
    rows, gaps, at = [], [], 0
    for one in groups:
        start, end = at / whole, (at + one.hours) / whole
        at += one.hours
        when = f"{percent(start, 0)} to {percent(end, 0)} of hours"
        zero = Money.zero(one.held.currency)
        levels = [zero, one.held, max(one.held, one.both), one.on_demand]
        for name, low, high in zip(PARTS, levels, levels[1:], strict=False):
            if high.nano > low.nano:
                amount = exact_text(high - low)
                rows.append(
                    {
                        "start": start, "end": end, "low": drawn(low), "high": drawn(high),
                        "part": name, "hours": when, "amount": amount,
                    }
                )  # fmt: skip
        if both_cover.nano > one.on_demand.nano:
            gaps.append(
                {
                    "start": start, "end": end, "low": drawn(one.on_demand),
                    "high": drawn(both_cover), "hours": when,
                    "amount": exact_text(both_cover - one.on_demand),
                }
            )  # fmt: skip
    return rows, gaps


def _line(name: str, amount: Money, y: alt.Y, look: Look) -> list[alt.Chart]:
    row = {"low": drawn(amount), "label": f"{name}: covers up to {short_text(amount)}"}
    rule = layer([row]).mark_rule(color=look.theme.text, strokeWidth=1.5, strokeDash=[6, 3])
    words = readable([row], look, align="right", baseline="bottom", dx=-6, dy=-3, fontWeight=600)
    side = alt.value(look.width - 92)
    return [rule.encode(y=y), *(text.encode(x=side, y=y) for text in words)]


def commitment_cost(
    points: Sequence[CostPoint],
    *,
    title: str = "What an hour costs, by how much is bought",
    note: str = "",
    why: str = NO_OFFER,
    look: Look | None = None,
) -> alt.LayerChart:
    """A line of the mean cost of an hour: too little is paid on demand, too much lies unused.

    Args:
        points: in order of what is committed; one may be the plan.
        title: what the chart answers.
        note: which purchase.
        why: what an empty chart says.
        look: palette and width.
    """
    look = look or Look()
    if not points:
        return empty(title, why, look)
    currency = points[0].paid.currency
    x_ticks = money_ticks([one.committed for one in points], currency, 3 if look.is_narrow else 6)
    y_ticks = money_ticks([one.paid for one in points], currency, from_zero=False)
    x = amount_x("start", x_ticks, f"{currency} an hour that the purchase commits", grid=False)
    y = amount_y("low", y_ticks, f"{currency} an hour, all in all")
    rows = [_row(one) for one in points]
    blue, shown = look.theme.series[0], tooltip("committed", "paid")
    layers = [
        layer(rows).mark_line(color=blue, strokeWidth=2.5).encode(x=x, y=y),
        layer(rows).mark_point(filled=True, size=26, color=blue).encode(x=x, y=y, tooltip=shown),
    ]
    nothing, plan = points[0], next((one for one in points if one.is_plan), None)
    marks = [(nothing, f"nothing: {short_text(nothing.paid)}", "left", 8)]
    if plan is not None:
        saved = nothing.paid - plan.paid
        marks.append((plan, f"the plan saves {short_text(saved)} an hour", "center", 0))
    for one, label, align, right in marks:
        row = {**_row(one), "label": label}
        colour_ = look.theme.text if one is nothing else look.theme.series[2]
        layers.append(
            layer([row])
            .mark_point(filled=True, size=110, color=colour_, opacity=1)
            .encode(x=x, y=y)
        )
        below = 1 if one is not nothing else -1
        words = readable([row], look, align=align, dx=right, dy=16 * below, baseline="middle")
        layers += [text.encode(x=x, y=y) for text in words]
    notes = [f"{note}."] if note else []
    notes.append("The upright axis does not start at 0.")
    return framed(layers, title=title, notes=notes, look=look, height=280)


def _row(one: CostPoint) -> dict[str, Any]:
    return {
        "start": drawn(one.committed),
        "low": drawn(one.paid),
        "committed": exact_text(one.committed),
        "paid": exact_text(one.paid),
    }
