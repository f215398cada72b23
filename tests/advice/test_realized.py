"""A realized saving is what the bill shows, whatever the amount of work was."""

from dataclasses import replace

import pytest

from trainfare.advice.balance import Balance
from trainfare.advice.realized import FOUND_WHOLE, realize
from trainfare.core.decision import Verdict, decide
from trainfare.core.money import Money
from trainfare.core.period import parse_instant
from trainfare.core.recommendation import Kind, Recommendation, Stake, run_slot, settle

OCTOBER = parse_instant("2026-10-20T00:00:00Z")


def advise(**months):
    """Advice on a history of month → (paid, wasted)."""
    slots = {f"2026-{month[1:]}": figures for month, figures in months.items()}
    paid = {run_slot("a", month): Money.parse(str(whole)) for month, (whole, _) in slots.items()}
    stakes = [
        Stake(run_slot("a", month), Money.parse(str(waste)))
        for month, (_, waste) in slots.items()
        if waste
    ]
    made = Recommendation(
        Kind.IDLE, "left_on", "x", "t", "a", method="m", stakes=tuple(stakes), scope=tuple(paid)
    )
    [one] = settle([made], paid, len(slots))
    return one


BEFORE = advise(m10=(100, 40))
SAID = decide(BEFORE, Verdict.ACCEPTED, at_ns=OCTOBER, who="ada")


@pytest.mark.parametrize(
    ("later", "saved"),
    [
        ((60, 0), "40"),  # as much work, no waste
        ((120, 0), "80"),  # twice the work: twice the waste did not happen
        ((30, 0), "20"),  # half of it
        ((100, 40), "0"),  # nothing changed
        ((200, 80), "0"),  # more work with as much waste is no loss
        ((80, 20), "20"),
        ((120, 60), "-20"),  # it got worse
    ],
)
def test_the_saving_is_the_old_waste_per_useful_dollar_less_the_waste_that_is_left(later, saved):
    found = realize(SAID, advise(m10=(100, 40), m11=later), "billed", ("2026-10", "2026-11"))
    assert found.periods == {"2026-11": Money.parse(saved)}
    assert found.per_month == Money.parse(saved)


def test_months_are_averaged_and_the_month_of_the_acceptance_is_left_out():
    now = advise(m09=(100, 0), m10=(100, 40), m11=(60, 0), m12=(80, 20))
    found = realize(SAID, now, "billed", ("2026-09", "2026-10", "2026-11", "2026-12"))
    assert list(found.periods) == ["2026-11", "2026-12"]
    assert found.per_month == Money.parse("30")


def test_where_all_was_waste_the_old_waste_per_month_counts():
    said = decide(advise(m09=(40, 40), m10=(40, 40)), Verdict.ACCEPTED, at_ns=OCTOBER, who="ada")
    found = realize(said, advise(m10=(40, 40), m11=(10, 10)), "billed", ("2026-10", "2026-11"))
    assert found.per_month == Money.parse("30")


def test_what_is_not_measured_is_not_a_saving():
    periods = ("2026-10", "2026-11")
    assert "no bill" in realize(SAID, BEFORE, "estimated", periods).why
    assert "after 2026-10" in realize(SAID, BEFORE, "billed", ("2026-10",)).why
    assert "nothing of its subject" in realize(SAID, None, "billed", periods).why
    assert "nothing of its subject" in realize(SAID, BEFORE, "billed", periods).why
    later = replace(SAID, at_ns=parse_instant("2027-01-01T00:00:00Z"))
    assert realize(later, BEFORE, "billed", periods).per_month is None


PERIODS = ("2026-09", "2026-10", "2026-11")


@pytest.mark.parametrize(
    ("november", "saved"),
    [
        ((60, 40), "0"),
        ((60, 20), "20"),  # half as often: half of it
        ((120, 40), "40"),  # twice the training with as much
        ((30, 40), "-20"),
        ((0, 40), "-40"),
        ((60, 0), "40"),
    ],
)
def test_what_advice_is_about_is_set_beside_the_training_of_the_same_months(november, saved):
    said = replace(SAID, rule="evaluations", kind=Kind.EFFICIENCY)
    whole = {"2026-10": (60, 40), "2026-11": november}
    known = {month: Balance(u * 10**9, a * 10**9) for month, (u, a) in whole.items()}
    found = realize(said, None, "billed", PERIODS, known)
    assert found.periods == {"2026-11": Money.parse(saved)}


def test_without_runs_from_before_nothing_is_known():
    said = replace(SAID, rule="evaluations", kind=Kind.EFFICIENCY)
    known = {"2026-11": Balance(10**9, 0)}
    assert "from before" in realize(said, None, "billed", PERIODS, known).why
    known = {"2026-10": Balance(10**9, 10**9)}
    assert "since" in realize(said, None, "billed", PERIODS, known).why


@pytest.mark.parametrize("kind", [one for one in Kind if one is not Kind.COMMITMENT])
def test_a_rule_whose_saving_a_bill_does_not_tell_says_so(kind):
    said = replace(SAID, rule="other", kind=kind)
    assert "other" not in FOUND_WHOLE
    found = realize(said, advise(m10=(100, 40), m11=(60, 0)), "billed", PERIODS)
    assert found.per_month is None
    assert found.periods == {}
    assert found.why
