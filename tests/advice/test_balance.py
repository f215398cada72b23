"""A balance has what training cost that went on, and beside it what advice is about."""

from fractions import Fraction

import pytest

from advice.trips import PERIOD, trip
from trainfare.advice.balance import Balance, balances_of

HOUR = 50 * 10**9
STAGES = {"setup": 1.0, "train": 6.0, "eval": 3.0}


@pytest.mark.parametrize(
    ("rule", "about"), [("evaluations", 3), ("input_bound", 2), ("slow_start", 1)]
)
def test_training_that_went_on_is_beside_the_stage_that_advice_is_about(rule, about):
    one = trip("a", stages=STAGES, wait_hours=2.0)
    lost = trip("b", stages=STAGES, wait_hours=2.0)
    found = balances_of(rule, [one, lost], {"b"}, {"b"})
    assert found == {PERIOD: Balance(4 * HOUR, about * HOUR)}


def test_of_failures_only_those_that_came_again_are_what_advice_is_about():
    made = [trip(name, stages=STAGES, wait_hours=0.0) for name in "abc"]
    found = balances_of("failed_again", made, {"b", "c"}, {"c"})
    assert found == {PERIOD: Balance(6 * HOUR, 10 * HOUR)}


def test_a_run_that_measured_no_wait_is_left_out_and_one_without_stages_is_useful():
    blind = trip("a", stages={"setup": 10.0}, wait_hours=None)
    assert balances_of("input_bound", [blind], set(), set()) == {}
    assert balances_of("failed_again", [blind], set(), set()) == {PERIOD: Balance(10 * HOUR, 0)}


def test_a_job_that_only_evaluates_is_neither_training_nor_evaluated_too_often():
    one = trip("a", stages={"setup": 1.0, "eval": 9.0})
    assert balances_of("evaluations", [one], set(), set()) == {PERIOD: Balance(0, 0)}


def test_a_share_that_no_float_holds_loses_less_than_a_nano_unit_of_a_dollar():
    one = trip("a", stages={"train": 1.0, "eval": 2.0}, price=Fraction(1, 3))
    [found] = balances_of("evaluations", [one], set(), set()).values()
    assert abs(found.about - Fraction(2, 3) * 10**9) <= 1
