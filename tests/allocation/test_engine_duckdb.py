"""The engine gives, charge by charge and summed, what the reference gives, and loses nothing."""

import random
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import small_worlds
from allocation.lake import (
    NANO,
    agreed_parts,
    at,
    charge,
    claim,
    engine_parts,
    engine_totals,
    hand_parts,
    hand_totals,
    numbered,
    write_lake,
)
from trainfare.allocation import engine_duckdb
from trainfare.allocation.database import OutOfMemory
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import CLAIM_COLUMNS, Evidence, claim_tables
from trainfare.core.charge import Remainder, View
from trainfare.core.errors import BadInput, NotFound, OutsideFailed

slowly = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
bills = st.lists(small_worlds.charges(), min_size=1, max_size=10)


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_every_charge_is_divided_as_by_hand(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        agreed_parts(Path(folder), bill, evidence, rules)


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_the_result_sums_to_what_parts_and_pools_by_hand_sum_to(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        found = engine_totals(Path(folder), bill, evidence, rules)
    assert found == hand_totals(bill, evidence, rules)


@pytest.mark.long
@settings(slowly, max_examples=1500)
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_many_charges_are_divided_as_by_hand(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        assert engine_parts(Path(folder), bill, evidence, rules) == hand_parts(
            bill, evidence, rules
        )


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets(), st.randoms())
def test_the_order_of_charges_and_claims_changes_nothing(bill, evidence, rules, shuffler):
    charges, claims = list(bill), list(evidence.claims)
    shuffler.shuffle(charges)
    shuffler.shuffle(claims)
    mixed = Evidence(
        claims, evidence.jobs, evidence.attachments, evidence.lives, evidence.run_bytes
    )
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        first = engine_totals(Path(one), bill, evidence, rules)
        assert engine_totals(Path(two), charges, mixed, rules) == first


def test_rows_say_what_and_where(tmp_path):
    bill = [
        charge(SubAccountId="1", RegionId="us-east-1", tags={"run_id": "b", "team": "nlp"}),
        charge(x_ListNano=None, start=at(1), ChargeClass="Correction"),
    ]
    path = write_lake(tmp_path / "part.parquet", bill)
    summary = allocate([path], Evidence(claims=[claim("a", 0, 1.5)]), out=tmp_path / "out.parquet")
    rows = pq.read_table(summary.out).to_pylist()
    assert sorted((row["run"] or "", row["remainder"], row["effective_nano"]) for row in rows) == [
        ("", "idle", 5 * NANO),
        ("a", None, 5 * NANO),
        ("a", None, 10 * NANO),
    ]
    late = next(row for row in rows if row["remainder"] == "idle")
    assert late["is_correction"]
    assert late["list_nano"] is None
    assert late["list_missing"] == 1
    assert late["label"] is None
    early = next(row for row in rows if row["tag_run"] == "b")
    assert (early["account"], early["region"], early["resource"]) == ("1", "us-east-1", "i-0")
    assert (early["component"], early["currency"], early["charges"]) == ("compute", "USD", 1)
    assert str(early["day"]) == "2026-10-01"


def test_the_summary_is_the_bill(tmp_path):
    bill = [
        charge(),
        charge(5, BillingCurrency="EUR", resource=None, x_ListNano=None),
        charge(3, ChargeCategory="Tax", resource=None),
        charge(2, CommitmentDiscountStatus="Unused"),
    ]
    path = write_lake(tmp_path / "part.parquet", bill)
    summary = allocate([path], Evidence(claims=[claim("a", 0, 0.5)]), out=tmp_path / "out.parquet")
    found = {(each.currency, each.view): each for each in summary.outcomes}
    euro, dollar = found["EUR", View.LIST], found["USD", View.BILLED]
    assert (euro.bill, euro.missing) == (0, 1)
    assert dollar.bill == 10 * NANO + 5
    assert dollar.runs == 5 * NANO
    assert dollar.remainders == {
        Remainder.IDLE: 5 * NANO,
        Remainder.SHARED: 0,
        Remainder.UNUSED_COMMITMENT: 2,
        Remainder.UNALLOCATED: 3,
    }
    assert summary.methods == {("USD", "resource_overlap"): 5 * NANO}
    assert (summary.charges, summary.rows) == (4, 5)


def test_stale_tags_and_claims_without_a_bill_are_told(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge(tags={"run_id": "old"})])
    claims = [claim("new", 0, 0.75), claim("new", 0, 1, resource="i-lost")]
    summary = allocate([path], Evidence(claims=claims), out=tmp_path / "out.parquet")
    [stale] = summary.stale_tags
    assert (stale.resource, stale.tag_run, stale.runs) == ("i-0", "old", ("new",))
    assert (stale.claimed_nano, stale.idle_nano) == (7_500_000_000, 2_500_000_000)
    assert summary.stale_tag_count == 1
    assert (summary.unbilled, summary.unbilled_count) == (("i-lost",), 1)


def test_a_tag_that_agrees_with_its_claim_is_not_stale(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge(tags={"run_id": "a"})])
    summary = allocate([path], Evidence(claims=[claim("a", 0, 0.5)]), out=tmp_path / "out.parquet")
    assert summary.stale_tags == ()


def test_claims_can_come_as_a_table_or_a_file(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge()])
    [table] = claim_tables([claim("a", 0, 0.5, Fraction(1, 3))])
    pq.write_table(table, tmp_path / "claims.parquet")
    assert table.column_names == list(CLAIM_COLUMNS)
    results = []
    for source in (table, tmp_path / "claims.parquet", [claim("a", 0, 0.5, Fraction(1, 3))]):
        summary = allocate([path], Evidence(claims=source), out=tmp_path / "out.parquet")
        results.append([outcome.runs for outcome in summary.outcomes])
    assert results == [[1_666_666_666] * 4] * 3


def test_many_files_are_one_bill(tmp_path):
    """A resource's paid time is told by all of its charges, in whichever file they are."""
    bill = numbered(
        [
            charge(ConsumedQuantity="0.5", ConsumedUnit="Hours"),
            charge(-NANO, ChargeCategory="Credit"),
        ]
    )
    whole = write_lake(tmp_path / "whole.parquet", bill)
    parts = [write_lake(tmp_path / f"part'[{n}]*.parquet", [row]) for n, row in enumerate(bill)]
    evidence = Evidence(claims=[claim("a", 0, 0.25)])
    one = allocate([whole], evidence, out=tmp_path / "one.parquet")
    two = allocate(parts, evidence, out=tmp_path / "two.parquet")
    assert one.outcomes == two.outcomes


def test_many_claims_on_one_hour_leave_nothing_idle(tmp_path):
    claims = [claim(f"r-{n}", 0, 1) for n in range(10_000)]
    path = write_lake(tmp_path / "part.parquet", [charge(NANO + 7)])
    summary = allocate([path], Evidence(claims=claims), out=tmp_path / "out.parquet")
    billed = summary.outcomes[0]
    assert (billed.runs, billed.bill) == (NANO + 7, NANO + 7)
    assert summary.rows == 10_000


def test_little_memory_is_enough(tmp_path):
    """Claims and charges of a month on 20 machines, in 60 MB."""
    dice = random.Random(7)
    bill = [
        charge(dice.randrange(10**10), start=at(hour), resource=f"i-{n}")
        for hour in range(200)
        for n in range(20)
    ]
    claims = [
        claim(f"r-{n}", start, start + 3 * dice.random(), resource=f"i-{dice.randrange(20)}")
        for n in range(2000)
        for start in [200 * dice.random()]
    ]
    path = write_lake(tmp_path / "part.parquet", bill)
    evidence = Evidence(claims=claims)
    small = allocate([path], evidence, out=tmp_path / "a.parquet", memory_limit="60MB", threads=1)
    large = allocate([path], evidence, out=tmp_path / "b.parquet", memory_limit="1GB", threads=2)
    assert small.outcomes == large.outcomes
    assert small.outcomes[0].bill == sum(row["x_BilledNano"] for row in bill)


def test_where_the_usual_memory_does_not_do_more_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_duckdb, "MEMORY_LIMIT", "1MB")
    path = write_lake(tmp_path / "part.parquet", [charge()])
    done = allocate([path], Evidence(), out=tmp_path / "out.parquet")
    assert done.outcomes[0].bill == 10 * NANO
    monkeypatch.setattr(engine_duckdb, "LARGER_LIMITS", ("2MB",))
    with pytest.raises(OutsideFailed, match=r"memory_limit=2MB .*; raise the limit"):
        allocate([path], Evidence(), out=tmp_path / "out.parquet")


def test_nothing_is_left_beside_a_result(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge()])
    (tmp_path / "results").mkdir()
    allocate([path], Evidence(), out=tmp_path / "results" / "out.parquet")
    assert [each.name for each in (tmp_path / "results").iterdir()] == ["out.parquet"]


def test_a_failure_leaves_the_earlier_result(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge(2**63 - 1), charge(2**63 - 1)])
    out = tmp_path / "out.parquet"
    out.write_text("earlier")
    with pytest.raises(BadInput, match=r"beyond ±9[.]2 thousand million units"):
        allocate([path], Evidence(), out=out)
    assert out.read_text() == "earlier"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.parquet", "part.parquet"]


def test_wrong_files_are_said(tmp_path):
    with pytest.raises(BadInput, match="no charges to allocate"):
        allocate([], Evidence(), out=tmp_path / "out.parquet")
    with pytest.raises(NotFound, match=r"no file .*none\.parquet"):
        allocate([tmp_path / "none.parquet"], Evidence(), out=tmp_path / "out.parquet")
    junk = tmp_path / "junk.parquet"
    junk.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises((BadInput, OutsideFailed), match=r"import the bill again|whole Parquet"):
        allocate([junk], Evidence(), out=tmp_path / "out.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(BadInput, match="not files of the lake"):
        allocate([other], Evidence(), out=tmp_path / "out.parquet")


def test_an_empty_bill_is_allocated_to_nobody(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [])
    summary = allocate([path], Evidence(claims=[claim("a", 0, 1)]), out=tmp_path / "out.parquet")
    assert (summary.charges, summary.rows, summary.outcomes) == (0, 0, ())


@slowly
@given(bills, small_worlds.evidence(), small_worlds.evidence(), small_worlds.rule_sets())
def test_a_kept_survey_changes_nothing(bill, before, after, rules):
    """What is found out about a bill before claims are looked at holds for any claims."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = write_lake(folder / "part.parquet", numbered(bill))
        keep = folder / "keep"
        allocate([path], before, rules, out=folder / "0.parquet", keep=keep)
        kept = allocate([path], after, rules, out=folder / "1.parquet", keep=keep)
        fresh = allocate([path], after, rules, out=folder / "2.parquet")
    assert (kept.outcomes, kept.methods) == (fresh.outcomes, fresh.methods)
    assert (kept.rows, kept.stale_tags) == (fresh.rows, fresh.stale_tags)


@pytest.mark.parametrize(
    ("given", "least", "tried"),
    [
        (None, "240MB", ["240MB"]),
        (None, "512MB", ["240MB", "512MB"]),
        (None, "4GB", ["240MB", "512MB", "1GB", "2GB", "4GB"]),
        (None, "never", ["240MB", "512MB", "1GB", "2GB", "4GB"]),
        ("1GB", "1GB", ["1GB"]),
        ("1GB", "2GB", ["1GB"]),
    ],
)
def test_memory_is_only_raised_where_nobody_said_how_much(given, least, tried):
    seen = []

    def work(limit):
        seen.append(limit)
        if limit != least:
            raise OutOfMemory("memory ran out")
        return limit

    if tried[-1] == least:
        assert engine_duckdb.in_memory(given, work) == least
    else:
        with pytest.raises(OutOfMemory):
            engine_duckdb.in_memory(given, work)
    assert seen == tried


@pytest.mark.parametrize("crowd", [0, 7, 10**9])
def test_periods_of_several_runs_are_divided_a_few_at_a_time(tmp_path, monkeypatch, crowd):
    """One period at a time, two of five, or all at once: no period is left out or divided twice."""
    monkeypatch.setattr(engine_duckdb, "_CROWD", crowd)
    bill = [charge(101 + hour, start=at(hour)) for hour in range(5)]
    claims = [claim("a", 0, 4.5), claim("b", 0.25, 5), claim("c", 0.5, 4.75, Fraction(3, 7))]
    agreed_parts(tmp_path, bill, Evidence(claims))
