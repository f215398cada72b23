"""Evidence: shares as whole numbers of one grid, and claims as tables of some ten thousand rows."""

import sys
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.lake import at, claim, ns
from trainfare.allocation.evidence import (
    CLAIM_COLUMNS,
    SHARE_GRID,
    arrow,
    claim_tables,
    grid_share,
)
from trainfare.core.errors import MissingExtra

NATURAL = [*range(1, 17), 24, 32, 48, 64, 96, 128, 1000]


@pytest.mark.parametrize("parts", NATURAL)
def test_the_shares_that_machines_are_cut_into_are_exact(parts):
    for count in (1, parts // 2 + 1, parts):
        assert Fraction(grid_share(Fraction(count, parts)), SHARE_GRID) == Fraction(count, parts)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (Fraction(5, 2), 3),
        (Fraction(249, 100), 2),
        (Fraction(251, 100), 3),
        (Fraction(7, 5), 1),
        (Fraction(1, 2), 1),
        (Fraction(1, 10**9), 1),
    ],
)
def test_any_other_share_is_the_nearest_and_never_nothing(parts, expected):
    assert grid_share(parts / SHARE_GRID) == expected


@given(st.fractions(min_value=Fraction(1, 10**12), max_value=1))
def test_no_share_is_further_off_than_half_a_step(share):
    exact = share * SHARE_GRID
    assert abs(grid_share(share) - exact) <= max(Fraction(1, 2), 1 - exact)


def test_claims_are_told_row_by_row_with_their_share_as_the_grid_has_it():
    claims = [
        claim("a", 0, 0.5, Fraction(3, 8), "i-0"),
        claim("b", 1, 2, Fraction(1, 1009), "i-1"),
    ]
    [table] = claim_tables(iter(claims))
    assert table.schema.names == list(CLAIM_COLUMNS)
    assert [str(kind) for kind in table.schema.types] == ["string"] * 2 + ["int64"] * 4
    near = Fraction(142_858, SHARE_GRID)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("a", "i-0", ns(at(0)), ns(at(0.5)), 3, 8),
        ("b", "i-1", ns(at(1)), ns(at(2)), near.numerator, near.denominator),
    ]


def test_many_claims_come_in_several_tables_and_none_in_none():
    one = claim("a", 0, 1)
    assert [table.num_rows for table in claim_tables([one] * 50_001)] == [50_000, 1]
    assert list(claim_tables([])) == []


def test_a_table_of_claims_is_taken_as_it_is():
    [table] = claim_tables([claim("a", 0, 1)])
    both = pa.concat_tables([table, table])
    assert list(claim_tables(both)) == [both]


def test_where_the_package_of_tables_is_missing_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="analytics"):
        arrow()
