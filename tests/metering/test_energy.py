"""Counter and powers of a device add up to one energy that never runs backwards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainfare.metering.energy import EnergyCount

powers = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 700_000)), min_size=2, max_size=50)


@given(powers, st.lists(st.booleans(), min_size=50, max_size=50))
def test_a_counter_that_is_read_now_and_then_settles_what_powers_say(steps, asked):
    """Energy never falls, is off by what powers missed since the counter, and by nothing at it."""
    count, at_ns, true_mj = EnergyCount(), 0, 10**9
    count.add_counter(true_mj, at_ns=0)
    count.add_power(0, at_ns=0)
    before = 0
    for (seconds, power), is_asked in zip(steps, asked, strict=False):
        at_ns += seconds * 10**9
        true_mj += seconds * power  # the power of the last stretch held all of it
        count.add_power(power, at_ns=at_ns)
        if is_asked:
            count.add_counter(true_mj, at_ns=at_ns)
        assert count.millijoules >= before
        before = count.millijoules
    assert count.source == "counter"
    count.add_counter(true_mj + 10**9, at_ns=at_ns + 1)
    assert count.millijoules == max(before, true_mj + 10**9 - 10**9)


def test_a_counter_that_begins_anew_loses_nothing_that_it_counts():
    count = EnergyCount()
    for reading in (500, 900, 100, 300):
        count.add_counter(reading, at_ns=0)
    assert count.millijoules == 400 + 100 + 200
