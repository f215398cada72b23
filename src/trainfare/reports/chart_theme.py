"""The look of charts: two palettes, one for light pages and one for dark, and what follows from them.

The hues are those of Okabe and Ito, moved until every colour has a contrast of at least 3:1 to its
page and any two stay apart for eyes without red or without green cones; a test computes both.

Source: M. Okabe and K. Ito, "Color Universal Design" (2008); WCAG 2.2, success criterion 1.4.11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainfare.core.charge import Component, Remainder
from trainfare.core.stage import CHECKPOINT, DATA, EVAL, FINISH, SETUP, TRAIN, UNNAMED

FONT = "'Liberation Sans', Arimo, Arial, Helvetica, system-ui, sans-serif"
"""Words are laid out by the widths of Liberation Sans, which the renderer carries. The fonts named
first are as wide, letter by letter, so that a reader's browser cuts no word that had room here."""


REMAINDERS = tuple(f"({one.value.replace('_', ' ')})" for one in Remainder)
"""How charts call what no run owns, in the order of drawing."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one kind of page."""

    name: str
    background: str
    text: str
    muted: str
    """Words that matter less: axes, subtitles."""
    grid: str
    series: tuple[str, ...]
    """Colours of things told apart, in the order of use."""
    remainders: tuple[str, str, str, str]
    """Greys of what no run owns: idle, shared, unused commitment, unallocated."""
    rest: str
    """What is left over: *other*, and stages that nobody named."""
    unknown: tuple[str, str]
    """The two stripes of what is not known."""
    ramp: tuple[str, ...]
    """From none to most."""
    more: str
    less: str
    """Money above, and below, what was expected."""

    def hatch(self) -> dict[str, Any]:
        """A striped fill: what is drawn with it is not known, and never taken for a number."""
        stripes = 14
        stops = []
        for number in range(stripes):
            colour = self.unknown[number % 2]
            edges = (number / stripes, (number + 1) / stripes)
            stops += [{"offset": round(edge, 4), "color": colour} for edge in edges]
        return {"gradient": "linear", "x1": 0, "y1": 0, "x2": 1, "y2": 1, "stops": stops}


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#1b1f24",
    muted="#59616b",
    grid="#e4e7eb",
    series=("#026baf", "#cb7c02", "#1e8b69", "#c774cb", "#1999f3", "#902200"),
    remainders=("#4e4860", "#121224", "#000000", "#2a2e3c"),
    rest="#8a9099",
    unknown=("#d5d9de", "#f1f3f5"),
    ramp=("#f6f1e7", "#f0cd8f", "#cb7c02", "#902200", "#4a1200"),
    more="#902200",
    less="#026baf",
)
"""For white pages."""

DARK = Theme(
    name="dark",
    background="#14171c",
    text="#e8eaed",
    muted="#a6adb7",
    grid="#2c323a",
    series=("#4184d7", "#f3af28", "#62b382", "#d299d5", "#9dddff", "#f45b03"),
    remainders=("#666078", "#e4e4d6", "#fcffee", "#c6cab8"),
    rest="#7d848e",
    unknown=("#3a414b", "#20252c"),
    ramp=("#242830", "#5c4420", "#b07a1c", "#f3af28", "#fdebc4"),
    more="#f45b03",
    less="#4184d7",
)
"""For dark pages."""

THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (LIGHT, DARK)}
"""Name → palette."""

NARROW = 480
"""Below so many pixels a chart leaves out what a phone has no room for."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a chart is drawn: its palette, and how many pixels wide it is in all."""

    theme: Theme = field(default=LIGHT)
    width: int = 760

    @property
    def is_narrow(self) -> bool:
        """Whether it is for a phone or a column."""
        return self.width < NARROW

    def colours(self, names: Sequence[str]) -> list[str]:
        """A colour for each of *names*: components and stages always have the same.

        Args:
            names: at most as many unknown to Trainfare as a theme has series.
        """
        fixed = _fixed(self.theme)
        taken = {fixed[name] for name in names if name in fixed}
        free = iter(
            [c for c in self.theme.series if c not in taken] + [self.theme.rest] * len(names)
        )
        return [fixed[name] if name in fixed else next(free) for name in names]


def _fixed(theme: Theme) -> dict[str, str]:
    blue, amber, green, orchid, sky, _brick = theme.series
    return {
        Component.COMPUTE.value: blue,
        Component.STORAGE.value: amber,
        Component.DATA.value: green,
        Component.NETWORK.value: orchid,
        Component.OTHER.value: theme.rest,
        TRAIN: blue,
        UNNAMED: blue,
        DATA: green,
        EVAL: orchid,
        CHECKPOINT: amber,
        FINISH: theme.text,
        SETUP: theme.rest,
        "GPU activity": sky,
        "low use": theme.more,
        **dict(zip(REMAINDERS, theme.remainders, strict=True)),
    }


def config_of(theme: Theme) -> dict[str, Any]:
    """The Vega-Lite configuration of *theme*."""
    words = {"labelColor": theme.muted, "titleColor": theme.muted}
    return {
        "background": theme.background,
        "font": FONT,
        "padding": 12,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": theme.text,
            "subtitleColor": theme.muted,
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleFontSize": 12,
            "subtitlePadding": 4,
            "subtitleLineHeight": 16,
            "lineHeight": 19,
            "offset": 12,
        },
        "axis": {
            **words,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "domainColor": theme.muted,
            "tickColor": theme.muted,
            "gridColor": theme.grid,
            "labelPadding": 5,
            "tickSize": 4,
        },
        "axisY": {"domain": False, "ticks": False, "titlePadding": 8},
        "axisX": {"grid": False, "titlePadding": 6},
        "legend": {
            **words,
            "labelColor": theme.text,
            "labelFontSize": 11,
            "orient": "top",
            "symbolType": "square",
            "symbolSize": 90,
            "symbolStrokeWidth": 0,
            "columnPadding": 14,
            "rowPadding": 4,
        },
        "header": {**words, "labelFontSize": 12, "titleFontSize": 11},
        "text": {"color": theme.text, "fontSize": 11},
    }
