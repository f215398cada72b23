"""Chart: what teams, models, experiments … cost, one bar each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import altair as alt

from trainfare.core.money import Money
from trainfare.reports.chart_frame import (
    amount_x,
    colour,
    empty,
    framed,
    layer,
    legend_columns,
    tooltip,
    zero_line,
)
from trainfare.reports.chart_rank import Rank, all_unknown, ranked, total_notes
from trainfare.reports.chart_spend import NO_SPEND
from trainfare.reports.chart_text import (
    Ticks,
    drawn,
    exact_text,
    money_ticks,
    short_text,
    text_width,
)
from trainfare.reports.chart_theme import REMAINDERS, Look

GROUPS = 14
"""So many groups get a bar of their own; the others share one."""

_BAR = 26
"""Pixels from bar to bar."""


@dataclass(frozen=True, slots=True)
class GroupSpend:
    """What *part* of *group* cost; None where it is not known."""

    group: str
    part: str
    amount: Money | None


def spend_by_group(
    spends: Sequence[GroupSpend],
    *,
    by: str,
    title: str = "",
    note: str = "",
    why_empty: str = NO_SPEND,
    look: Look | None = None,
) -> alt.LayerChart:
    """One bar a group, stacked by its parts, the largest group first, its amount beside it.

    What no run owns (the groups that :data:`.chart_theme.REMAINDERS` names) comes last.

    Args:
        spends: of one currency; groups beyond :data:`GROUPS` stand together as one bar.
        by: what the groups are: "team", "model" …
        title: what the chart answers; made from *by* where it is empty.
        note: what is drawn, as "Effective cost of 2026-10".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    title = title or f"Spend by {by}"
    amounts = [one.amount for one in spends if one.amount is not None]
    unknown = [one.group for one in spends if one.amount is None]
    if not any(amounts):
        return empty(title, all_unknown(unknown) if unknown else why_empty, look)
    parts = ranked((one.part, one.amount) for one in spends)
    groups = _by_size(spends)
    sums: dict[tuple[str, str], Money] = {}
    for one in spends:
        if one.amount is not None:
            key = (groups.place(one.group), parts.place(one.part))
            sums[key] = sums[key] + one.amount if key in sums else one.amount
    layers = _bars(groups, parts, sums, {groups.place(name) for name in unknown}, by, look)
    notes, exact = total_notes(note, amounts, unknown)
    several = len(parts.names) > 1
    across = legend_columns(parts.names, _plot_px(groups, look)) if several else 1
    height = 44 + 20 * several * ceil(len(parts.names) / across) + _BAR * len(groups.names)
    return framed(layers, title=title, notes=notes, look=look, height=height, exact=exact)


def _by_size(spends: Sequence[GroupSpend]) -> Rank:
    """Groups by their total, credits taken off; those beyond the first few share a bar."""
    totals: dict[str, Money] = {}
    for one in spends:
        if one.amount is not None:
            before = totals.get(one.group)
            totals[one.group] = one.amount if before is None else before + one.amount
    rank = ranked(((one.group, totals.get(one.group)) for one in spends), GROUPS)
    last = [name for name in rank.names if name == rank.rest or name in REMAINDERS]
    own = [name for name in rank.names if name not in last]
    own.sort(key=lambda name: -totals[name].nano if name in totals else 0)
    return Rank((*own, *last), rank.rest)


def _bars(
    groups: Rank,
    parts: Rank,
    sums: Mapping[tuple[str, str], Money],
    unknown: set[str],
    by: str,
    look: Look,
) -> list[alt.Chart]:
    rows: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    reach: list[Money] = []
    zero = Money.zero(next(iter(sums.values())).currency)
    for group in groups.names:
        up = down = zero
        for part in parts.names:
            amount = sums.get((group, part), zero)
            if not amount:
                continue
            low = down if amount.nano < 0 else up
            up, down = (up, down + amount) if amount.nano < 0 else (up + amount, down)
            rows.append(
                {
                    "group": group,
                    "part": part,
                    "low": drawn(low),
                    "high": drawn(low + amount),
                    "amount": exact_text(amount),
                }
            )
        known = any((group, part) in sums for part in parts.names)
        words = [short_text(up + down)] * known + ["not known"] * (group in unknown)
        total = exact_text(up + down) if known else "not known"
        label = " + ".join(words)
        ends.append({"group": group, "end": drawn(up), "label": label, "total": total})
        reach += [up, down]
    ticks = money_ticks(reach, zero.currency, 3 if look.is_narrow else 6)
    x, y = _axes(groups, ends, ticks, unknown, zero.currency, look)
    colours = colour("part", list(parts.names), look, room=_plot_px(groups, look))
    return _marks(rows, ends, (x, y), colours, by, look)


def _plot_px(groups: Rank, look: Look) -> float:
    """Pixels to the right of the names."""
    return look.width - _names_px(groups, look) - 32


def _names_px(groups: Rank, look: Look) -> float:
    return min(look.width * 0.34, max(text_width(name) for name in groups.names) + 8)


def _axes(
    groups: Rank,
    ends: Sequence[dict[str, Any]],
    ticks: Ticks,
    unknown: set[str],
    currency: str,
    look: Look,
) -> tuple[alt.X, alt.Y]:
    """Axes that leave room for the label after each bar, and for the stripes of what is unknown."""
    plot_px = _plot_px(groups, look)
    low, high = ticks.domain
    stripes = (high - low) * 0.05
    for end in ends:
        end["tail"] = end["end"] + stripes * (end["group"] in unknown)
        room = plot_px / max(60, plot_px - text_width(end["label"]) - 8)
        high = max(high, low + (end["tail"] - low) * room)
    axis = alt.Axis(
        labelLimit=round(_names_px(groups, look) * 1.2), labelColor=look.theme.text, domain=False
    )
    y = alt.Y("group:N", sort=list(groups.names), title=None, axis=axis)
    return amount_x("low", ticks, currency, (low, high)), y


def _marks(
    rows: Sequence[dict[str, Any]],
    ends: Sequence[dict[str, Any]],
    axes: tuple[alt.X, alt.Y],
    colours: alt.Color,
    by: str,
    look: Look,
) -> list[alt.Chart]:
    x, y = axes
    bars = layer(rows).mark_bar(height=_BAR - 8, stroke=look.theme.background, strokeWidth=0.5)
    shown = tooltip(f"group:{by}", "part", "amount")
    layers = [bars.encode(x=x, x2="high", y=y, color=colours, tooltip=shown)]
    total = tooltip(f"group:{by}", "total")
    unknown = [end for end in ends if end["tail"] > end["end"]]
    if unknown:
        stripes = layer(unknown).mark_bar(height=_BAR - 8, fill=look.theme.hatch())
        layers.append(stripes.encode(x="end:Q", x2="tail", y=y, tooltip=total))
    labels = layer(ends).mark_text(align="left", dx=5)
    layers.append(labels.encode(x="tail:Q", y=y, text="label:N", tooltip=total))
    layers.append(zero_line(look, is_vertical=True))
    return layers
