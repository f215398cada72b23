"""Alerts on billed spend: drivers sum to the change, steady components, dear SKUs, unowned money."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.spends import spend
from trainfare.budgets.spend_alerts import (
    AFTER_DAYS,
    BEFORE_DAYS,
    NAMED,
    DaySpend,
    Drivers,
    Unowned,
    drivers_of,
    find_spend_alerts,
    find_unattributed,
    usual_weeks,
)
from trainfare.core.charge import Component
from trainfare.core.money import NANO

USUAL = Fraction(AFTER_DAYS, BEFORE_DAYS)

rows = st.lists(
    st.builds(
        DaySpend,
        st.integers(0, 40),
        st.just(Component.COMPUTE),
        st.sampled_from("abcd"),
        st.just("USD"),
        st.integers(-(10**12), 10**15),
        st.one_of(st.none(), st.fractions(0, 1000)),
    ),
    max_size=30,
)


@given(rows, rows, st.fractions(Fraction(1, 100), 10))
def test_drivers_sum_to_the_change_exactly(before, after, scale):
    found = drivers_of(before, after, scale)
    change = sum(one.nano for one in after) - sum(one.nano for one in before) * scale
    assert found.change == round(change)


@given(rows)
def test_what_stays_the_same_has_no_drivers(days):
    assert drivers_of(days, days, Fraction(1)) == Drivers(0, 0, 0)


@pytest.mark.parametrize(
    ("after", "drivers"),
    [
        ([spend(9, 12, 1)], Drivers(2 * NANO, 0, 0)),
        ([spend(9, 20, 2)], Drivers(0, 10 * NANO, 0)),
        ([spend(9, 24, 2)], Drivers(4 * NANO, 10 * NANO, 0)),
        ([spend(9, 10, 1), spend(9, 5, 1, "new")], Drivers(0, 0, 5 * NANO)),
        ([], Drivers(0, 0, -10 * NANO)),
    ],
)
def test_each_driver_by_itself(after, drivers):
    assert drivers_of([spend(1, 10, 1)], after, Fraction(1)) == drivers


def subjects(days):
    return [(one.subject, one.level) for one in find_spend_alerts(days)]


LAST = 60


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (1.0, []),
        (1.09, [("price of sku", 0)]),
        (1.12, [("price of sku", 1)]),
        (0.5, []),
    ],
)
def test_a_sku_that_is_a_tenth_dearer_is_told_of(price, expected):
    days = [spend(day, 10 * (price if day > LAST - AFTER_DAYS else 1)) for day in range(LAST + 1)]
    assert subjects(days) == expected


def test_more_of_the_same_price_is_training_and_no_anomaly():
    days = [
        spend(day, 10 * many, many)
        for day in range(LAST + 1)
        for many in [9 if day > LAST - AFTER_DAYS else 1]
    ]
    assert subjects(days) == []


def test_a_dear_sku_that_hardly_counts_is_not_told_of():
    days = [spend(day, 1000) for day in range(LAST + 1)]
    days += [
        spend(day, 2 if day > LAST - AFTER_DAYS else 1, sku="small") for day in range(LAST + 1)
    ]
    assert [level for _, level in subjects(days) if level] == []


def test_a_steady_component_that_jumps_is_told_of_with_its_drivers():
    storage = [
        spend(
            day, 50 if day < LAST - 1 else 200, 5 if day < LAST - 1 else 20, "s3", Component.STORAGE
        )
        for day in range(LAST + 1)
    ]
    [told] = find_spend_alerts(storage)
    assert told.subject == "storage USD"
    assert told.sentence == "$650.00 in the last 7 days is unusual: usage +$300.00"


def test_the_same_jump_of_compute_is_a_burst_and_not_told_of():
    days = [
        spend(day, 50 if day < LAST - 1 else 200, 5 if day < LAST - 1 else 20)
        for day in range(LAST + 1)
    ]
    assert subjects(days) == []


def test_a_bill_of_a_few_days_says_nothing():
    assert (
        subjects([spend(day, 10 * day + 1, component=Component.STORAGE) for day in range(9)]) == []
    )
    assert subjects([]) == []


def test_money_that_no_run_used_is_told_per_resource_of_the_last_week():
    unowned = [
        Unowned(LAST, "i-1", "USD", 30 * NANO),
        Unowned(LAST - AFTER_DAYS, "i-1", "USD", NANO),
    ]
    unowned += [Unowned(LAST, "i-2", "USD", 9 * NANO), Unowned(LAST, "i-3", "EUR", 40 * NANO)]
    found = list(find_unattributed(unowned, LAST, {"USD": 1000 * NANO, "EUR": 5000 * NANO}))
    assert [one.subject for one in found] == ["i-1"]
    assert "$30.00 in 7 days" in found[0].sentence


def test_of_many_unowned_resources_the_largest_are_named():
    unowned = [Unowned(LAST, f"i-{n}", "USD", n * NANO) for n in range(1, 100)]
    found = list(find_unattributed(unowned, LAST, {"USD": NANO}))
    assert (len(found), found[0].subject) == (NAMED, "i-99")


def test_a_usual_week_is_the_mean_of_five():
    assert usual_weeks([spend(day, 10) for day in range(LAST + 1)]) == {"USD": 70 * NANO}
