"""Every dollar is claimed by one recommendation, so savings add up to no more than was paid."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.charge import Component
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.recommendation import (
    Kind,
    Recommendation,
    Slot,
    Stake,
    data_slot,
    resource_slot,
    run_slot,
    settle,
)

SLOTS = [
    run_slot("a", "2026-10"),
    run_slot("a", "2026-11"),
    run_slot("a", "2026-10", Component.STORAGE),
    resource_slot("i-1", "2026-10"),
    data_slot("s3://b/x", "2026-10"),
]


def advise(
    kind: Kind, subject: str, *stakes: tuple[Slot, int], currency: str = "USD"
) -> Recommendation:
    return Recommendation(
        kind,
        "rule",
        subject,
        "title",
        "do it",
        method="by hand",
        stakes=tuple(Stake(slot, Money(nano, currency)) for slot, nano in stakes),
    )


@st.composite
def histories(draw):
    paid = {
        slot: Money(draw(st.integers(0, 10**12))) for slot in draw(st.sets(st.sampled_from(SLOTS)))
    }
    asked = st.tuples(st.sampled_from(SLOTS), st.integers(0, 10**12))
    made = [
        advise(draw(st.sampled_from(Kind)), f"s{n}", *draw(st.lists(asked, max_size=4)))
        for n in range(draw(st.integers(0, 8)))
    ]
    return made, paid


@given(histories())
def test_no_dollar_is_saved_twice(history):
    made, paid = history
    found = settle(made, paid, 1)
    assert sorted(one.recommendation.id for one in found) == sorted(one.id for one in made)
    for slot in SLOTS:
        granted = sum(s.saving.nano for one in found for s in one.stakes if s.slot == slot)
        assert granted <= (paid[slot].nano if slot in paid else 0)
    assert sum(one.saving.nano for one in found) <= sum(amount.nano for amount in paid.values())


@given(histories(), st.randoms())
def test_the_order_in_which_advice_was_found_does_not_matter(history, random):
    made, paid = history
    shuffled = random.sample(made, len(made))
    assert settle(made, paid, 3) == settle(shuffled, paid, 3)


@given(histories())
def test_what_comes_first_does_not_change_when_more_is_found_after_it(history):
    made, paid = history
    first = [one for one in made if one.kind is Kind.IDLE]
    alone = {one.recommendation.id: one.stakes for one in settle(first, paid, 1)}
    together = {one.recommendation.id: one.stakes for one in settle(made, paid, 1)}
    assert all(together[id] == stakes for id, stakes in alone.items())


def test_a_later_kind_saves_of_what_the_earlier_left():
    slot = SLOTS[0]
    made = [advise(Kind.SPOT, "run", (slot, 60)), advise(Kind.IDLE, "run", (slot, 30))]
    found = {one.recommendation.kind: one for one in settle(made, {slot: Money(100)}, 1)}
    assert found[Kind.IDLE].stakes == (Stake(slot, Money(30)),)
    assert found[Kind.SPOT].stakes == (Stake(slot, Money(42)),)  # 60 % of the 70 that are left
    assert found[Kind.SPOT].share == Fraction(42, 100)


def test_advice_of_one_kind_is_on_different_dollars_and_is_cut_off_where_they_end():
    slot = SLOTS[0]
    made = [advise(Kind.IDLE, "x", (slot, 60)), advise(Kind.IDLE, "y", (slot, 50))]
    found = settle(made, {slot: Money(100)}, 1)
    assert [one.stakes[0].saving.nano for one in found] == [60, 40]


def test_what_nobody_paid_cannot_be_saved():
    euro = advise(Kind.IDLE, "x", (SLOTS[0], 60), currency="EUR")
    nowhere = advise(Kind.IDLE, "y", (SLOTS[1], 60))
    found = settle([euro, nowhere], {SLOTS[0]: Money(100)}, 1)
    assert [one.saving.nano for one in found] == [0, 0]
    assert [one.share for one in found] == [None, None]


def test_savings_are_per_month_of_the_history_with_their_interval():
    slot = SLOTS[0]
    made = replace(advise(Kind.IDLE, "x", (slot, 60)), low=Fraction(1, 2), high=Fraction(3))
    [one] = settle([made], {slot: Money(90)}, 3)
    assert [one.saving_low.nano, one.saving.nano, one.saving_high.nano] == [10, 20, 30]
    assert one.base_per_month == Money(30)


def test_an_id_is_of_the_subject_not_of_the_figures():
    one, other = advise(Kind.IDLE, "x", (SLOTS[0], 1)), advise(Kind.IDLE, "x", (SLOTS[1], 2))
    assert one.id == other.id
    assert one.id != advise(Kind.IDLE, "y").id
    with pytest.raises(BadInput, match="made twice"):
        settle([one, other], {}, 1)


def test_senseless_recommendations_are_refused():
    with pytest.raises(BadInput, match="saves nothing"):
        Stake(SLOTS[0], Money(-1))
    with pytest.raises(BadInput, match="misses the middle"):
        replace(advise(Kind.IDLE, "x"), low=Fraction(2))
    with pytest.raises(BadInput, match="several currencies"):
        replace(
            advise(Kind.IDLE, "x"),
            stakes=(Stake(SLOTS[0], Money(1)), Stake(SLOTS[1], Money(1, "EUR"))),
        )
    with pytest.raises(BadInput, match="0 months"):
        settle([], {}, 0)
