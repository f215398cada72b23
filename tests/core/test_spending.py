"""When money was spent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.segments import SECOND, UNPRICED, segment
from trainfare.core.attempts import make_run
from trainfare.core.charge import Component
from trainfare.core.estimate import estimate_run
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.price import Price
from trainfare.core.run import Artifact, Totals
from trainfare.core.spending import components_within, part_until, spent_at, spent_within

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


SENT = Price("out/internet", Decimal("0.1"), "gb")


def test_bytes_sent_are_spent_when_the_last_attempt_has_ended():
    sent = Totals(net_tx_bytes=10 * 2**30)
    run = make_run("r", [segment(0, 10, totals=sent), segment(20, 10, totals=sent)])
    estimate = estimate_run(run, network_price=SENT)
    assert estimate.components[Component.NETWORK] == Money.parse("2")
    end_ns = 30 * SECOND
    instants = [15 * SECOND, end_ns, end_ns + 1]
    sums = [Money.parse(amount).nano for amount in ("0.010", "0.020", "2.020")]
    assert spent_at(run, estimate, instants) == sums
    for at_ns, network in zip(instants, ("0", "0", "2"), strict=True):
        found = components_within(run, estimate, Interval(ALWAYS.start_ns, at_ns))
        assert found[Component.NETWORK] == Money.parse(network)


def test_what_is_held_is_spent_while_it_is_held_where_its_price_is_known_in_the_same_currency():
    held = Interval(0, 100 * SECOND)
    size = 10**12

    def stored(price):
        artifact = Artifact("checkpoint", "file:///a", size, held, price=price)
        run, estimate = estimated(segment(0, 100, artifacts=(artifact,)))
        window = Interval(ALWAYS.start_ns, 50 * SECOND)
        return components_within(run, estimate, window)[Component.STORAGE]

    whole = STORED.of(size * held.duration_ns)
    assert stored(STORED) == Money(whole.nano // 2, "USD")
    assert stored(UNPRICED) is None
    assert stored(Price("s3", Decimal("0.023"), "gb_month", currency="EUR")) is None


@pytest.mark.parametrize(
    ("start", "end", "at", "nano"),
    [
        (10, 20, 10, 0),
        (10, 20, 11, 10),
        (10, 20, 19, 96),
        (10, 20, 20, 107),
        (10, 20, 21, 107),
        (10, 10, 9, 0),
        (10, 10, 10, 0),
        (10, 10, 11, 107),
    ],
)
def test_an_amount_is_spent_evenly_and_an_instant_in_the_window_that_begins_with_it(
    start, end, at, nano
):
    assert part_until(Money(107), Interval(start, end), at) == Money(nano)
