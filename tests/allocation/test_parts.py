"""Parts of charges: the stream gives of every charge what the written result sums up."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import small_worlds
from allocation.lake import NANO, at, charge, claim, hand_parts, numbered, write_lake
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.parts import stream_parts
from trainfare.allocation.proportion import ONE
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.core.charge import COLUMNS, View

slowly = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
bills = st.lists(small_worlds.charges(), min_size=1, max_size=10)


def streamed(folder, bill, evidence, rules=NO_RULES):
    """The parts as rows, and the file of the lake that they are of."""
    path = write_lake(Path(folder) / "part-00000.parquet", numbered(bill))
    batches = stream_parts([path], evidence, rules, spill=Path(folder))
    return [row for batch in batches for row in batch.to_pylist()], path


def owners(rows, amounts):
    """(run, remainder, currency, method) → nano-units per view; what costs nothing is left out."""
    sums = {view: Counter() for view in View}
    for row in rows:
        currency = row.get("BillingCurrency") or row.get("currency")
        for view in View:
            owner = row["run"], row["remainder"], currency, row["method"]
            sums[view][owner] += row[amounts.format(view.value)] or 0
    return {view: {k: v for k, v in found.items() if v} for view, found in sums.items()}


def check_law(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        rows, path = streamed(folder, bill, evidence, rules)
        out = Path(folder) / "result.parquet"
        allocate([path], evidence, rules, out=out, threads=1)
        assert owners(rows, "{}") == owners(pq.read_table(out).to_pylist(), "{}_nano")
    for number, whole in enumerate(bill):
        own = sorted((r for r in rows if r["row"] == number), key=lambda r: (r["low"], r["high"]))
        edges = [0, *(row["high"] for row in own)]
        assert [row["low"] for row in own] == edges[:-1]
        assert edges[-1] == ONE
        for view in View:
            amounts = [row[view.value] for row in own]
            if whole[view.column] is None:
                assert set(amounts) == {None}
            else:
                assert sum(amounts) == whole[view.column]
        assert {row["SubAccountId"] for row in own} == {whole.get("SubAccountId")}


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_parts_sum_to_the_charge_and_to_what_the_result_gives_their_owner(bill, evidence, rules):
    check_law(bill, evidence, rules)


@pytest.mark.long
@settings(slowly, max_examples=600)
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_many_parts_sum_to_what_the_result_gives_their_owner(bill, evidence, rules):
    check_law(bill, evidence, rules)


@slowly
@given(bills, small_worlds.evidence())
def test_every_part_is_the_one_by_hand(bill, evidence):
    with TemporaryDirectory() as folder:
        rows, _ = streamed(folder, bill, evidence)
    found = {}
    for row in rows:
        key = (row["row"], row["run"], row["remainder"], row["method"], row["label"])
        assert key not in found
        found[key] = tuple(row[view.value] for view in View)
    assert found == hand_parts(bill, evidence)


def test_a_shared_charge_is_divided_over_runs_with_what_no_run_claims_of_it(tmp_path):
    """Three charges of a nano each over two runs: the pool is divided as a whole, 2 and 1."""
    tax = [charge(1, resource=None, ChargeCategory="Tax") for _ in range(3)]
    bill = [charge(), charge(start=at(1)), *tax]
    evidence = Evidence([claim("a", 0, 1), claim("b", 1, 2)])
    match = parse_match('ChargeCategory = "Tax"')
    rules = Rules((Rule("tax", match, "", Outcome.SHARED, "even"),))
    rows, _ = streamed(tmp_path, bill, evidence, rules)
    pooled = [row for row in rows if row["method"] == "tax"]
    assert [row["run"] for row in pooled] == ["a", "b"] * 3
    assert sum(row["billed"] for row in pooled if row["run"] == "a") == 1
    assert sum(row["billed"] for row in pooled if row["run"] == "b") == 2
    assert {(row["low"], row["high"]) for row in pooled} == {(0, ONE // 2), (ONE // 2, ONE)}


def test_charges_come_in_order_with_all_their_columns(tmp_path):
    bill = [
        charge(NANO, start=at(hour), ChargeDescription=f"hour {hour}", PricingUnit="Hours")
        for hour in range(30)
    ]
    rows, path = streamed(tmp_path, bill, Evidence([claim("a", 0.5, 20), claim("b", 3, 9)]))
    assert [row["row"] for row in rows] == sorted(row["row"] for row in rows)
    assert {row["file"] for row in rows} == {str(path)}
    assert set(COLUMNS) <= set(rows[0])
    assert all(row["ChargeDescription"] == f"hour {row['row']}" for row in rows)


def test_a_pool_of_more_runs_than_are_looked_up_at_once_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("trainfare.allocation.parts._TOGETHER", 2)
    bill = [charge(), charge(7, resource=None, ChargeCategory="Tax")]
    evidence = Evidence([claim(f"r{n}", n / 5, (n + 1) / 5) for n in range(5)])
    match = parse_match('ChargeCategory = "Tax"')
    rules = Rules((Rule("tax", match, "", Outcome.SHARED, "even"),))
    rows, _ = streamed(tmp_path, bill, evidence, rules)
    pooled = sorted((row["run"], row["billed"]) for row in rows if row["method"] == "tax")
    assert pooled == [("r0", 1), ("r1", 1), ("r2", 2), ("r3", 1), ("r4", 2)]
