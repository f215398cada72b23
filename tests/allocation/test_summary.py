"""The summary of an allocation: every amount of the bill stands somewhere, and what is odd is told."""

from pathlib import Path

import pytest

from allocation.lake import NANO, at, charge, claim, numbered, write_lake
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.allocation.summary import Standing, standing_of
from trainfare.core.charge import Remainder, View

LABEL = Rule("vision", parse_match('SubAccountId = "1"'), "", Outcome.LABEL, "team=vision")


def views(billed, effective, listed, contracted):
    amounts = (billed, effective, listed, contracted)
    return {view.column: amount for view, amount in zip(View, amounts, strict=True)}


@pytest.fixture
def summary(tmp_path):
    def run(bill, *claims, rules=NO_RULES):
        path = write_lake(tmp_path / "part-00000.parquet", numbered(bill))
        return allocate([path], Evidence(claims), rules, out=tmp_path / "result.parquet")

    return run


def test_every_amount_stands_with_the_runs_or_with_one_remainder(summary):
    """Run a has a quarter of the first hour; a view without an amount is counted as missing."""
    euros = {"BillingCurrency": "EUR"}
    found = summary(
        [
            charge(**views(13 * NANO, 11 * NANO, 17 * NANO, None)),
            charge(resource="i-9", **views(700, 500, 900, 600)),
            charge(ChargeCategory="Tax", **views(31, None, 37, 47)),
            charge(CommitmentDiscountStatus="Unused", **views(0, 41, None, 59)),
            charge(resource="i-7", tags={"run_id": "b"}, **views(19, None, 29, 43)),
            charge(resource="i-5", **euros, **views(23, 21, 27, 25)),
            charge(resource="i-6", SubAccountId="1", **euros, **views(53, 51, 57, 55)),
        ],
        claim("a", 0, 0.25),
        claim("c", 0, 1, resource="i-5"),
        rules=Rules((LABEL,)),
    )
    assert (found.charges, found.rows) == (7, 8)
    told = {
        (one.currency, one.view.value): (one.runs, *one.remainders.values(), one.missing)
        for one in found.outcomes
    }
    assert list(Remainder) == ["idle", "shared", "unused_commitment", "unallocated"]
    assert told == {
        ("EUR", "billed"): (23, 0, 53, 0, 0, 0),
        ("EUR", "effective"): (21, 0, 51, 0, 0, 0),
        ("EUR", "list"): (27, 0, 57, 0, 0, 0),
        ("EUR", "contracted"): (25, 0, 55, 0, 0, 0),
        ("USD", "billed"): (3_250_000_019, 9_750_000_000, 0, 0, 731, 0),
        ("USD", "effective"): (2_750_000_000, 8_250_000_000, 0, 41, 500, 2),
        ("USD", "list"): (4_250_000_029, 12_750_000_000, 0, 0, 937, 1),
        ("USD", "contracted"): (43, 0, 0, 59, 647, 1),
    }
    assert list(told) == sorted(told, key=lambda key: key[0])
    assert [one.bill for one in found.outcomes] == [
        76, 72, 84, 80, 13_000_000_750, 11_000_000_541, 17_000_000_966, 749,
    ]  # fmt: skip
    assert found.methods == {
        ("EUR", "resource_overlap"): 21,
        ("USD", "resource_overlap"): 2_750_000_000,
    }
    assert found.out.name == "result.parquet"


def test_standings_of_one_owner_are_added_row_by_row_and_view_by_view():
    one = standing_of(("EUR", "idle", "attached", 3, 2, 101, None, 7, -13))
    other = standing_of(("EUR", "idle", "attached", 5, 1, 17, 19, None, 23))
    assert one == Standing("EUR", "idle", "attached", 3, 2, (101, 0, 7, -13))
    assert one.plus(other) == Standing("EUR", "idle", "attached", 8, 3, (118, 19, 7, 10))


def tagged(hour, resource, nano, tag="old"):
    return charge(nano * NANO, start=at(hour), resource=resource, tags={"run_id": tag})


def test_stale_tags_are_told_with_what_they_did_not_get_the_costliest_first(summary):
    found = summary(
        [tagged(0, "i-0", 8), tagged(0, "i-1", 24, "older"), tagged(1, "i-1", 16, "older")],
        claim("new", 0, 0.25),
        claim("newer", 0, 0.5, resource="i-1"),
        claim("newest", 1, 1.25, resource="i-1"),
    )
    assert [
        (one.resource, one.tag_run, one.runs, one.currency, one.claimed_nano, one.idle_nano)
        for one in found.stale_tags
    ] == [
        ("i-1", "older", ("newer", "newest"), "USD", 16 * NANO, 24 * NANO),
        ("i-0", "old", ("new",), "USD", 2 * NANO, 6 * NANO),
    ]
    assert found.stale_tag_count == 2
    assert (found.unbilled, found.unbilled_count) == ((), 0)


def test_one_of_each_oddity_is_told_as_one(summary):
    claims = claim("new", 0, 1), claim("new", 0, 1, resource="lost")
    found = summary([tagged(0, "i-0", 8)], *claims)
    assert [one.resource for one in found.stale_tags] == ["i-0"]
    assert found.stale_tag_count == 1
    assert (found.unbilled, found.unbilled_count) == (("lost",), 1)


def test_a_hundred_of_each_oddity_are_told_and_all_are_counted(summary):
    names = [f"i-{number:03}" for number in range(103)]
    lost = [claim("a", 0, 1, resource=f"lost-{number:03}") for number in range(102)]
    found = summary(
        [tagged(0, name, 1) for name in names],
        *(claim("new", 0, 0.5, resource=name) for name in names),
        *lost,
    )
    assert (len(found.stale_tags), found.stale_tag_count) == (100, 103)
    assert (len(found.unbilled), found.unbilled_count) == (100, 102)
    assert found.unbilled[::33] == ("lost-000", "lost-033", "lost-066", "lost-099")


def test_a_bill_with_nothing_odd_tells_of_nothing(summary):
    found = summary([charge()], claim("a", 0, 1))
    assert (found.stale_tags, found.stale_tag_count) == ((), 0)
    assert (found.unbilled, found.unbilled_count) == ((), 0)
    assert isinstance(found.out, Path)
