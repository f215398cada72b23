"""When money was spent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.segments import SECOND, UNPRICED, segment
from trainfare.core.attempts import make_run
from trainfare.core.estimate import estimate_run
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.price import Price
from trainfare.core.run import Artifact
from trainfare.core.spending import spent_at, spent_within

STORED = Price("s3", Decimal("0.023"), "gb_month")
ALWAYS = Interval(-(10**18), 10**18)


def estimated(*segments):
    run = make_run("r", segments)
    return run, estimate_run(run)


def test_a_window_gets_what_passed_in_it():
    run, estimate = estimated(segment(0, 10), segment(20, 10))
    window = Interval(5 * SECOND, 25 * SECOND)
    assert spent_within(run, estimate, window) == Money.parse("0.010")


def test_what_has_no_price_was_not_spent_for_nothing():
    run, estimate = estimated(segment(price=UNPRICED))
    assert spent_within(run, estimate, ALWAYS) is None


artifacts = st.builds(
    lambda start, length, size: Artifact(
        "checkpoint",
        f"file:///{start}",
        size,
        Interval(start * SECOND, (start + length) * SECOND),
        price=STORED,
    ),
    st.integers(0, 100),
    st.integers(0, 10**5),
    st.integers(0, 10**12),
)
runs = st.lists(
    st.builds(
        lambda start, seconds, machine, held: segment(
            start, seconds, machine=machine, artifacts=tuple(held)
        ),
        st.integers(0, 200),
        st.integers(0, 100),
        st.sampled_from(["i-0", "i-1"]),
        st.lists(artifacts, max_size=2),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.id,
)


@given(runs, st.lists(st.integers(-5, 400 * SECOND), max_size=6))
def test_periods_that_follow_each_other_sum_to_the_run(segments, cuts):
    run, estimate = estimated(*segments)
    edges = [ALWAYS.start_ns, *sorted(cuts), ALWAYS.end_ns]
    parts = [
        spent_within(run, estimate, Interval(start, end))
        for start, end in zip(edges, edges[1:], strict=False)
    ]
    assert all(part.nano >= 0 for part in parts)
    assert Money.total(parts) == estimate.total


@given(runs, st.lists(st.integers(-5, 400 * SECOND), max_size=6))
def test_many_instants_in_one_pass_are_what_each_window_says(segments, instants):
    run, estimate = estimated(*segments)
    found = spent_at(run, estimate, sorted(instants))
    windows = [Interval(ALWAYS.start_ns, at_ns) for at_ns in sorted(instants)]
    assert found == [spent_within(run, estimate, one).nano for one in windows]


def test_many_instants_leave_out_what_has_no_price():
    run, estimate = estimated(segment(price=UNPRICED))
    assert spent_at(run, estimate, [0, 5 * SECOND, 20 * SECOND]) == [0, 0, 0]
