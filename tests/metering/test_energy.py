"""Energy stays exact from millijoules to grams, and unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.metering.energy import KWH_PER_JOULE, EnergyCount, carbon_grams, kwh


@given(st.lists(st.integers(0, 10**15)))
def test_the_energy_of_parts_sums_to_the_energy_of_the_whole(parts):
    assert sum(map(kwh, parts), Fraction(0)) == kwh(sum(parts))


def test_an_h100_at_700_watts_for_an_hour_is_seven_tenths_of_a_kilowatt_hour():
    assert kwh(700 * 3600 * 1000) == Fraction(7, 10)
    assert carbon_grams(Fraction(7, 10), 400) == 280
    assert KWH_PER_JOULE * 3_600_000 == 1


@given(st.integers(0, 10**15), st.decimals(0, 2000, places=3))
def test_emissions_are_exact_in_the_users_own_decimals(millijoules, factor):
    grams = carbon_grams(kwh(millijoules), factor)
    assert grams * 3_600_000_000 == millijoules * Fraction(factor)


def test_unknown_energy_or_factor_is_unknown_emissions():
    assert kwh(None) is None
    assert carbon_grams(None, 400) is None
    assert carbon_grams(Fraction(1), None) is None
    assert carbon_grams(Fraction(1), 0) == 0


@pytest.mark.parametrize("factor", [-1, Fraction(-1, 10), Decimal("NaN"), Decimal("Infinity")])
def test_a_factor_that_cannot_be_is_refused(factor):
    with pytest.raises(BadInput, match=f"carbon factor {factor} gCO2e/kWh is"):
        carbon_grams(Fraction(1), factor)


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
