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
    Confidence,
    Effort,
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
    first = advise(Kind.IDLE, "first", (SLOTS[0], 9))
    with pytest.raises(BadInput, match=f"{one.id} was made twice"):
        settle([first, one, other], {}, 1)


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


def test_advice_at_the_limits_of_sense_is_taken():
    assert Stake(SLOTS[0], Money(0)).saving == Money(0)
    exact = replace(advise(Kind.IDLE, "x"), low=Fraction(1), high=Fraction(1))
    assert advise(Kind.IDLE, "x") == exact  # nobody said how far it may be off
    assert (exact.confidence, exact.effort) == (Confidence.HIGH, Effort.LOW)
    assert replace(exact, low=Fraction(-1)).low == -1  # doing it may cost more
    with pytest.raises(BadInput, match="misses the middle"):
        replace(exact, high=Fraction(99, 100))
    assert settle([], {}, 1) == []


def test_what_it_costs_once_is_taken_off_the_grant_and_left_for_others():
    slots = SLOTS[:2]
    paid = {slot: Money(100) for slot in slots}
    first = advise(Kind.IDLE, "x", (slots[0], 60), (slots[1], 40))
    later = advise(Kind.SPOT, "y", (slots[0], 100))

    def settled(once):
        made = replace(first, once=Money(once))
        found = {one.recommendation.kind: one for one in settle([made, later], paid, 1)}
        granted = [stake.saving.nano for stake in found[Kind.IDLE].stakes]
        return made.saving().nano, granted, found[Kind.SPOT].saving.nano

    assert settled(50) == (50, [30, 20], 70)
    assert settled(100) == (0, [0, 0], 100)
    assert settled(101) == (0, [0, 0], 100)
    assert settled(0) == (100, [60, 40], 40)


def test_a_subject_is_a_part_of_all_that_its_scope_costs():
    paid = {
        SLOTS[0]: Money(100),
        SLOTS[1]: Money(300),
        SLOTS[2]: Money(-40),  # a refund is no cost to save of
        SLOTS[3]: Money(7, "EUR"),
        SLOTS[4]: Money(1),
    }
    made = replace(advise(Kind.SPOT, "x", (SLOTS[0], 50), (SLOTS[1], 30)), scope=tuple(SLOTS))
    earlier = advise(Kind.IDLE, "y", (SLOTS[0], 20))
    one = next(a for a in settle([made, earlier], paid, 2) if a.recommendation is made)
    assert one.bases == {"2026-10": Money(101), "2026-11": Money(300)}
    assert list(one.bases) == ["2026-10", "2026-11"]
    assert (one.base, one.left) == (Money(401), Money(381))
    assert one.granted == {"2026-10": Money(40), "2026-11": Money(30)}
    assert one.share == Fraction(70, 401)
    assert one.saving == Money(35)
    bare = next(iter(settle([advise(Kind.SPOT, "x", (SLOTS[0], 50))], paid, 1)))
    assert (bare.base, bare.left) == (Money(100), Money(100))


def test_the_high_end_is_never_more_than_what_was_left():
    slot = SLOTS[0]
    made = replace(advise(Kind.SPOT, "x", (slot, 50)), high=Fraction(3))
    earlier = advise(Kind.IDLE, "y", (slot, 20))
    found = {a.recommendation.kind: a for a in settle([made, earlier], {slot: Money(100)}, 2)}
    assert found[Kind.SPOT].saving == Money(20)
    assert found[Kind.SPOT].saving_high == Money(40)  # 80 were left, over two months
    some = replace(made, high=Fraction(3, 2))
    [alone] = settle([some], {slot: Money(100)}, 1)
    assert alone.saving_high == Money(75)


def test_the_largest_saving_is_told_first_and_granted_first():
    slot, other = SLOTS[:2]
    small, large = advise(Kind.IDLE, "s", (slot, 30)), advise(Kind.IDLE, "l", (slot, 80))
    later = advise(Kind.SPOT, "x", (other, 90))
    found = settle([small, later, large], {slot: Money(100), other: Money(90)}, 1)
    assert [one.recommendation for one in found] == [later, large, small]
    assert [one.saving.nano for one in found] == [90, 80, 20]
    twins = [advise(Kind.IDLE, name, (slot, 50)) for name in "abcd"]
    ids = [one.recommendation.id for one in settle(twins, {slot: Money(200)}, 1)]
    assert ids == sorted(ids)


def test_of_several_stakes_on_one_slot_the_sum_is_asked():
    slot = SLOTS[0]
    made = advise(Kind.IDLE, "x", (slot, 30), (slot, 20))
    assert made.saving() == Money(50)
    [one] = settle([made], {slot: Money(100)}, 1)
    assert one.stakes == (Stake(slot, Money(50)),)
    [none] = settle([made], {slot: Money(0)}, 1)
    assert none.stakes == (Stake(slot, Money(0)),)
    assert none.share is None
