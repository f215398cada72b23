"""Chart: from the estimate to the bill, cause by cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trainfare.core.errors import NotConserved
from trainfare.core.money import Money
from trainfare.reports.chart_frame import amount_x, empty, framed, layer, tooltip
from trainfare.reports.chart_text import (
    Ticks,
    drawn,
    exact_text,
    listed,
    minus,
    money_ticks,
    short_text,
    text_width,
)
from trainfare.reports.chart_theme import Look

_BAR = 30
"""Pixels from bar to bar."""

NOT_BILLED = "No run has both an estimate and a bill yet."
"""Why the chart is empty, where the caller knows no better reason."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """From *estimated* to *billed* by *causes*, in the order in which they are explained."""

    estimated: Money
    causes: tuple[tuple[str, Money], ...]
    billed: Money


def waterfall(
    bridge: Bridge | None,
    *,
    title: str = "From estimate to bill",
    note: str = "",
    why_empty: str = NOT_BILLED,
    look: Look | None = None,
) -> alt.LayerChart:
    """Bars from the estimate to the bill: what a cause added goes right, what it took off left.

    Where the causes are small beside the totals the axis starts near them instead of at 0, totals
    are marks instead of bars, and the chart says so.

    Args:
        bridge: None where there is no bill, or no estimate, to compare.
        title: what the chart answers.
        note: whose estimate and bill, as "12 runs of 2026-10".
        why_empty: why *bridge* is None: "awaiting the bill of aws, expected 2026-11-04".
        look: palette and width.

    Raises:
        NotConserved: the causes do not lead from the estimate to the bill.
    """
    look = look or Look()
    if bridge is None:
        return empty(title, why_empty, look)
    currency = bridge.estimated.currency
    reached = Money.total([bridge.estimated, *(amount for _, amount in bridge.causes)], currency)
    if reached != bridge.billed:
        raise NotConserved(
            f"causes lead from {exact_text(bridge.estimated)} to {exact_text(reached)}, "
            f"and the bill is {exact_text(bridge.billed)}"
        )
    levels = [bridge.estimated]
    for _, amount in bridge.causes:
        levels.append(levels[-1] + amount)
    low, high = min(levels), max(levels)
    # A difference of a few percent would be lost beside bars that start at 0.
    is_cut = low.nano > 0 and 0 < (high - low).nano * 10 < low.nano
    steps, totals = _steps(bridge, levels), _totals(bridge, is_cut=is_cut)
    count = 3 if look.is_narrow else 6
    ticks = money_ticks([low, high], currency, count, from_zero=not is_cut)
    layers = _marks(steps, totals, ticks, currency, look, is_cut=is_cut)
    notes = [f"{note}."] if note else []
    if is_cut:
        notes.append("The axis does not start at 0: the difference is small beside the amounts.")
    none = [name for name, amount in bridge.causes if not amount]
    if none:
        notes.append(f"No difference by {listed(none, 7)}.")
    totals_text = (exact_text(amount) for amount in (bridge.estimated, bridge.billed))
    exact = "Exactly {} estimated and {} billed.".format(*totals_text)
    height = 56 + _BAR * (len(steps) + 2)
    return framed(layers, title=title, notes=notes, look=look, height=height, exact=exact)


def _steps(bridge: Bridge, levels: Sequence[Money]) -> list[dict[str, Any]]:
    """The causes that changed something, each from where the one before it ended."""
    steps = []
    for (name, amount), before in zip(bridge.causes, levels, strict=False):
        if not amount:
            continue
        plus = "+" if amount.nano > 0 else ""
        steps.append(
            {
                "name": name,
                "low": drawn(before),
                "high": drawn(before + amount),
                "kind": "more" if amount.nano > 0 else "less",
                "label": f"{plus}{short_text(amount)}",
                "amount": f"{plus}{exact_text(amount)}",
            }
        )
    return steps


def _totals(bridge: Bridge, *, is_cut: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "low": 0,
            "high": drawn(amount),
            "label": minus(amount.display()) if is_cut else short_text(amount),
            "amount": exact_text(amount),
        }
        for name, amount in (("estimated", bridge.estimated), ("billed", bridge.billed))
    ]


def _marks(
    steps: Sequence[dict[str, Any]],
    totals: Sequence[dict[str, Any]],
    ticks: Ticks,
    currency: str,
    look: Look,
    *,
    is_cut: bool,
) -> list[alt.Chart]:
    rows = [totals[0], *steps, totals[1]]
    names = [row["name"] for row in rows]
    names_px = min(look.width * 0.34, max(text_width(name) for name in names) + 8)
    plot_px = look.width - names_px - 32
    low, high = ticks.domain
    for row in rows:
        end = max(row["high"], low if is_cut else row["low"])
        row["end"] = max(row["low"], end)
        room = plot_px / max(60, plot_px - text_width(row["label"]) - 8)
        high = max(high, low + (row["end"] - low) * room)
    x = amount_x("low", ticks, currency, (low, high))
    axis = alt.Axis(labelLimit=round(names_px * 1.2), labelColor=look.theme.text, domain=False)
    y = alt.Y("name:N", sort=names, title=None, axis=axis)
    shown = tooltip("name", "amount")
    colours = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=["more", "less"], range=[look.theme.more, look.theme.less]),
        legend=None,
    )
    grey = look.theme.rest
    if is_cut:
        marks = layer(totals).mark_tick(color=grey, thickness=4, size=_BAR - 8)
        ends = marks.encode(x="high:Q", y=y, tooltip=shown)
    else:
        marks = layer(totals).mark_bar(color=grey, height=_BAR - 10)
        ends = marks.encode(x=x, x2="high", y=y, tooltip=shown)
    bars = layer(steps).mark_bar(height=_BAR - 10)
    bars = bars.encode(x=x, x2="high", y=y, color=colours, tooltip=shown)
    labels = layer(rows).mark_text(align="left", dx=6)
    labels = labels.encode(x="end:Q", y=y, text="label:N", tooltip=shown)
    return [bars, ends, labels]
