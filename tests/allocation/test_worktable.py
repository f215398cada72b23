"""The way of a bill through the steps: what it is made of decides how its time is divided."""

from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction

import pyarrow.parquet as pq
import pytest

from allocation.lake import (
    MONTH,
    NANO,
    agreed_parts,
    at,
    charge,
    claim,
    engine_totals,
    hand_totals,
    ns,
    numbered,
    write_lake,
)
from trainfare.allocation.engine_duckdb import worktable
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.allocation.worktable import sql_fact
from trainfare.core.errors import BadInput
from trainfare.core.period import Interval

HOUR = 3_600_000_000
START = ns(MONTH) // 1000
"""Where the month begins, in microseconds since the epoch."""


@pytest.fixture
def opened(tmp_path):
    """The worktable of a bill, its time divided."""

    @contextmanager
    def run(bill, *claims, **evidence):
        path = write_lake(tmp_path / "part-00000.parquet", numbered(bill))
        with worktable(
            [path], Evidence(claims, **evidence), NO_RULES, tmp_path, threads=1
        ) as table:
            yield table

    return run


BY_START, BY_BOTH = "place, start_us", "place, start_us, end_us"
HOURS = [charge(start=at(hour)) for hour in (3, 4, 7)]
DAYS = [charge(start=at(0, day), hours=24) for day in (2, 3)]
ODD = charge(start=at(5.5), hours=1.25)
NONE = charge(start=at(6), hours=0)


@pytest.mark.parametrize(
    ("bill", "grains", "longest", "edges", "period", "facts"),
    [
        (HOURS, [0], 1, (3, 8), BY_START, "true false false 0"),
        (DAYS, [1], 24, (24, 72), BY_START, "true false false 1"),
        ([*HOURS, *DAYS], [0, 1], 24, (3, 72), BY_BOTH, "false false true 0"),
        ([ODD], [2], 1.25, (5.5, 6.75), BY_BOTH, "true true true 2"),
        ([*HOURS, ODD], [0, 2], 1.25, (3, 8), BY_BOTH, "false true true 0"),
        ([*HOURS, NONE], [0, 3], 1, (3, 8), BY_BOTH, "false false true 0"),
        ([*DAYS, NONE], [1, 3], 24, (24, 72), BY_BOTH, "false false true 1"),
    ],
)
def test_periods_are_told_apart_by_what_grains_a_bill_has(
    opened, bill, grains, longest, edges, period, facts
):
    with opened(bill, claim("a", 4, 60, Fraction(1, 3)), claim("b", 5, 6)) as table:
        assert table.find_grains() == (grains, longest * HOUR)
        said = table.pieces
        assert said["period"] == period
        named = ("is_one_grain", "has_odd", "needs_grains", "first_grain")
        assert " ".join(str(said[name]) for name in named) == facts
        assert (said["first_us"] - START, said["last_us"] - START) == tuple(
            edge * HOUR for edge in edges
        )


def test_the_empty_bill_has_no_grain_and_no_time(opened):
    with opened([]) as table:
        assert table.find_grains() == ([], 0)
        assert (table.pieces["first_us"], table.pieces["last_us"]) == (0, 0)
        assert table.pieces["first_grain"] == 0


def test_known_lives_are_looked_at_even_where_all_periods_are_hours(opened):
    lives = [("i-0", Interval(ns(at(3)), ns(at(3.25))))]
    with opened(HOURS, claim("a", 3, 3.125), lives=lives) as table:
        assert table.pieces["needs_grains"] == "true"


@pytest.mark.parametrize(
    ("shares", "unit", "whole"),
    [
        ([Fraction(1, 2), Fraction(1, 3)], 24_024_000, 6),
        ([Fraction(3, 8)], 18_018_000, 8),
        ([1], 144_144_000, 1),
        ([], 144_144_000, 1),
    ],
)
def test_shares_are_counted_in_the_largest_unit_that_holds_them(opened, shares, unit, whole):
    claims = [claim(f"r{n}", 3, 4, share) for n, share in enumerate(shares)]
    with opened(HOURS, *claims) as table:
        said = table.pieces
        assert (said["share_unit"], said["whole"], said["whole_ticks"]) == (unit, whole, 64 * whole)
        assert (said["number"], said["scaled"]) == ("BIGINT", "BIGINT")


@pytest.mark.parametrize(
    ("exponent", "less", "number", "scaled"),
    [
        (49, 1, "BIGINT", "BIGINT"),
        (49, 0, "BIGINT", "HUGEINT"),
        (55, 1, "BIGINT", "HUGEINT"),
        (55, 0, "HUGEINT", "HUGEINT"),
    ],
)
def test_weights_are_64_bits_wide_where_they_fit(opened, exponent, less, number, scaled):
    """128 parts of a machine for 2⁵⁵ µs are 2⁶² units, and 64 times as many ticks."""
    long = charge(ChargePeriodEnd=MONTH + timedelta(microseconds=2**exponent - less))
    with opened([long], claim("a", 0, 1, Fraction(1, 128))) as table:
        assert (table.pieces["number"], table.pieces["scaled"]) == (number, scaled)


@pytest.mark.parametrize("left_out", [["ResourceId", "x_ListNano"], ["x_ListNano"]])
def test_a_file_that_lacks_a_column_is_refused_and_the_first_is_named(tmp_path, left_out):
    path = write_lake(tmp_path / "part.parquet", numbered(HOURS))
    pq.write_table(pq.read_table(path).drop_columns(left_out), path)
    told = f"not files of the lake: column {left_out[0]} is missing"
    with pytest.raises(BadInput, match=told), worktable([path], Evidence(), NO_RULES, tmp_path):
        pass


def test_missing_amounts_are_only_looked_for_where_some_are(opened):
    bill = [charge(x_ListNano=None), charge(x_ContractedNano=None, start=at(1))]
    with opened(bill) as table:
        assert table.missing() == (
            "0 AS billed_missing, 0 AS effective_missing, "
            "(count(*) - count(list))::INTEGER AS list_missing, "
            "(count(*) - count(contracted))::INTEGER AS contracted_missing"
        )


def rule(name, text, outcome, value):
    return Rule(name, parse_match(text), text, outcome, value)


RULES = Rules(
    (
        rule("pool", 'ServiceName = "S3"', Outcome.SHARED, "bytes"),
        rule("job", 'Tags.job prefix "N"', Outcome.RUN, "Night {Tags.job}"),
    )
)


def test_all_that_is_known_reaches_the_charges(tmp_path):
    """Jobs, attachments, lives, bytes, claims and ids that are derived from a rule's text."""
    bill = [
        charge(start=at(3), resource="arn:x:instance/i-0"),
        charge(start=at(3), resource="vol-1"),
        charge(start=at(3), resource="job-1"),
        charge(start=at(3), resource="i-9", hours=2.5),
        charge(start=at(3), resource=None, tags={"job": "Nine"}),
        charge(101, resource="bucket", ServiceName="S3"),
    ]
    known = Evidence(
        [claim("a", 3, 3.5), claim("b", 3.25, 3.75), claim("c", 3, 4, resource="i-9")],
        jobs={"job-1": "j"},
        attachments={"vol-1": "i-0"},
        lives=[("i-9", Interval(ns(at(3)) + 1999, ns(at(4.5)) + 1001))],
        run_bytes={"a": 3, "j": 7},
    )
    parts = agreed_parts(tmp_path, bill, known, RULES)
    owners = {(row, run or remainder, method) for row, run, remainder, method, _ in parts}
    derived = next(run for row, run, *_ in parts if row == 4)
    assert derived.startswith("night-nine")
    assert owners == {
        (0, "a", "resource_overlap"),
        (0, "b", "resource_overlap"),
        (0, "idle", "resource_overlap"),
        (1, "a", "attached"),
        (1, "b", "attached"),
        (1, "idle", "attached"),
        (2, "j", "managed_job"),
        (3, "c", "resource_overlap"),
        (3, "idle", "resource_overlap"),
        (4, derived, "job"),
        (5, "shared", "pool"),
    }
    assert parts[0, "a", None, "resource_overlap", None][0] == 10 * NANO * 3 // 8
    totals = engine_totals(tmp_path, bill, known, RULES)
    assert totals == hand_totals(bill, known, RULES)
    pooled = {key[0]: amounts[0] for key, amounts in totals.items() if key[2] == "pool"}
    assert pooled == {"a": 30, "j": 71}


def test_stale_tags_are_found_as_many_as_are_asked_for(opened):
    bill = [charge(resource=name, tags={"run_id": "old"}) for name in ("i-0", "i-1", "i-2")]
    claims = [claim("new", 0, 0.5, resource=name) for name in ("i-0", "i-1", "i-2")]
    with opened(bill, *claims) as table:
        table.divide_pools()
        table.find_stale(2)
        assert [row[0] for row in table.rows("FROM stale ORDER BY resource")] == ["i-0", "i-1"]


def test_facts_are_written_as_sql():
    assert (sql_fact(True), sql_fact(False)) == ("true", "false")
