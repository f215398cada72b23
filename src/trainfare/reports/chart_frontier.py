"""Chart: runs by how long they took and what they cost, and the frontier of those that pay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import altair as alt

from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR, SECOND
from trainfare.metering.receipt_view import duration_text
from trainfare.reports.chart_frame import (
    amount_x,
    amount_y,
    empty,
    framed,
    layer,
    readable,
    tooltip,
)
from trainfare.reports.chart_rank import all_unknown
from trainfare.reports.chart_text import (
    DAY,
    Ticks,
    cut,
    drawn,
    exact_text,
    listed,
    log_money_ticks,
    log_time_ticks,
    money_ticks,
    number_ticks,
    text_width,
)
from trainfare.reports.chart_theme import Look

NO_RUNS = "No run can be compared: none has both a time and a cost."
"""Why the chart is empty."""

_HEIGHT = 340
_UNITS = (
    (2 * DAY, DAY, "days"),
    (2 * HOUR, HOUR, "hours"),
    (120 * SECOND, 60 * SECOND, "minutes"),
    (0, SECOND, "seconds"),
)
_ROOM = Fraction(21, 20)
"""Axes are a little longer than the largest value, so that its point is whole."""
_WIDE = 20
"""From so many times the smallest on, an axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """A run: its time, its cost (None: not known), and whether none was both faster and cheaper."""

    name: str
    duration_ns: int
    amount: Money | None
    is_best: bool
    detail: str = ""
    """What else a reader asks, as "8 V100, us-east-1"."""


def frontier(
    points: Sequence[FrontierPoint],
    *,
    title: str = "Time and cost of comparable runs",
    note: str = "",
    why_empty: str = NO_RUNS,
    look: Look | None = None,
) -> alt.LayerChart:
    """Points by time and cost; a line joins the best, which bear their names where there is room.

    Axes are logarithmic where values differ by more than twenty times.

    Args:
        points: of one currency.
        title: what the chart answers.
        note: what is compared, as "to 94 % on CIFAR10".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    known = [one for one in points if one.amount is not None]
    unknown = [one.name for one in points if one.amount is None]
    if not known:
        return empty(title, all_unknown(unknown) if unknown else why_empty, look)
    across, unit_ns, unit = _time_ticks(known, look)
    up, currency = _cost_ticks(known)
    rows = [_row(one, unit_ns) for one in known]
    x, y = amount_x("took", across, f"time, {unit}"), amount_y("spent", up, currency)
    shown = tooltip("name:run", "amount:cost", "time", "detail")
    best = sorted((row for row in rows if row["best"]), key=lambda r: (r["took"], -r["spent"]))
    rest = layer([row for row in rows if not row["best"]])
    blue = look.theme.series[0]
    layers = [
        rest.mark_point(filled=True, size=36, color=look.theme.rest, opacity=0.7),
        layer(best).mark_line(interpolate="step-after", color=blue, strokeWidth=1.5),
        layer(best).mark_point(filled=True, size=64, color=blue, opacity=1),
    ]
    layers = [one.encode(x=x, y=y, tooltip=shown) for one in layers]
    for (align, down), some in _labels(best, across, up, look).items():
        at = {"align": align, "dx": 8 if align == "left" else -8, "dy": down}
        layers += [
            text.encode(x=x, y=y, tooltip=shown)
            for text in readable(some, look, baseline="middle", **at)
        ]
    notes = [f"{note}."] if note else []
    runs = "1 run" if len(known) == 1 else f"{len(known)} runs"
    notes.append(f"{runs}; none is faster and cheaper than the {len(best)} on the line.")
    if unknown:
        notes.append(f"Without a known cost, and not drawn: {listed(unknown)}.")
    return framed(layers, title=title, notes=notes, look=look, height=_HEIGHT)


def _row(one: FrontierPoint, unit_ns: int) -> dict[str, Any]:
    assert one.amount is not None
    return {
        "name": one.name,
        "took": one.duration_ns / unit_ns,
        "spent": drawn(one.amount),
        "amount": exact_text(one.amount),
        "time": duration_text(one.duration_ns),
        "detail": one.detail or "–",
        "best": one.is_best,
    }


def _time_ticks(known: Sequence[FrontierPoint], look: Look) -> tuple[Ticks, int, str]:
    """The axis of time, nanoseconds of its unit, and the unit's name."""
    shortest, longest = (pick(one.duration_ns for one in known) for pick in (min, max))
    if 0 < shortest * _WIDE < longest:
        low, high = Fraction(shortest, SECOND), Fraction(longest, SECOND)
        return log_time_ticks(low, high, look.width // 70), SECOND, "seconds to days"
    unit_ns, unit = next((u, name) for least, u, name in _UNITS if longest >= least)
    return number_ticks(Fraction(longest, unit_ns) * _ROOM, look.width // 90), unit_ns, unit


def _cost_ticks(known: Sequence[FrontierPoint]) -> tuple[Ticks, str]:
    """The axis of cost, and the currency."""
    amounts = [one.amount for one in known if one.amount is not None]
    currency = amounts[0].currency
    cheapest, dearest = (pick(amount.nano for amount in amounts) for pick in (min, max))
    if 0 < cheapest * _WIDE < dearest:
        return log_money_ticks(amounts, currency), currency
    highest = Money.nearest(Fraction(dearest, NANO) * _ROOM, currency)
    return money_ticks([*amounts, highest], currency, 6), currency


def _labels(
    best: Sequence[dict[str, Any]], across: Ticks, up: Ticks, look: Look
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Names of the best beside their points, as (alignment, pixels down) → rows; none overlap.

    The line leaves a point to the right and reaches it from above, so a name stands above the line,
    or below it, or to the left below the point; where all are taken it is left out.
    """
    width, height = look.width - 90, _HEIGHT - 60
    spots = [
        (across.place(row["took"]) * width, (1 - up.place(row["spent"])) * height) for row in best
    ]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row, (x, y) in zip(best, spots, strict=True):
        label = cut(row["name"], 110 if look.is_narrow else 190)
        wide = text_width(label)
        for align, down in (("left", -9), ("right", 9), ("left", 9)):
            left = x + 8 if align == "left" else x - 8 - wide
            box = (left, y + down - 6, left + wide, y + down + 6)
            inside = left >= 0 and box[2] <= width + 20 and box[1] >= 0 and box[3] <= height
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found[align, down].append({**row, "label": label})
                break
    return found


Box = tuple[float, float, float, float]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
