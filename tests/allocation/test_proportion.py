"""Proportions divide without losing anything, the same in Python and in SQL."""

from fractions import Fraction
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.proportion import MACROS, ONE, portion, proportion

NARROW = 2**41
"""Totals below it are divided in 64 bits, others in 128; the seam must not show."""

amounts = st.integers(-(2**63) + 1, 2**63 - 1)
edges = st.lists(st.integers(0, ONE), max_size=8).map(lambda inner: [0, *sorted(inner), ONE])


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    for macro in MACROS:
        connection.execute(macro)
    yield connection
    connection.close()


@given(amounts, edges)
def test_parts_up_to_the_whole_sum_to_the_amount(amount, cuts):
    """Conservation of a single charge: whatever the proportions, nothing is lost."""
    parts = [portion(amount, high) - portion(amount, low) for low, high in pairwise(cuts)]
    assert sum(parts) == amount


@given(amounts, st.integers(0, ONE))
def test_a_refund_is_divided_as_the_charge_it_takes_back(amount, share):
    assert portion(-amount, share) == -portion(amount, share)


@given(st.integers(-(10**12), 10**12), st.integers(1, 3_600_000), st.data())
def test_a_part_of_a_common_charge_is_the_exact_floor(amount, total, data):
    """Up to a thousand units of money, milliseconds of an hour divide without any error."""
    part = data.draw(st.integers(0, total))
    exact = abs(amount) * part // total
    assert abs(portion(amount, proportion(ONE, part, total))) == exact


@given(amounts, st.integers(1, 10**18), st.data())
def test_a_part_of_any_charge_is_off_by_less_than_a_nano_and_its_rounding(amount, total, data):
    part = data.draw(st.integers(0, total))
    exact = Fraction(amount * part, total)
    error = abs(portion(amount, proportion(ONE, part, total)) - exact)
    assert error < 1 + Fraction(abs(amount), ONE)


@given(st.integers(0, ONE), st.integers(1, 2**90), st.data())
def test_a_proportion_never_exceeds_its_whole_and_reaches_it(whole, total, data):
    part = data.draw(st.integers(0, total))
    assert 0 <= proportion(whole, part, total) <= whole
    assert proportion(whole, total, total) == whole


totals = st.one_of(
    st.integers(1, 10),
    st.integers(1, NARROW + 10),
    st.integers(NARROW - 10, NARROW + 10),
    st.integers(1, 2**94),
)


@given(st.one_of(st.integers(0, ONE), st.just(ONE)), totals, st.data())
def test_sql_makes_the_same_proportions(database, whole, total, data):
    part = data.draw(st.one_of(st.integers(0, total), st.sampled_from([0, total])))
    query = f"SELECT proportion({whole}::BIGINT, {part}::HUGEINT, {total}::HUGEINT)"
    assert database.execute(query).fetchone() == (proportion(whole, part, total),)


@given(
    st.one_of(amounts, st.integers(-(10**12), 10**12), st.sampled_from([ONE - 1, ONE, -ONE])),
    st.lists(st.integers(0, ONE), min_size=2, max_size=2).map(sorted),
)
def test_sql_makes_the_same_parts(database, amount, cuts):
    """Beyond ONE nano-units the SQL goes on in 128 bits; the seam must not show."""
    low, high = cuts
    query = f"SELECT part({amount}::BIGINT, {low}::BIGINT, {high}::BIGINT)"
    assert database.execute(query).fetchone() == (portion(amount, high) - portion(amount, low),)
