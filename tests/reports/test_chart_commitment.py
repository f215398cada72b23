"""Charts of commitments: every mark says what it stands for, and bars end where lines say."""

import pytest

from trainfare.core.money import Money
from trainfare.reports.chart_commitment import (
    HELD,
    NO_DEMAND,
    NO_OFFER,
    OPEN,
    PURCHASE,
    CostPoint,
    DemandGroup,
    commitment_cost,
    demand_curve,
)
from trainfare.reports.chart_file import spec_of, svg_of
from trainfare.reports.chart_theme import DARK, LIGHT, Look


def usd(text):
    return Money.parse(text)


GROUPS = [
    DemandGroup(10, usd("100"), usd("30"), usd("50")),
    DemandGroup(30, usd("20"), usd("20"), usd("20")),
]
POINTS = [CostPoint(usd(str(at)), usd(str(100 - at * 3)), is_plan=at == 10) for at in (0, 5, 10)]


def rows(chart):
    """All values of all layers."""
    return [row for layer in spec_of(chart)["layer"] for row in layer["data"]["values"]]


def drawn_demand(look=None):
    return demand_curve(GROUPS, held_covers=usd("30"), both_cover=usd("50"), look=look)


def test_bars_stack_up_to_demand_and_the_rest_of_the_line_is_unused():
    found = rows(drawn_demand())
    bars = [(one["part"], one["amount"]) for one in found if "part" in one]
    assert bars == [(HELD, "$30.00"), (PURCHASE, "$20.00"), (OPEN, "$50.00"), (HELD, "$20.00")]
    [gap] = [one for one in found if "part" not in one and "amount" in one]
    assert (gap["low"], gap["high"], gap["amount"]) == (20.0, 50.0, "$30.00")
    assert (gap["start"], gap["end"], gap["hours"]) == (0.25, 1.0, "25 % to 100 % of hours")
    labels = [one["label"] for one in found if "label" in one]
    assert "held: covers up to $30.00" in labels
    assert "with the purchase: covers up to $50.00" in labels


def test_without_a_purchase_there_is_one_line():
    chart = demand_curve(GROUPS, held_covers=usd("30"), both_cover=usd("30"))
    assert not any("with the purchase" in one.get("label", "") for one in rows(chart))


def test_the_cost_curve_marks_nothing_and_the_plan():
    labels = [one["label"] for one in rows(commitment_cost(POINTS)) if "label" in one]
    assert "nothing: $100.00" in labels
    assert "the plan saves $30.00 an hour" in labels


def test_a_curve_without_a_plan_has_no_mark_of_it():
    points = [CostPoint(one.committed, one.paid) for one in POINTS]
    assert not any("plan" in one.get("label", "") for one in rows(commitment_cost(points)))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [320, 760])
def test_both_are_drawn_at_any_width_and_in_both_themes(theme, width):
    look = Look(theme, width)
    for chart in (drawn_demand(look), commitment_cost(POINTS, look=look)):
        assert "<svg" in svg_of(chart)


def test_what_cannot_be_drawn_says_why():
    none = demand_curve((), held_covers=usd("0"), both_cover=usd("0"))
    assert NO_DEMAND in spec_of(none)["description"]
    assert NO_OFFER in spec_of(commitment_cost(()))["description"]
