"""Pictures of documents: a chart drawn for light and dark pages, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trainfare.core.errors import MissingExtra
from trainfare.reports.document import Picture

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look


WIDE, NARROW = 1040, 400
"""Pixels of a chart on a desk and on a phone."""


def picture_of(draw: Callable[[Look], alt.LayerChart]) -> Picture:
    """The chart that *draw* makes, in every look that a document needs.

    Raises:
        MissingExtra: what draws charts is not installed.
    """
    if not (find_spec("altair") and find_spec("vl_convert")):
        raise MissingExtra("reports", "draw charts")
    from trainfare.reports.chart_file import spec_of, svg_of
    from trainfare.reports.chart_theme import THEMES, Look

    drawn = {
        f"{theme.name} {size}": svg_of(draw(Look(theme, width)))
        for size, width in (("wide", WIDE), ("narrow", NARROW))
        for theme in THEMES.values()
    }
    return Picture(drawn, str(spec_of(draw(Look())).get("description", "")))
