"""Runs and commitments: who used them, who paid beside them, and nothing lost between."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.coverage import CoveredHour
from trainfare.core.charge import Remainder
from trainfare.core.money import Money
from trainfare.reports.commitment_runs import align

HOUR = 3600 * 10**6


def part(
    effective, demand=0, run=None, hour=0, commitment=None, *, is_unused=False, sku="p5", hours=1
):
    """A part of a charge of *hours* from *hour* on."""
    left = None if run else Remainder.UNUSED_COMMITMENT if is_unused else Remainder.IDLE
    return CoveredHour(
        "AWS", "eu", sku, "USD", hour * HOUR, (hour + hours) * HOUR, commitment, is_unused, run,
        left, demand, effective, 0,
    )  # fmt: skip


def used(effective, demand, run, hour=0, sku="p5"):
    return part(effective, demand, run, hour, "sp", sku=sku)


def unused(effective, hour=0, hours=1):
    return part(effective, 0, None, hour, "sp", is_unused=True, sku="", hours=hours)


def by_run(found):
    return {one.run or one.remainder.value: one for one in found.runs}


def test_who_used_it_and_who_paid_beside_what_was_left_of_it():
    """In hour 0 the plan covers a's hour at 60 instead of 100, and 30 of it are used by nobody."""
    [found] = align([used(60, 100, "a"), unused(30), part(100, 100, "b"), part(100, 100, "c", 1)])
    runs = by_run(found)
    assert (runs["a"].covered, runs["a"].used, runs["a"].open) == (Money(100), Money(60), Money(0))
    assert (runs["b"].open, runs["b"].beside) == (Money(100), Money(50))
    assert (runs["c"].open, runs["c"].beside) == (Money(100), Money(0))
    assert found.unused == Money(30)
    assert found.elsewhere == Money(0)  # all of it could have gone to b in that very hour


def test_what_is_left_in_quiet_hours_could_pay_for_others():
    [found] = align([used(60, 100, "a"), part(100, 100, "b"), unused(30, hour=5)])
    assert by_run(found)["b"].beside == Money(0)
    assert found.elsewhere == Money(50)


def test_what_no_commitment_ever_paid_for_is_not_counted_as_beside():
    [found] = align([used(60, 100, "a"), unused(30), part(100, 100, "b", sku="t3")])
    assert "b" not in by_run(found)


def test_several_that_pay_beside_it_share_what_was_left_by_what_they_paid():
    [found] = align([used(60, 100, "a"), unused(30), part(90, 90, "b"), part(10, 10)])
    runs = by_run(found)
    assert (runs["b"].beside, runs["idle"].beside) == (Money(45), Money(5))


def test_a_month_of_unused_money_is_spread_over_its_hours():
    [found] = align([used(60, 100, "a"), unused(300, hours=10), part(100, 100, "b", 4)])
    assert by_run(found)["b"].beside == Money(50)


def test_a_provider_without_commitments_has_no_line():
    assert align([part(100, 100, "b")]) == []


parts = st.builds(
    part,
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.sampled_from(["a", "b", "c", None]),
    st.integers(0, 4),
    st.sampled_from([None, "sp", "ri"]),
    sku=st.sampled_from(["p5", "g5"]),
    hours=st.sampled_from([1, 1, 3, 24]),
)
rests = st.builds(unused, st.integers(0, 10**12), st.integers(0, 4), st.sampled_from([1, 24]))


@given(st.lists(parts, max_size=12), st.lists(rests, max_size=4))
def test_nothing_is_lost_and_nobody_saves_more_than_was_paid(some, left):
    found = align([*some, *left])
    paid = sum(one.effective for one in (*some, *left) if one.commitment)
    assert sum(one.total("used").nano + one.unused.nano for one in found) in (paid, 0)
    for one in found:
        open_ = sum(p.on_demand for p in some if p.commitment is None)
        assert 0 <= one.total("beside").nano + one.elsewhere.nano <= open_
        assert all(run.beside.nano >= 0 for run in one.runs)
