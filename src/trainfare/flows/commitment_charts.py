"""Charts of commitments: what the watch found → demand with its lines, cost by how much is bought."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import NotFound
from trainfare.core.money import Money
from trainfare.core.period import name_periods
from trainfare.flows.chart_question import Question
from trainfare.flows.commitment_watch import order_of, watch
from trainfare.flows.jobs import load_plan
from trainfare.reports.chart_commitment import (
    CostPoint,
    DemandGroup,
    commitment_cost,
    demand_curve,
)

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look


def read_watched(home: Path) -> Mapping[str, Any]:
    """What a watch finds now, planned as jobs.toml says; planned anew only where something changed.

    Raises:
        NotFound: there is no bill with anything that a commitment could cover.
    """
    return watch(home, order_of(load_plan(home).commitments)).document


def draw_demand(home: Path, _question: Question, look: Look | None) -> alt.LayerChart:
    """Demand of all hours, the busiest first, and what commitments cover of it."""
    document = _watched(home)
    currency = document["currency"] if document else "USD"

    def money(text: str) -> Money:
        return Money.parse(text, currency)

    curves = (document or {}).get("curves")
    if not document or not curves:
        zero = Money.zero()
        return demand_curve((), held_covers=zero, both_cover=zero, look=look)
    told = curves["demand"]
    groups = [
        DemandGroup(one["hours"], *(money(one[name]) for name in ("on_demand", "held", "both")))
        for one in told["groups"]
    ]
    return demand_curve(
        groups,
        held_covers=money(told["held_covers"]),
        both_cover=money(told["both_cover"]),
        note=f"{told['hours']:,} hours of {name_periods(document['periods'])}",
        look=look,
    )


def draw_cost(home: Path, _question: Question, look: Look | None) -> alt.LayerChart:
    """What an hour costs, by how much of the purchase is made."""
    document = _watched(home)
    told = ((document or {}).get("curves") or {}).get("cost")
    if not document:
        return commitment_cost((), look=look)
    if not told:
        why = document["why"]
        return commitment_cost((), why=f"{why[0].upper()}{why[1:]}.", look=look)
    points = [
        CostPoint(
            Money.parse(one["committed"], document["currency"]),
            Money.parse(one["paid"], document["currency"]),
            told["is_plan"] and one["share"] == 1.0,
        )
        for one in told["points"]
    ]
    basis = " and ".join(name.replace("_", " ") for name in told["basis"])
    return commitment_cost(points, note=f"From nothing to twice {basis}", look=look)


def _watched(home: Path) -> Mapping[str, Any] | None:
    try:
        return read_watched(home)
    except NotFound:
        return None
