"""Laws of combining: what a run holds together is the sum of its parts, at every instant, once."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.combine import combine, number_attempts
from trainfare.clusters.record import ClaimRecord
from trainfare.core.period import Interval
from trainfare.core.run import (
    DeviceUse,
)
from trainfare.core.stage import Status


@st.composite
def record_lists(draw):
    records = []
    for _ in range(draw(st.integers(1, 10))):
        start = draw(st.integers(0, 40))
        records.append(
            ClaimRecord(
                run=draw(st.sampled_from("ab")),
                attempt=1,
                resource_id=draw(st.sampled_from(["i-0", "i-1"])),
                interval=Interval(start, start + draw(st.integers(1, 30))),
                share=Fraction(draw(st.integers(1, 8)), 8),
                labels={},
                source="dcgm",
            )
        )
    return records


def held(records, run, resource_id, instant):
    return sum(
        r.share
        for r in records
        if (r.run, r.resource_id) == (run, resource_id)
        and r.interval.start_ns <= instant < r.interval.end_ns
    )


@given(record_lists(), st.booleans())
def test_shares_add_up_to_at_most_one_at_every_instant(records, joins):
    combined = list(combine(records, joins=joins))
    for run in "ab":
        for resource_id in ("i-0", "i-1"):
            for instant in range(72):
                expected = min(1, held(records, run, resource_id, instant))
                assert held(combined, run, resource_id, instant) == expected


@given(record_lists())
def test_on_one_resource_a_run_never_overlaps_itself(records):
    combined = list(combine(records, joins=True))
    for a in combined:
        for b in combined:
            if a is not b and (a.run, a.resource_id) == (b.run, b.resource_id):
                assert not a.interval.overlap_ns(b.interval)


@given(record_lists(), st.booleans())
def test_attempts_count_up_with_time_and_overlapping_records_share_one(records, joins):
    numbered = list(number_attempts(records, joins=joins))
    numbers = [r.attempt for r in numbered]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, max(numbers) + 1))
    for a in numbered:
        for b in numbered:
            if a.interval.overlap_ns(b.interval):
                assert a.attempt == b.attempt


def one(start, end, share=Fraction(1, 4), **changes):
    base = ClaimRecord("a", 1, "i-0", Interval(start, end), share, {}, "dcgm")
    return replace(base, **changes)


def test_touching_records_are_one_attempt_only_where_a_window_cut_them():
    parts = [one(0, 10), one(10, 20)]
    assert [r.attempt for r in combine(parts, joins=True)] == [1, 1]
    assert [r.attempt for r in combine(parts, joins=False)] == [1, 2]


def test_activity_of_the_parts_moves_with_them_and_none_is_lost():
    first = one(0, 10, activity=(DeviceUse("g0", 0, 10, 500),))
    second = one(4, 14, activity=(DeviceUse("g1", 0, 10, 700),))
    combined = list(combine([first, second], joins=False))
    found = [(u.device_id, r.interval.start_ns + u.start_ns) for r in combined for u in r.activity]
    assert sorted(found) == [("g0", 0), ("g1", 4)]


def test_a_run_that_still_runs_somewhere_runs_and_figures_are_listed_not_added():
    done = one(0, 10, status=Status.FINISHED, reported={"totalCost": "1.5"}, labels={"team": "nlp"})
    going = one(0, 10, status=Status.RUNNING, reported={"totalCost": "2.5"}, labels={"pod": "b"})
    (piece,) = combine([done, going], joins=True)
    assert piece.status is Status.RUNNING
    assert piece.reported == {"totalCost": "1.5 2.5"}
    assert piece.labels == {"team": "nlp", "pod": "b"}


def test_a_zero_length_record_is_kept_beside_overlapping_ones():
    combined = list(combine([one(5, 5), one(0, 10), one(2, 8)], joins=True))
    assert [r.interval.duration_ns for r in combined] == [2, 6, 0, 2]
