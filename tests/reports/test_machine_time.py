"""Machine time: what a machine was there, less what runs claimed of it, at its price."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.machine import Machine
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import PriceMark, Segment
from trainfare.core.stage import Status
from trainfare.reports.machine_time import machine_times

HOURLY = Price("x", Decimal(8), "h")
DAY = Interval(0, 24 * HOUR)


def segment(start, end, *, run="node", share=Fraction(1), resource="i-1", **more):
    return Segment(
        run=run,
        id=f"{run}-{start}",
        name=None,
        labels={},
        machine=Machine(resource, "node-1"),
        share=share,
        held_devices=(),
        started_wall_ns=start,
        duration_ns=end - start,
        status=Status.FINISHED,
        **more,
    )


def node(start, end, *marks, **more):
    prices = tuple(PriceMark(at, price) for at, price in marks or [(0, HOURLY)])
    return segment(start, end, prices=prices, **more)


def test_what_no_run_claims_is_idle():
    runs = [
        segment(HOUR, 3 * HOUR, run="r-1", share=Fraction(1, 2)),
        segment(2 * HOUR, 4 * HOUR, run="r-2"),
        segment(0, 9 * HOUR, run="r-3", resource="i-other"),
    ]
    [found] = machine_times([node(0, 10 * HOUR)], runs, DAY)
    assert found.there_ns == 10 * HOUR
    # Hour 1 is half claimed, hours 2 and 3 wholly.
    assert found.idle_ns == Fraction(15 * HOUR, 2)
    assert found.idle_cost.text() == "60.000000000"
    assert (found.runs, found.is_there) == ((), False)


def test_a_machine_that_goes_on_is_held_by_the_runs_that_go_on():
    """The last sample is some seconds old on a server; until the next one it holds on."""
    now = Interval(0, 4 * HOUR)
    there = replace(node(0, 4 * HOUR - 20), status=Status.RUNNING)
    run = segment(3 * HOUR, 4 * HOUR - 9, run="r-1", share=Fraction(1, 4))
    [found] = machine_times([there], [replace(run, status=Status.RUNNING)], now)
    assert (found.there_ns, found.runs, found.held_share) == (4 * HOUR, ("r-1",), Fraction(1, 4))
    assert found.idle_cost.text() == "30.000000000"  # 3 h and three quarters of one, at 8
    assert found.idle_now_per_hour.text() == "6.000000000"


def test_restarts_of_the_agent_count_no_moment_twice():
    [found] = machine_times([node(0, 2 * HOUR), node(HOUR, 3 * HOUR)], [], DAY)
    assert (found.there_ns, found.idle_ns) == (3 * HOUR, 3 * HOUR)


def test_each_stretch_has_its_price_and_a_machine_without_one_no_money():
    dearer = Price("x", Decimal(10), "h")
    [found] = machine_times([node(0, 2 * HOUR, (0, HOURLY), (HOUR, dearer))], [], DAY)
    assert (found.idle_cost.text(), found.price) == ("18.000000000", dearer)
    [bare] = machine_times([node(0, HOUR, (0, NoPrice("x", "nobody sells it")))], [], DAY)
    assert (bare.idle_ns, bare.idle_cost, bare.idle_now_per_hour) == (HOUR, None, None)


moments = st.integers(0, 24)


@given(
    claims=st.lists(st.tuples(moments, moments, st.integers(1, 4)), max_size=6),
    window=st.tuples(moments, moments),
)
def test_idle_and_held_time_make_up_the_time_that_the_machine_was_there(claims, window):
    """Claims beyond the machine share it; idle is never below nothing."""
    runs = [
        segment(min(a, b) * HOUR, max(a, b) * HOUR, run=f"r-{n}", share=Fraction(quarter, 4))
        for n, (a, b, quarter) in enumerate(claims)
    ]
    start, end = sorted(window)
    for found in machine_times([node(0, 24 * HOUR)], runs, Interval(start * HOUR, end * HOUR)):
        by_hand = 0
        for hour in range(start, end):
            at = hour * HOUR
            shares = [r.share for r in runs if r.interval.start_ns <= at < r.interval.end_ns]
            by_hand += HOUR * (1 - min(Fraction(1), sum(shares, Fraction(0))))
        assert found.idle_ns == by_hand
        assert found.there_ns == (end - start) * HOUR
