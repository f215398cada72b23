"""What all charts share: title and description, colours and legend, the empty state, one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from trainfare.reports.chart_text import Ticks, text_width, wrap
from trainfare.reports.chart_theme import Look, config_of

_LEGEND_NAME = 160
"""Pixels that a name in a legend has at most; the tooltip has all of it."""

Row = Mapping[str, Any]
"""One drawn thing: what Vega draws as numbers, what people read as text."""


def layer(rows: Sequence[Row]) -> alt.Chart:
    """A layer over *rows*, which travel with the chart."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def framed(
    layers: Sequence[alt.Chart],
    *,
    title: str,
    notes: Sequence[str],
    look: Look,
    height: int,
    exact: str = "",
) -> alt.LayerChart:
    """The chart of *layers*, as wide in all as *look* says.

    Args:
        layers: what lies below comes first.
        title: what the chart answers.
        notes: sentences under the title: what is drawn, the total, what is not known.
        look: palette and width.
        height: of everything, in pixels, without the lines of the title.
        exact: what the description says besides: amounts to the last place.
    """
    lines = _lines(notes, look)
    heads = wrap(title, look.width - 24, 15)
    chart = alt.layer(*layers).properties(
        width=look.width,
        height=height + 19 * len(heads) + 16 * len(lines) + 12,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        title=alt.TitleParams(text=heads, subtitle=lines or alt.Undefined),
        description=" ".join([f"{title}.", *notes, *([exact] if exact else [])]),
    )
    finished: alt.LayerChart = chart.configure(**config_of(look.theme))
    return finished


def empty(title: str, why: str, look: Look) -> alt.LayerChart:
    """A chart with a sentence in place of axes: nothing can be drawn, and *why*."""
    lines = wrap(why, min(look.width - 48, 460), 13)
    words = layer([{"why": why}]).mark_text(
        text=lines, align="center", baseline="middle", fontSize=13, lineHeight=18,
        color=look.theme.muted,
    )  # fmt: skip
    height = 64 + 18 * len(lines)
    words = words.encode(x=alt.value((look.width - 24) / 2), y=alt.value(height / 2))
    return framed([words], title=title, notes=(), look=look, height=height, exact=why)


def _lines(notes: Sequence[str], look: Look) -> list[str]:
    return [line for note in notes for line in wrap(note, look.width - 24)]


def legend_columns(names: Sequence[str], room: float) -> int:
    """How many of *names* stand side by side in a legend that is *room* pixels wide."""
    longest = min(_LEGEND_NAME, max(text_width(name) for name in names))
    return max(1, int(room // (longest + 36)))


def colour(
    field: str, names: Sequence[str], look: Look, *, room: float | None = None, offset: int = 8
) -> alt.Color:
    """The colours of *names*, with a legend as wide as *room* or the chart; none for a single name.

    The legend stands *offset* pixels above the drawing, where a unit may stand between them.
    """
    legend = None
    if len(names) > 1:
        columns = legend_columns(names, room or look.width - 72)
        legend = alt.Legend(
            title=None,
            columns=min(columns, len(names)),
            labelLimit=_LEGEND_NAME,
            offset=offset,
            symbolOpacity=1,
        )
    scale = alt.Scale(domain=list(names), range=look.colours(names))
    return alt.Color(field, type="nominal", scale=scale, legend=legend)


def time_x(ticks: Ticks, domain_ns: tuple[int, int], title: str = "UTC") -> alt.X:
    """A time axis over ``start``; *ticks* are in milliseconds, as Vega counts.

    Time is drawn as a number: as dates, Vega would take moments of one second for the same tick.
    """
    return alt.X(
        "start",
        type="quantitative",
        scale=alt.Scale(domain=[t / 10**6 for t in domain_ns], nice=False),
        axis=_axis(ticks, title),
    )


def _axis(ticks: Ticks, title: str, **more: Any) -> alt.Axis:
    """An axis with these ticks and no others; Vega would thin them out without their count."""
    values = list(ticks.values)
    return alt.Axis(
        values=values, tickCount=len(values), labelExpr=ticks.label, title=title, **more
    )


def _scale(ticks: Ticks, domain: tuple[float, float] | None) -> alt.Scale:
    """From the first tick to the last, unless *domain* says otherwise."""
    ends = list(domain or ticks.domain)
    return alt.Scale(type="log" if ticks.is_log else "linear", domain=ends, nice=False)


def amount_y(
    field: str, ticks: Ticks, title: str, domain: tuple[float, float] | None = None
) -> alt.Y:
    """An upright axis; its *title*, which names the unit, stands above it."""
    above = {
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleBaseline": "bottom",
        "titleX": 0,
        "titleY": -6,
    }
    scale = _scale(ticks, domain)
    return alt.Y(field, type="quantitative", scale=scale, axis=_axis(ticks, title, **above))


def amount_x(
    field: str,
    ticks: Ticks,
    title: str,
    domain: tuple[float, float] | None = None,
    *,
    grid: bool = True,
) -> alt.X:
    """A lying axis over *domain*; its *title* names the unit."""
    scale = _scale(ticks, domain)
    axis = _axis(ticks, title, grid=grid, domain=not grid)
    return alt.X(field, type="quantitative", scale=scale, axis=axis)


def striped(rows: Sequence[Row], x: alt.X, look: Look) -> alt.Chart:
    """Stripes from bottom to top, from ``start`` to ``end``, that name what is ``not known``."""
    marks = layer(rows).mark_rect(fill=look.theme.hatch())
    chart: alt.Chart = marks.encode(x=x, x2="end", tooltip=tooltip("when", "not known"))
    return chart


def readable(rows: Sequence[Row], look: Look, **mark: Any) -> list[alt.Chart]:
    """The ``label`` of each of *rows* as text that stays readable over what is drawn below it."""
    halo: dict[str, Any] = {"stroke": look.theme.background, "strokeWidth": 3}
    return [layer(rows).mark_text(**mark, **more).encode(text="label:N") for more in (halo, {})]


def zero_line(look: Look, *, is_vertical: bool = False) -> alt.Chart:
    """The line from which amounts go up and down."""
    field = "x" if is_vertical else "y"
    line: alt.Chart = layer([{"zero": 0}]).mark_rule(color=look.theme.muted)
    return line.encode(**{field: "zero:Q"})


def tooltip(*fields: str) -> list[alt.Tooltip]:
    """What a pointer shows: each of *fields*, ``field`` or ``field:title``, as text."""
    found = [name.partition(":") for name in fields]
    return [alt.Tooltip(f, type="nominal", title=title or f) for f, _, title in found]
