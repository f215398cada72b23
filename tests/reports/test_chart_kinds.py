"""The other charts: epochs, frontier, waterfall, idle hours and budgets draw exactly what they are given."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.chart_cases import (
    BRIDGE,
    COURSE,
    EPOCHS,
    HOURS,
    POINTS,
    START,
    exact,
    rows_of,
    usd,
)
from trainfare.core.errors import NotConserved
from trainfare.core.money import Money
from trainfare.core.period import HOUR
from trainfare.reports.chart_budget import budget_course
from trainfare.reports.chart_epochs import EpochSpend, spend_per_epoch
from trainfare.reports.chart_file import spec_of
from trainfare.reports.chart_frontier import FrontierPoint, frontier
from trainfare.reports.chart_idle import GROUPS, IdleHour, idle_heat_map
from trainfare.reports.chart_theme import Look
from trainfare.reports.chart_waterfall import Bridge, waterfall

nanos = st.integers(-(10**15), 10**15)
costs = st.integers(1, 10**15)


@settings(max_examples=20)
@given(st.dictionaries(st.integers(0, 5000), st.none() | costs, min_size=1, max_size=60))
def test_columns_of_epochs_sum_to_all_epochs(amounts):
    """However many epochs share a column, nothing is lost, and the unknown is striped."""
    epochs = [
        EpochSpend(epoch, Fraction(1), None if nano is None else Money(nano))
        for epoch, nano in amounts.items()
    ]
    chart = spend_per_epoch(epochs)
    total = Money.total(exact(row["amount"]) for row in rows_of(chart, "amount", "high"))
    assert total == Money(sum(nano for nano in amounts.values() if nano is not None))
    lost = sum(1 for nano in amounts.values() if nano is None)
    assert bool(rows_of(chart, "not known")) is (0 < lost < len(amounts))
    assert len(rows_of(chart, "amount", "high")) <= 242


def test_an_epoch_without_a_price_is_striped_and_named():
    chart = spend_per_epoch(EPOCHS)
    assert [row["not known"] for row in rows_of(chart, "not known")] == ["2"]
    assert "Not known and not in the total (striped): epoch 2." in spec_of(chart)["description"]
    assert [row["label"] for row in rows_of(chart, "label")] == ["median $1.25"]


def test_every_known_run_is_a_point_and_the_best_are_joined_and_named():
    chart = frontier(POINTS)
    assert {row["name"] for row in rows_of(chart, "spent")} == {"fast", "cheap", "neither"}
    assert {row["label"] for row in rows_of(chart, "label")} == {"fast", "cheap"}
    line = next(part for part in spec_of(chart)["layer"] if part["mark"]["type"] == "line")
    assert [row["name"] for row in line["data"]["values"]] == ["fast", "cheap"]
    assert "Without a known cost, and not drawn: no price." in spec_of(chart)["description"]


def test_a_run_that_cost_nothing_keeps_the_axis_from_being_logarithmic():
    free = [*POINTS, FrontierPoint("free", 1, usd("0"), is_best=True)]
    scales = {
        part["encoding"]["y"]["scale"]["type"]
        for part in spec_of(frontier(free))["layer"]
        if "y" in part["encoding"]
    }
    assert scales == {"linear"}


@settings(max_examples=20)
@given(nanos, st.lists(nanos, max_size=8))
def test_steps_lead_from_the_estimate_to_the_bill(estimated, causes):
    named = tuple((f"cause {n}", Money(nano)) for n, nano in enumerate(causes))
    chart = waterfall(Bridge(Money(estimated), named, Money(estimated + sum(causes))))
    steps = list({row["name"]: row for row in rows_of(chart, "kind")}.values())
    assert Money.total(exact(row["amount"]) for row in steps) == Money(sum(causes))
    assert all((row["high"] > row["low"]) is (row["kind"] == "more") for row in steps)
    ends = [row["high"] for row in rows_of(chart, "end") if row["name"] == "billed"]
    assert (steps[-1]["high"] if steps else ends[0]) == ends[0]


def test_causes_that_do_not_lead_to_the_bill_are_refused():
    with pytest.raises(NotConserved, match=r"\$170\.00"):
        waterfall(replace(BRIDGE, billed=usd("170")))


def test_an_axis_that_does_not_start_at_zero_says_so_and_has_no_bars_of_totals():
    small = Bridge(usd("1000"), (("price", usd("3")),), usd("1003"))
    spec = spec_of(waterfall(small))
    assert "The axis does not start at 0" in spec["description"]
    assert [part["mark"]["type"] for part in spec["layer"]] == ["bar", "tick", "text"]
    assert "does not start" not in spec_of(waterfall(BRIDGE))["description"]


@settings(max_examples=20)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 12 * 24), st.integers(0, 9)), st.integers(0, 64), min_size=1
    )
)
def test_squares_hold_all_idle_hours(idle):
    hours = [
        IdleHour(START + hour * HOUR, f"group {group}", Fraction(64), Fraction(count))
        for (hour, group), count in idle.items()
    ]
    rows = rows_of(idle_heat_map(hours), "idle")
    assert sum(row["idle"] for row in rows) == sum(idle.values())
    assert len({row["group"] for row in rows}) <= GROUPS + 1


def test_longer_times_are_averaged_by_weekday():
    hours = [
        IdleHour(START + n * HOUR, "g", Fraction(8), Fraction(n // (24 * 7)))
        for n in range(28 * 24)
    ]
    rows = rows_of(idle_heat_map(hours), "idle")
    assert len(rows) == 7 * 24
    assert {row["idle"] for row in rows} == {1.5}


def test_hours_of_which_nothing_is_known_are_striped_and_not_in_the_sum():
    chart = idle_heat_map(HOURS)
    by_state = defaultdict(list)
    for row in rows_of(chart, "told"):
        by_state["idle" in row].append(row)
    assert [row["told"] for row in by_state[False]] == ["not known"]
    sums = {row["group"]: row["sum"] for row in rows_of(chart, "sum")}
    assert sums["p5.48xlarge"] == "184 of 768 GPU-hours idle, 16 not known"
    assert "Not known at times (striped): p5.48xlarge." in spec_of(chart)["description"]


def test_a_group_keeps_its_name_where_there_is_hardly_room():
    """What is not known of it gives way, and stands where a pointer asks."""
    hours = [
        IdleHour(START + n * HOUR, "other (9 more)", Fraction(100), Fraction(50)) for n in range(20)
    ]
    hours.append(IdleHour(START + 20 * HOUR, "other (9 more)", Fraction(1028), None))
    narrow, wide = (idle_heat_map(hours, look=Look(width=width)) for width in (320, 760))
    [row] = rows_of(narrow, "sum")
    assert row["label"] == "other (9 more): 1,000 of 2,000 idle"
    assert row["sum"] == "1,000 of 2,000 idle, 1,028 not known"
    [row] = rows_of(wide, "sum")
    assert row["label"] == "other (9 more): 1,000 of 2,000 GPU-hours idle, 1,028 not known"


def test_a_budget_says_spent_limit_and_forecast():
    spec = spec_of(budget_course(COURSE))
    assert (
        "$560.00 spent; limit $1,000.00; forecast $1,080.00 ($900.00 to $1,300.00, 80 % of outcomes)."
        in spec["description"]
    )
    ranges = rows_of(budget_course(COURSE), "range")
    assert ranges[-1]["range"] == "$900.00 to $1,300.00"
    alone = replace(COURSE, limit=None, forecast=())
    marks = [part["mark"]["type"] for part in spec_of(budget_course(alone))["layer"]]
    assert "rule" not in marks
    assert "area" not in marks
