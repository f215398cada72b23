"""Chart: when GPUs stood idle, hour by hour, in each group of machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import altair as alt

from trainfare.core.period import HOUR, format_instant
from trainfare.reports.chart_frame import empty, framed, layer, tooltip
from trainfare.reports.chart_text import DAY, cut, listed, text_width
from trainfare.reports.chart_theme import Look

DAYS = 16
"""Up to so many days each has a line of its own; more are averaged by weekday."""

GROUPS = 5
"""So many groups are drawn apart; the others together."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

NO_GPUS = "No GPU was paid for here: no machine of this time has any."
"""Why the chart is empty, where the caller knows no better reason."""

_ROW = 15
"""Pixels of one line of hours."""

_NAME = 80
"""Pixels of a group's name that hours which are not known leave to it."""


@dataclass(frozen=True, slots=True)
class IdleHour:
    """One full hour of a group of machines: GPUs paid for, and those that no run held.

    Both are means over the hour. *idle* is None where it is not known.
    """

    start_ns: int
    group: str
    paid: Fraction
    idle: Fraction | None


@dataclass(frozen=True, slots=True)
class _Cell:
    """What is drawn in one square: means over the hours that fall into it."""

    hours: int
    paid: Fraction
    idle: Fraction | None


def idle_heat_map(
    hours: Sequence[IdleHour],
    *,
    title: str = "Idle GPUs by hour",
    note: str = "",
    why_empty: str = NO_GPUS,
    look: Look | None = None,
) -> alt.LayerChart:
    """A square for every hour of the day and day, or weekday: the darker, the more GPUs were idle.

    Hours in which nothing was paid for stay blank; hours of which nobody knows are striped.

    Args:
        hours: each group and hour once; missing hours paid for nothing.
        title: what the chart answers.
        note: what is drawn, as "2026-10".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    paid = [one for one in hours if one.paid]
    if not paid:
        return empty(title, why_empty, look)
    days = (max(h.start_ns for h in paid) // DAY) - (min(h.start_ns for h in paid) // DAY) + 1
    by_weekday = days > DAYS
    grouped = _grouped(paid)
    groups = list(dict.fromkeys(one.group for one in grouped))
    cells = _cells(grouped, by_weekday=by_weekday)
    rows = [_row(key, cell, by_weekday=by_weekday) for key, cell in cells.items()]
    lines = _lines(rows, groups)
    layers = _squares(rows, _heads(grouped, groups, look), lines, look, by_weekday=by_weekday)
    notes = _notes(grouped, rows, note, by_weekday=by_weekday)
    height = 96 + _ROW * len(lines)
    return framed(layers, title=title, notes=notes, look=look, height=height)


def _grouped(hours: Sequence[IdleHour]) -> list[IdleHour]:
    """The hours with those of small groups under one name, largest idle time first."""
    idle: dict[str, Fraction] = defaultdict(Fraction)
    for one in hours:
        idle[one.group] += one.idle or 0
    ordered = sorted(idle, key=lambda name: (-idle[name], name))
    if len(ordered) <= GROUPS + 1:
        names = {name: name for name in ordered}
    else:
        rest = f"other ({len(ordered) - GROUPS} more)"
        names = {name: name if place < GROUPS else rest for place, name in enumerate(ordered)}
    places = list(dict.fromkeys(names[name] for name in ordered))
    sums: dict[tuple[int, int], list[IdleHour]] = defaultdict(list)
    for one in hours:
        sums[places.index(names[one.group]), one.start_ns].append(one)
    return [
        IdleHour(
            start_ns,
            places[place],
            sum((one.paid for one in group), Fraction(0)),
            _sum(one.idle for one in group),
        )
        for (place, start_ns), group in sorted(sums.items(), key=lambda item: item[0])
    ]


def _sum(values: Iterable[Fraction | None]) -> Fraction | None:
    known = list(values)
    numbers = [value for value in known if value is not None]
    return sum(numbers, Fraction(0)) if len(numbers) == len(known) else None


_Key = tuple[str, int, int]
"""Group, day (or weekday), hour of the day."""


def _cells(hours: Sequence[IdleHour], *, by_weekday: bool) -> dict[_Key, _Cell]:
    found: dict[_Key, list[IdleHour]] = defaultdict(list)
    for one in hours:
        day = one.start_ns // DAY
        # 1970-01-01 was a Thursday.
        line = (day + 3) % 7 if by_weekday else day
        found[one.group, line, one.start_ns % DAY // HOUR].append(one)
    return {
        key: _Cell(
            len(group),
            sum((one.paid for one in group), Fraction(0)) / len(group),
            _mean([one.idle for one in group if one.idle is not None]),
        )
        for key, group in found.items()
    }


def _mean(values: Sequence[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None


def _row(key: _Key, cell: _Cell, *, by_weekday: bool) -> dict[str, Any]:
    group, line, hour = key
    day = WEEKDAYS[line] if by_weekday else format_instant(line * DAY)[:10]
    known = cell.idle is not None
    row = {
        "group": group,
        "line": f"{group}\n{line:09d}",
        "hour": hour,
        "when": f"{day} {hour:02d}:00 to {hour + 1:02d}:00 UTC",
        "told": f"{_number(cell.idle)} of {_number(cell.paid)} GPUs" if known else "not known",
    }
    if cell.idle is not None:
        row["idle"] = float(cell.idle)
    return row


def _number(value: Fraction | None) -> str:
    return f"{float(value or 0):.1f}".removesuffix(".0")


def _lines(rows: Sequence[dict[str, Any]], groups: Sequence[str]) -> list[str]:
    """Every line from top to bottom: a group's name, then its days from the first to the last."""
    numbers = [int(row["line"].rpartition("\n")[2]) for row in rows]
    span = range(min(numbers), max(numbers) + 1)
    lines = []
    for group in groups:
        lines += [f"{group}\n", *(f"{group}\n{number:09d}" for number in span)]
    return lines


def _squares(
    rows: Sequence[dict[str, Any]],
    heads: Sequence[dict[str, Any]],
    lines: Sequence[str],
    look: Look,
    *,
    by_weekday: bool,
) -> list[alt.Chart]:
    number = "toNumber(split(datum.label,'\\n')[1])"
    day = f"{list(WEEKDAYS)}[{number}]" if by_weekday else f"utcFormat({number}*864e5,'%a %-d %b')"
    y = alt.Y(
        "line:O",
        scale=alt.Scale(domain=list(lines), paddingInner=0.08),
        title=None,
        axis=alt.Axis(
            labelExpr=f"split(datum.label,'\\n')[1]==''?'':{day}", labelOverlap=False, domain=False
        ),
    )
    every = 6 if look.is_narrow else 3
    x = alt.X(
        "hour:O",
        scale=alt.Scale(domain=list(range(24)), paddingInner=0.06),
        axis=alt.Axis(
            values=list(range(0, 24, every)),
            labelExpr="format(datum.value,'02')+':00'",
            labelAngle=0,
            labelAlign="left",
            labelOffset=-(look.width - 100) / 48,
            title="hour of the day, UTC",
            domain=False,
            ticks=False,
        ),
    )
    known = [row for row in rows if "idle" in row]
    unknown = [row for row in rows if "idle" not in row]
    shown = tooltip("group", "when", "told:idle")
    layers = []
    if known:
        top = max(row["idle"] for row in known) or 1
        legend = alt.Legend(
            title="idle GPUs", direction="horizontal", gradientLength=160, tickCount=4, offset=4
        )
        scale = alt.Scale(domain=[0, top], range=list(look.theme.ramp), interpolate="lab")
        colours = alt.Color("idle:Q", scale=scale, legend=legend)
        squares = layer(known).mark_rect(cornerRadius=1)
        layers.append(squares.encode(x=x, y=y, color=colours, tooltip=shown))
    if unknown:
        stripes = layer(unknown).mark_rect(fill=look.theme.hatch(), cornerRadius=1)
        layers.append(stripes.encode(x=x, y=y, tooltip=shown))
    words = layer(heads).mark_text(align="left", baseline="middle", fontWeight=600, dy=1)
    left = alt.value(0)
    layers.append(words.encode(x=left, y=y, text="label:N", tooltip=tooltip("group", "sum:idle")))
    return layers


def _heads(hours: Sequence[IdleHour], groups: Sequence[str], look: Look) -> list[dict[str, Any]]:
    """The line above each group: its name and all of its idle GPU-hours."""
    heads = []
    for group in groups:
        own = [one for one in hours if one.group == group]
        idle = sum((one.idle for one in own if one.idle is not None), Fraction(0))
        known = sum((one.paid for one in own if one.idle is not None), Fraction(0))
        lost = sum((one.paid for one in own if one.idle is None), Fraction(0))
        unit = "" if look.is_narrow else " GPU-hours"
        parts = [f"{_hours(idle)} of {_hours(known)}{unit} idle"] * bool(known)
        parts += [f"{_hours(lost)} not known"] * bool(lost)
        total = ", ".join(parts)
        room = look.width - 96
        fits = 1.1 * text_width(f": {total}") + min(_NAME, text_width(group)) < room
        words = f": {total if fits else parts[0]}"
        label = cut(group, room - 1.1 * text_width(words)) + words
        heads.append({"group": group, "line": f"{group}\n", "label": label, "sum": total})
    return heads


def _hours(value: Fraction) -> str:
    return f"{float(value):,.0f}" if value >= 100 else f"{float(value):.3g}"


def _notes(
    hours: Sequence[IdleHour],
    rows: Sequence[dict[str, Any]],
    note: str,
    *,
    by_weekday: bool,
) -> list[str]:
    notes = [f"{note}."] if note else []
    striped = {row["group"] for row in rows if "idle" not in row}
    partly = {one.group for one in hours if one.idle is None} - striped
    if by_weekday:
        notes.append("Each square is the mean of all weeks.")
    if striped:
        notes.append(f"Not known at times (striped): {listed(sorted(striped))}.")
    if partly:
        notes.append(f"Means are of known hours in {listed(sorted(partly))}.")
    return [" ".join(notes)] if notes else []
