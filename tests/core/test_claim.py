"""Laws of claims: what is held never exceeds the machine, and nothing is held twice by one run."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.claim import Claim, holdings, merge_claims, share_text
from trainfare.core.errors import BadInput
from trainfare.core.period import Interval


@st.composite
def claim_lists(draw):
    count = draw(st.integers(1, 12))
    claims = []
    for _ in range(count):
        start = draw(st.integers(0, 100))
        length = draw(st.integers(0, 60))
        share = Fraction(draw(st.integers(1, 8)), 8)
        run = draw(st.sampled_from("abcd"))
        claims.append(Claim(run, 1, "i-0", Interval(start, start + length), share))
    return claims


def at(instant, held):
    return [h for h in held if h.interval.start_ns <= instant < h.interval.end_ns]


@given(claim_lists())
def test_held_shares_never_exceed_the_machine_and_never_the_claim(claims):
    held = holdings(claims)
    for instant in range(161):
        now = at(instant, held)
        assert sum(h.share for h in now) <= 1
        assert all(h.share <= h.claim.share for h in now)


@given(claim_lists())
def test_below_capacity_everybody_holds_what_it_claims(claims):
    held = holdings(claims)
    for instant in range(161):
        active = [c for c in claims if c.interval.start_ns <= instant < c.interval.end_ns]
        claimed = sum(c.share for c in active)
        expected = min(Fraction(1), claimed)
        assert sum(h.share for h in at(instant, held)) == expected


@given(claim_lists(), st.randoms())
def test_the_order_of_claims_does_not_matter(claims, random):
    def by_run(held):
        totals = {}
        for h in held:
            key = h.claim.run
            totals[key] = totals.get(key, 0) + h.share * h.interval.duration_ns
        return totals

    shuffled = list(claims)
    random.shuffle(shuffled)
    assert by_run(holdings(claims)) == by_run(holdings(shuffled))


@given(claim_lists())
def test_merged_claims_of_one_run_never_overlap_and_cover_the_same_time(claims):
    merged = merge_claims(claims)
    for run in "abcd":
        own = [c for c in merged if c.run == run]
        for instant in range(161):
            now = [c for c in own if c.interval.start_ns <= instant < c.interval.end_ns]
            before = [
                c.share
                for c in claims
                if c.run == run and c.interval.start_ns <= instant < c.interval.end_ns
            ]
            assert [c.share for c in now] == ([max(before)] if before else [])


def test_eight_ranks_on_one_node_are_one_use_of_it():
    ranks = [Claim("r", 1, "i-0", Interval(i, 100 + i)) for i in range(8)]
    assert merge_claims(ranks) == [Claim("r", 1, "i-0", Interval(0, 107))]


def test_merging_twice_changes_nothing():
    claims = [Claim("r", 1, "i-0", Interval(0, 9)), Claim("r", 2, "i-0", Interval(5, 20))]
    assert merge_claims(merge_claims(claims)) == merge_claims(claims)


@pytest.mark.parametrize("share", [Fraction(0), Fraction(-1), Fraction(9, 8)])
def test_a_share_outside_the_machine_is_refused(share):
    with pytest.raises(BadInput, match="above 0 and at most 1"):
        Claim("r", 1, "i-0", Interval(0, 1), share)


@given(st.integers(1, 999))
def test_share_text_is_a_decimal_that_reads_back(thousandths):
    share = Fraction(thousandths, 1000)
    assert Fraction(share_text(share)) == share
