"""A world is whole: its truth is its bills, and the same seed makes it again."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.worlds import SIZES, world_of
from trainfare.core.charge import Component, Remainder, View
from trainfare.core.errors import BadInput
from trainfare.simulation.fault import ALL_FAULTS, NO_FAULTS
from trainfare.simulation.fleet import Venue
from trainfare.simulation.line import BILLERS, Kind, Provider
from trainfare.simulation.world import make_world


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    sizes=st.fixed_dictionaries(SIZES),
    faults=st.sampled_from([NO_FAULTS, ALL_FAULTS]),
    view=st.sampled_from(View),
)
def test_the_truth_is_the_bill_for_every_seed_size_view_and_fault(seed, sizes, faults, view):
    """Conservation, spec §4.2: nothing is made up and nothing is lost, currency by currency."""
    world = make_world(seed, faults=faults, **sizes)
    billed, owned = Counter(), Counter()
    for delivery in world.final:
        billed[BILLERS[delivery.provider].currency] += delivery.total(view)
    for row in world.truth(view=view):
        owned[row.currency] += row.nano
        assert (row.run is None) != (row.remainder is None)
    assert owned == billed


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**9), sizes=st.fixed_dictionaries(SIZES))
def test_the_same_seed_makes_the_same_world(seed, sizes):
    assert make_world(seed, **sizes) == make_world(seed, **sizes)


def test_another_seed_makes_another_world():
    assert world_of(1).truth() != world_of(2).truth()


def test_detail_only_parts_the_truth_further():
    world = world_of()
    coarse = {(r.currency, r.run, r.remainder, r.component): r.nano for r in world.truth()}
    fine = Counter()
    for row in world.truth(is_detailed=True):
        fine[row.currency, row.run, row.remainder, row.component] += row.nano
        assert row.day.startswith("2026-10-0")
    assert {key: nano for key, nano in fine.items() if nano} == coarse


def test_a_world_has_all_that_a_month_can_have():
    """A test that draws on a world must be able to count on what is in it."""
    world = world_of(runs=120, days=5)
    lines = world.lines
    assert {run.venue for run in world.runs} == set(Venue)
    assert {line.kind for line in lines} == set(Kind) - {Kind.CORRECTION}
    assert {line.product.component for line in lines} == set(Component)
    assert {delivery.provider for delivery in world.deliveries} == set(Provider)
    assert {row.remainder for row in world.truth()} == {None, *Remainder}
    assert {len(run.attempts) for run in world.runs} >= {1, 2, 3}
    assert any(share != 1 for run in world.runs for a in run.attempts for _, share in a.holds)
    assert any(len(attempt.holds) > 1 for run in world.runs for attempt in run.attempts)
    assert any(line.product.is_spot for line in lines)
    assert any(line.billed_nano < 0 for line in lines)
    assert any(not line.tags and line.product.machine for line in lines)


def test_runs_cross_the_edges_of_the_bill_and_only_what_is_inside_is_charged():
    world = world_of(runs=120, days=2)
    bill = world.bill
    intervals = [attempt.interval for run in world.runs for attempt in run.attempts]
    assert any(i.start_ns < bill.start_ns < i.end_ns for i in intervals)
    assert all(bill.start_ns <= line.interval.start_ns < bill.end_ns for line in world.lines)
    assert all(line.interval.end_ns <= bill.end_ns for line in world.lines)


def test_a_bill_covers_at_most_its_month():
    world = make_world(1, runs=1, days=99, machines=1, period="2027-02")
    assert world.bill == world.period.interval


@pytest.mark.parametrize("size", ["runs", "days", "teams", "machines"])
def test_an_empty_world_is_refused(size):
    with pytest.raises(BadInput, match=f"at least 1 of {size}, not 0"):
        make_world(1, **{size: 0})
