"""The time of a resource is divided over its runs, never more than all of it."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainfare.allocation.evidence import SHARE_GRID
from trainfare.allocation.proportion import ONE
from trainfare.allocation.time_shares import TICKS, Hold, merged, time_shares
from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.period import Interval

HOUR = 3_600_000_000


def shares(holds, start=0, end=HOUR, capacity=HOUR):
    """Run → its exact share of the charge."""
    found = time_shares(merged(holds), start, end, capacity)
    return {share.run: Fraction(share.high - share.low, ONE) for share in found}


def hold(run, start, end, share=Fraction(1)):
    return Hold(run, int(start * HOUR), int(end * HOUR), int(share * SHARE_GRID))


def test_half_the_time_is_half_the_charge():
    assert shares([hold("a", 0, Fraction(1, 2))]) == {"a": Fraction(1, 2)}


def test_eight_ranks_of_one_run_on_a_node_are_one_use_of_it():
    assert shares([hold("a", 0, 1) for _ in range(8)]) == {"a": 1}


def test_of_one_run_the_largest_share_counts_at_every_instant():
    both = [hold("a", 0, 1, Fraction(1, 4)), hold("a", 0, Fraction(1, 2), Fraction(1, 2))]
    assert shares(both) == {"a": Fraction(3, 8)}


def test_runs_that_claim_more_than_all_share_it():
    both = [hold("a", 0, 1), hold("b", 0, 1)]
    assert shares(both) == {"a": Fraction(1, 2), "b": Fraction(1, 2)}


def test_sharing_happens_while_they_overlap_and_not_before():
    """Two runs of six hours on one day's bill: what was idle stays idle."""
    found = shares([hold("a", 0, 6), hold("b", 0, 6)], 0, 24 * HOUR, 24 * HOUR)
    assert found == {"a": Fraction(1, 8), "b": Fraction(1, 8)}


def test_seven_slices_of_a_device_leave_nothing_idle():
    found = time_shares(
        merged([hold(f"r{n}", 0, 1, Fraction(1, 7)) for n in range(7)]), 0, HOUR, HOUR
    )
    assert found[-1].high == ONE


def test_more_claims_than_the_life_of_the_resource_share_its_life():
    found = shares([hold("a", 0, 1)], capacity=HOUR // 3)
    assert found == {"a": 1}


def test_ten_thousand_runs_in_an_hour_leave_nothing_idle():
    many = [Hold(f"r{n:05}", 0, HOUR, SHARE_GRID) for n in range(10_000)]
    found = time_shares(many, 0, HOUR, HOUR)
    assert len(found) == 10_000
    assert found[-1].high == ONE


def test_time_that_is_shared_is_scaled_to_whole_ticks():
    """Of a microsecond in which a claims all and b half, 42 of 64 ticks count; a has one alone."""
    claims = [Hold("a", 0, 2, SHARE_GRID), Hold("b", 0, 1, SHARE_GRID // 2)]
    a, b = time_shares(merged(claims), 0, 2, 2)
    assert (a.low, a.high, b.high) == (0, -(-ONE * (42 + 64) // (42 + 64 + 21)), ONE)


def test_a_claim_of_no_length_holds_nothing():
    assert shares([hold("a", Fraction(1, 2), Fraction(1, 2))]) == {}


@pytest.mark.parametrize("start", [0, HOUR, 5 * HOUR])
def test_ends_are_open(start):
    """A claim that ends when the charge begins, or begins when it ends, has no part of it."""
    around = [Hold("a", start - HOUR, start, SHARE_GRID)]
    around.append(Hold("b", start + HOUR, start + 2 * HOUR, SHARE_GRID))
    assert shares(around, start, start + HOUR) == {}


instants = st.one_of(st.integers(0, 40).map(lambda n: n * HOUR // 10), st.integers(0, 4 * HOUR))
fractions = st.sampled_from([1, Fraction(1, 2), Fraction(1, 8), Fraction(2, 7), Fraction(3, 100)])


@st.composite
def holds(draw):
    start, end = sorted([draw(instants), draw(instants)])
    return Hold(draw(st.sampled_from("abc")), start, end, int(draw(fractions) * SHARE_GRID))


bills = st.tuples(st.integers(0, 2), st.integers(1, 3)).map(
    lambda pair: (pair[0] * HOUR, (pair[0] + pair[1]) * HOUR)
)


@given(st.lists(holds(), max_size=8), bills, st.integers(1, 3 * HOUR))
def test_runs_never_get_more_than_the_charge(found, bill, capacity):
    parts = time_shares(merged(found), *bill, capacity)
    assert all(part.low <= part.high for part in parts)
    assert not parts or 0 <= parts[-1].high <= ONE


@given(st.lists(holds(), max_size=8), bills, st.integers(1, 3 * HOUR), st.randoms())
def test_the_order_of_claims_changes_nothing(found, bill, capacity, random):
    mixed = list(found)
    random.shuffle(mixed)
    assert time_shares(merged(found), *bill, capacity) == time_shares(
        merged(mixed), *bill, capacity
    )


@given(st.lists(holds(), min_size=1, max_size=6), bills, st.integers(1, 3 * HOUR), instants)
def test_cutting_a_claim_in_two_changes_nothing(found, bill, capacity, cut):
    first, *others = found
    middle = min(max(cut, first.start_us), first.end_us)
    halves = [
        Hold(first.run, first.start_us, middle, first.share),
        Hold(first.run, middle, first.end_us, first.share),
    ]
    whole = time_shares(merged(found), *bill, capacity)
    assert time_shares(merged([*halves, *others]), *bill, capacity) == whole


@given(st.lists(holds(), max_size=8), bills, st.integers(1, 3 * HOUR))
@example(  # an instant that is no whole number of ticks, in little paid time
    [Hold("a", 0, 1, SHARE_GRID), Hold("b", 0, HOUR // 10, SHARE_GRID // 8)], (0, HOUR), 1
)
def test_the_parts_are_those_of_exact_fractions(found, bill, capacity):
    """Scaled times are whole ticks; against core.holdings in fractions that shows as less than two
    ticks for every stretch between two changes, of which n claims make at most 2n - 1."""
    start, end = bill
    claims = [
        Claim(h.run, 1, "i", Interval(h.start_us, h.end_us), Fraction(h.share, SHARE_GRID))
        for h in found
    ]
    exact: dict[str, Fraction] = {}
    for each in holdings(merge_claims(claims)):
        time = each.interval.overlap_ns(Interval(start, end)) * each.share
        exact[each.claim.run] = exact.get(each.claim.run, Fraction(0)) + time
    paid = max(sum(exact.values(), Fraction(0)), Fraction(capacity))
    given_shares = shares(found, start, end, capacity)
    for run, time in exact.items():
        ticks = Fraction(4 * len(found), TICKS)
        off = abs(given_shares.get(run, Fraction(0)) - time / paid)
        assert off < ticks / paid + Fraction(1, 10**15)
