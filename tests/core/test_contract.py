"""Contracts: what is refused, and when one holds."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.contract import Contract, hourly
from trainfare.core.errors import BadInput
from trainfare.core.money import BIGINT_MAX, Money
from trainfare.core.period import HOUR

PLAN = Contract(
    "p", "aws_compute_savings_plan", "plan", "aws", "USD", Money(5), 10 * HOUR, 20 * HOUR,
    "by hand", 0, "ada",
)  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": " "}, "the id of a commitment has 1 to 512 signs"),
        ({"kind": "k" * 65}, "the kind of a commitment has 1 to 64 signs, not 65"),
        ({"end_ns": 10 * HOUR}, "ends before it begins"),
        ({"state": "sold"}, "not 'sold'"),
        ({"per_hour": Money(-1)}, "less than nothing an hour"),
    ],
)
def test_what_is_no_contract_is_refused(wrong, said):
    with pytest.raises(BadInput, match=said):
        replace(PLAN, **wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"id": "i" * 512, "kind": "k" * 64, "name": "n" * 1000},
        {"start_ns": 0, "end_ns": BIGINT_MAX},
        {"per_hour": Money(0)},
        {"per_hour": None},
    ],
)
def test_what_is_just_within_its_bounds_is_a_contract(right):
    assert replace(PLAN, **right).kind


def test_contracts_are_kept_in_sets_whatever_their_rates():
    assert len({PLAN, replace(PLAN, rates={"gpu": 3}), replace(PLAN)}) == 2


def test_an_hour_of_a_term_that_begins_late_costs_its_part_of_that_term():
    assert hourly(Money(1_200), 100 * HOUR, 112 * HOUR) == Money(100)


def test_it_holds_from_its_first_instant_to_before_its_last():
    assert [PLAN.is_live(at) for at in (10 * HOUR - 1, 10 * HOUR, 20 * HOUR - 1, 20 * HOUR)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not replace(PLAN, state="canceled").is_live(15 * HOUR)


@given(st.integers(0, 10**15), st.integers(1, 30_000))
def test_what_an_hour_costs_times_the_hours_is_the_whole_to_half_a_nano_each(nano, hours):
    found = hourly(Money(nano), 0, hours * HOUR)
    assert abs(Fraction(nano, hours) - found.nano) <= Fraction(1, 2)
