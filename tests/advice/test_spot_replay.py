"""Replays: nothing feasible is late over a safety net, nothing beats hindsight, real traces agree."""

import gzip
import json
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.samples import trace as real
from trainfare.advice.preemption import Saving, expected_hours
from trainfare.advice.spot_policies import BOUND, compare
from trainfare.advice.spot_replay import POLICIES, Errand, hindsight, replay
from trainfare.advice.spot_trace import Trace, read_trace
from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR

MINUTE = HOUR // 60
PRICES = (Fraction(1), Fraction(3))

errands = st.builds(
    Errand,
    work_ns=st.integers(1, 20 * HOUR),
    deadline_ns=st.integers(1, 60 * HOUR),
    interval_ns=st.integers(5 * MINUTE, 5 * HOUR),
    checkpoint_ns=st.integers(0, 10 * MINUTE),
    restart_ns=st.integers(0, HOUR),
)
traces = st.builds(
    lambda gap, data: Trace("made up", gap * MINUTE, tuple(data)),
    st.integers(1, 60),
    st.lists(st.booleans(), min_size=1, max_size=80),
)


@settings(deadline=None)
@given(errand=errands, trace=traces, start=st.integers(0, 79))
def test_what_is_feasible_is_never_late_over_a_safety_net(errand, trace, start):
    for policy, (_, has_net) in POLICIES.items():
        ride = replay(errand, trace, start, policy, PRICES)
        if has_net and errand.restart_ns + errand.need_ns(0) <= errand.deadline_ns:
            assert not ride.is_late, policy


@settings(deadline=None)
@given(errand=errands, trace=traces, start=st.integers(0, 79))
def test_nothing_that_is_in_time_beats_hindsight(errand, trace, start):
    bound = hindsight(errand, trace, start, PRICES)
    for policy in POLICIES:
        ride = replay(errand, trace, start, policy, PRICES)
        if not ride.is_late:
            assert bound <= ride.amount, policy


@given(errand=errands, trace=traces)
def test_on_demand_costs_its_work_checkpoints_and_one_restart(errand, trace):
    ride = replay(errand, trace, 0, "on demand alone", PRICES)
    saves = -(-errand.work_ns // errand.interval_ns) - 1  # nothing is saved when all is done
    hours = errand.work_ns + saves * errand.checkpoint_ns + errand.restart_ns
    assert abs(ride.hours * HOUR - hours) < 1000
    assert ride.losses == 0


def test_a_loss_throws_away_what_was_not_saved():
    """2 h of work saved every hour; the machine is gone in the fourth half hour, then back."""
    errand = Errand(2 * HOUR, 100 * HOUR, HOUR, 0, 0)
    trace = Trace("by hand", HOUR // 2, (True, True, True, False, *[True] * 8))
    ride = replay(errand, trace, 0, "greedy with a safety net", PRICES)
    assert (ride.losses, ride.hours, ride.amount.text()) == (1, 3.0, "2.500000000")


def test_prices_of_the_trace_stand_before_the_stated_one():
    errand = Errand(HOUR, 10 * HOUR, HOUR, 0, 0)
    trace = Trace("by hand", HOUR // 2, (True, True), (Fraction(1, 2), Fraction(3, 2)))
    assert replay(errand, trace, 0, "spot alone", PRICES).amount.text() == "1.000000000"


def test_many_short_ticks_agree_with_the_closed_form():
    """Losses drawn as a Poisson process: the mean of replays is E[T] within its error."""
    import random

    chance, gap, rate = random.Random(5), MINUTE, 0.2
    gone = [chance.random() < rate / 60 for _ in range(100_000)]
    trace = Trace("drawn", gap, tuple(not one for one in gone))
    errand = Errand(24 * HOUR, 10_000 * HOUR, HOUR, 3 * MINUTE, 6 * MINUTE)
    rides = [replay(errand, trace, n * 991, "spot alone", PRICES) for n in range(100)]
    paid = sum(Fraction(ride.amount.nano, 10**9) for ride in rides) / len(rides)
    exact = expected_hours(24, rate, Saving(1.0, 0.05, 0.1)) + 0.1 - 0.05
    assert float(paid) == pytest.approx(exact, rel=0.03)


def real_traces():
    found = sorted(real("spot/skypilot").glob("*us-east*"))
    return [read_trace(p.name, gzip.decompress(p.read_bytes()).decode()) for p in found]


def test_the_published_zones_are_read_whole():
    zones = real_traces()
    assert len(zones) == 6
    assert [round(z.available_hours / z.hours, 2) for z in zones] == [
        0.17,
        0.47,
        0.45,
        0.59,
        0.76,
        0.68,
    ]
    assert [z.losses for z in zones] == [253, 343, 293, 285, 145, 174]
    assert all(round(z.hours) == 1092 for z in zones)


def test_on_the_published_zones_spot_saves_most_where_it_is_there_and_is_never_late():
    zones = real_traces()
    errand = Errand(24 * HOUR, 48 * HOUR, HOUR // 2, MINUTE, 5 * MINUTE)
    often = {one.policy: one for one in compare(errand, zones[4:], PRICES, starts=4)}
    rarely = {one.policy: one for one in compare(errand, zones[:1], PRICES, starts=4)}
    for found in (often, rarely):
        greedy = found["greedy with a safety net"]
        assert greedy.late == 0
        assert found[BOUND].ratio <= greedy.ratio
    assert often["greedy with a safety net"].rides == 8
    assert often["greedy with a safety net"].ratio < Fraction(55, 100)
    assert often["greedy with a safety net"].ratio < rarely["greedy with a safety net"].ratio
    assert rarely["spot alone"].late > 0
    assert often["on demand alone"].ratio == 1


def test_published_prices_are_read_zone_by_zone():
    path = real("spot/aws_price_2020/us-east-1.p3.2xlarge.json.gz")
    text = gzip.decompress(path.read_bytes()).decode()
    every = read_trace(path.name, text)
    one = read_trace(path.name, text, zone="us-east-1b")
    assert min(every.prices) == Fraction("0.918")
    assert all(a <= b for a, b in zip(every.prices[-1000:], one.prices[-1000:], strict=True))
    with pytest.raises(BadInput, match="no prices of zone us-east-9z"):
        read_trace(path.name, text, zone="us-east-9z")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no JSON"),
        ("[]", "is no trace"),
        ('{"metadata": {"gap_seconds": 60}}', "is no trace"),
        ('{"metadata": {"gap_seconds": 0}, "data": [1]}', "has ticks"),
        ('{"metadata": {"gap_seconds": 60}, "data": []}', "has ticks"),
        ('{"SpotPriceHistory": [{"SpotPrice": "1"}]}', "lacks 'Timestamp'"),
    ],
)
def test_what_is_no_trace_is_refused(text, complaint):
    with pytest.raises(BadInput, match=complaint):
        read_trace("some.json", text)


@given(st.lists(st.integers(0, 3), min_size=1))
def test_counts_become_availability(counts):
    text = json.dumps({"metadata": {"gap_seconds": 60}, "data": counts})
    assert read_trace("x", text).available == tuple(count > 0 for count in counts)
