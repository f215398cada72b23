"""Attribution error is measured against the truth, and measures nothing else."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulation.worlds import world_of
from trainfare.core.charge import Component, Remainder
from trainfare.simulation.attribution import AllocatedRow, MethodError, attribution_error
from trainfare.simulation.truth import TruthRow

COMPUTE = Component.COMPUTE


def true(run, nano, remainder=None, **more):
    return TruthRow(run, remainder, COMPUTE, "USD", nano, **more)


def given_to(run, nano, method="resource_overlap", remainder=None, **more):
    return AllocatedRow(run, remainder, method, COMPUTE, "USD", nano, **more)


def as_allocated(row, method="m"):
    return AllocatedRow(
        row.run, row.remainder, method, row.component, row.currency, row.nano, row.resource, row.day
    )


def test_the_truth_itself_is_all_right():
    world = world_of()
    truth = world.truth(is_detailed=True)
    errors = attribution_error(truth, [as_allocated(row) for row in truth])
    assert [(e.wrong, e.missing, e.right_share) for e in errors] == [(0, 0, 1)] * len(errors)
    sums = Counter()
    for row in truth:
        sums[row.currency] += abs(row.nano)
    assert {e.currency: e.right for e in errors} == sums


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-99, 99), st.sampled_from("xy"))))
def test_all_money_is_right_wrong_or_missing(given_rows):
    """Whatever an allocation says, each of its methods answers for what it gave, and no more."""
    truth = [true("a", 50), true("b", 20), true(None, 30, Remainder.IDLE)]
    rows = [
        given_to(None if run == "c" else run, nano, method, Remainder.IDLE if run == "c" else None)
        for run, nano, method in given_rows
    ]
    sums = Counter()
    for row in rows:
        sums[row.method] += abs(row.nano)
    errors = attribution_error(truth, rows)
    assert {e.method: e.nano for e in errors} == {m: sums[m] for m in {r.method for r in rows}}
    assert all(min(e.right, e.wrong, e.missing) >= 0 for e in errors)


def test_a_run_that_gets_anothers_money_is_wrong():
    errors = attribution_error(
        [true("a", 70), true("b", 30)],
        [given_to("a", 60), given_to("b", 30), given_to("b", 10, "run_tag")],
    )
    assert errors == [
        MethodError("USD", "resource_overlap", right=82, wrong=8, missing=0),
        MethodError("USD", "run_tag", right=8, wrong=2, missing=0),
    ]


def test_a_runs_money_left_idle_is_missing():
    errors = attribution_error(
        [true("a", 70), true(None, 30, Remainder.IDLE)],
        [given_to("a", 50), given_to(None, 50, remainder=Remainder.IDLE)],
    )
    assert errors == [MethodError("USD", "resource_overlap", right=80, wrong=0, missing=20)]


def test_a_remainder_under_a_wrong_name_is_wrong():
    errors = attribution_error(
        [true(None, 30, Remainder.SHARED)],
        [given_to(None, 30, "unmatched", Remainder.UNALLOCATED)],
    )
    assert errors == [MethodError("USD", "unmatched", right=0, wrong=30, missing=0)]


def test_two_errors_on_two_machines_do_not_hide_each_other():
    truth = [true("a", 10, resource="i-1"), true("b", 10, resource="i-2")]
    rows = [given_to("b", 10, resource="I-1"), given_to("a", 10, resource="arn:x:instance/i-2")]
    assert attribution_error(truth, rows)[0].wrong == 20
    plain = [replace(row, resource="") for row in rows]
    assert attribution_error([true("a", 10), true("b", 10)], plain)[0].wrong == 0


def test_what_is_taken_back_is_not_netted_with_what_is_charged():
    truth = [true("a", 10), true("a", -4)]
    errors = attribution_error(truth, [given_to("a", 10), given_to("b", -4)])
    assert errors == [MethodError("USD", "resource_overlap", right=10, wrong=4, missing=0)]
