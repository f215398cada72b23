"""The chart path: what a home knows → the values of one chart → the chart.

Money comes from the allocated bill where there is one, else from the estimates of metered runs;
every chart says under its title which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, MissingExtra
from trainfare.flows.chart_question import Question

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look

CHARTS = {
    "spend": "Spend over time, by component or any label (--by).",
    "groups": "Spend by model, experiment, team or any label (--by).",
    "timeline": "One run along time: attempts, stages, GPU activity, low use.",
    "epochs": "What each epoch of a run cost.",
    "frontier": "Time and cost of comparable runs, and those that none beats.",
    "waterfall": "From estimate to bill, cause by cause.",
    "idle": "Idle GPUs by hour of the day.",
    "budget": "Spend against a budget.",
    "demand": "Demand of all hours, the busiest first, and what commitments cover of it.",
    "commitment": "What an hour costs, by how much of the planned commitment is bought.",
}
"""Name → what it answers."""


def need_charts() -> None:
    """Check that the packages which charts need are installed.

    Raises:
        MissingExtra: they are not; the message says how to install them.
    """
    if not all(find_spec(name) for name in ("altair", "vl_convert")):
        raise MissingExtra("reports", "draw charts")


def draw(home: Path, name: str, question: Question, look: Look | None = None) -> alt.LayerChart:
    """The chart *name* of what *home* knows.

    Raises:
        BadInput: there is no such chart, or it takes no such question.
        NotFound: a run, period or budget that was asked for does not exist.
        MissingExtra: the packages that draw are not installed.
    """
    if name not in CHARTS:
        raise BadInput(f"there is no chart {name!r}; there are {', '.join(CHARTS)}")
    taken = _TAKES[name]
    for option in ("period", "run", "by", "budget"):
        if getattr(question, option) is not None and option not in taken:
            listed = " and ".join(f"--{one}" for one in sorted(taken)) or "no question"
            raise BadInput(f"chart {name} takes {listed}, not --{option}")
    need_charts()
    from trainfare.flows import (
        budget_chart,
        commitment_charts,
        money_charts,
        run_charts,
        use_charts,
    )

    drawers: Mapping[str, Callable[[Path, Question, Look | None], alt.LayerChart]] = {
        "spend": money_charts.draw_spend,
        "groups": money_charts.draw_groups,
        "waterfall": money_charts.draw_waterfall,
        "timeline": run_charts.draw_timeline,
        "epochs": run_charts.draw_epochs,
        "frontier": run_charts.draw_frontier,
        "idle": use_charts.draw_idle,
        "budget": budget_chart.draw_budget,
        "demand": commitment_charts.draw_demand,
        "commitment": commitment_charts.draw_cost,
    }
    return drawers[name](home, question, look)


_TAKES = {
    "spend": {"period", "by"},
    "groups": {"period", "by"},
    "timeline": {"run"},
    "epochs": {"run"},
    "frontier": {"run", "by"},
    "waterfall": {"period", "run"},
    "idle": {"period"},
    "budget": {"budget"},
    "demand": set(),
    "commitment": set(),
}
"""Chart → the questions that it takes."""
