"""Coverage: pooled corrections sum to nothing, each part pays the pool's rate, and without
commitments the bill is what it says on demand."""

from collections import Counter, defaultdict
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import small_worlds
from allocation.lake import MONTH, NANO, at, charge, claim, ns, numbered, write_lake
from trainfare.allocation.coverage import HOURS, NONE, POOLED, read_covered_hours, write_coverage
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.parts import stream_parts
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.core.charge import Remainder, View
from trainfare.core.period import HOUR

slowly = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def committed(draw):
    """A charge that a commitment covers, could have covered, or left unused; or one of another kind."""
    row = draw(small_worlds.charges())
    status = draw(st.sampled_from([None, "Used", "Used", "Unused"]))
    row |= {
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountId": draw(st.sampled_from(["sp-1", "sp-2", None])),
        "x_InstanceType": draw(st.sampled_from(["p5", "g5", None])),
        "ServiceProviderName": draw(st.sampled_from(["AWS", "Microsoft"])),
        "PricingCategory": draw(st.sampled_from([None, "Standard", "Dynamic"])),
    }
    for view in View:
        row[view.column] = draw(st.one_of(st.integers(-50, 10**13), st.none()))
    return row


bills = st.lists(committed(), min_size=1, max_size=10)


def covered(folder, bill, evidence, rules=NO_RULES):
    """(parts, corrections pooled, corrections without, hours) of *bill*."""
    place = Path(folder)
    path = write_lake(place / "part-00000.parquet", numbered(bill))
    out = place / "coverage"
    out.mkdir()
    write_coverage([path], evidence, rules, out=out)
    batches = stream_parts([path], evidence, rules, spill=place)
    parts = [row for batch in batches for row in batch.to_pylist()]
    pooled, none = (pq.read_table(out / name).to_pylist() for name in (POOLED, NONE))
    return parts, pooled, none, read_covered_hours([out / HOURS])


def is_coverable(part):
    """The rule by hand: what commitments touched, and compute that is not spot."""
    if part["ChargeClass"] == "Correction" or part["effective"] is None:
        return False
    if part["ChargePeriodStart"] >= part["ChargePeriodEnd"]:
        return False
    if part["CommitmentDiscountStatus"] == "Unused":
        return True
    if part["ChargeCategory"] != "Usage":
        return False
    is_open = part["x_Component"] == "compute" and part["PricingCategory"] != "Dynamic"
    return part["CommitmentDiscountStatus"] is not None or is_open


def on_demand(part):
    """What a part would cost without commitments, by hand; None where the bill does not say."""
    if part["CommitmentDiscountStatus"] == "Unused":
        return None
    if (part["x_ContractedNano"] or 0) > 0:
        return part["contracted"]
    return part["list"] if (part["x_ListNano"] or 0) > 0 else None


def sku(part):
    sku_of = part["x_InstanceType"] or part["SkuId"] or ""
    return part["ServiceProviderName"], part["RegionId"] or "", sku_of, part["BillingCurrency"]


def owner(row):
    return row["run"], row["remainder"], row.get("currency") or row.get("BillingCurrency")


def by_owner(rows):
    sums = Counter()
    for row in rows:
        sums[owner(row)] += row["effective_nano"]
    return {key: nano for key, nano in sums.items() if nano}


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_a_pool_costs_what_it_does_and_each_pays_its_rate(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        parts, pooled, _, _ = covered(folder, bill, evidence, rules)
    parts = [one for one in parts if is_coverable(one)]
    reach = {sku(one) for one in parts if one["CommitmentDiscountStatus"] == "Used"}
    pools = defaultdict(list)
    for one in parts:
        if sku(one) in reach and one["CommitmentDiscountStatus"] != "Unused":
            pools[one["ServiceProviderName"], one["BillingCurrency"]].append(one)
    exact = Counter()
    for members in pools.values():
        own = [one for one in members if on_demand(one) is not None]
        whole = sum(one["effective"] for one in own)
        total = sum(on_demand(one) for one in own)
        for one in own if total else ():
            exact[owner(one)] += Fraction(whole * on_demand(one), total) - one["effective"]
    for currency in {one["BillingCurrency"] for one in bill}:
        assert sum(r["effective_nano"] for r in pooled if r["currency"] == currency) == 0
    found = by_owner(pooled)
    for key in exact.keys() | found.keys():
        # Parts of one owner and description are rounded together, and descriptions up to once each.
        assert abs(found.get(key, 0) - exact[key]) <= 2 * len(parts)


@slowly
@given(bills, small_worlds.evidence(), small_worlds.rule_sets())
def test_without_commitments_what_they_covered_is_paid_on_demand(bill, evidence, rules):
    with TemporaryDirectory() as folder:
        parts, _, none, hours = covered(folder, bill, evidence, rules)
    exact, paid = Counter(), Counter()
    for one in filter(is_coverable, parts):
        paid[owner(one)] += one["effective"]
        if one["CommitmentDiscountStatus"] == "Unused":
            exact[owner(one)] -= one["effective"]
        elif one["CommitmentDiscountStatus"] == "Used" and on_demand(one) is not None:
            exact[owner(one)] += on_demand(one) - one["effective"]
    assert by_owner(none) == {key: nano for key, nano in exact.items() if nano}
    told = Counter()
    for hour in hours:
        told[hour.run, hour.remainder, hour.currency] += hour.effective
    assert {k: n for k, n in told.items() if n} == {k: n for k, n in paid.items() if n}


def hour(nano, demand, resource, start=0, status=None, **columns):
    """An hour of a machine that costs *nano* and *demand* on demand."""
    columns |= {"x_ContractedNano": demand, "x_ListNano": demand, "x_InstanceType": "p5"}
    if status is not None:
        columns |= {"CommitmentDiscountStatus": status, "CommitmentDiscountId": "sp-1"}
    return charge(nano, resource=resource, start=at(start), ServiceProviderName="AWS", **columns)


TWO_RUNS = Evidence([claim("a", 0, 1), claim("b", 0, 1, resource="i-1")])


def test_two_runs_that_would_cost_the_same_pay_the_same(tmp_path):
    """One machine was covered at 60, the other paid 100 on demand: both pay 80."""
    bill = [
        hour(60 * NANO, 100 * NANO, "i-0", status="Used"),
        hour(100 * NANO, 100 * NANO, "i-1"),
        charge(5 * NANO, resource=None, CommitmentDiscountStatus="Unused",
               CommitmentDiscountId="sp-1", ServiceProviderName="AWS"),
        hour(9 * NANO, 30 * NANO, "i-1", start=1, PricingCategory="Dynamic"),
        charge(7 * NANO, resource="i-1", start=at(0), x_InstanceType="t3",
               ServiceProviderName="AWS"),
    ]  # fmt: skip
    _, pooled, none, _ = covered(tmp_path, bill, TWO_RUNS)
    assert by_owner(pooled) == {("a", None, "USD"): 20 * NANO, ("b", None, "USD"): -20 * NANO}
    assert by_owner(none) == {
        ("a", None, "USD"): 40 * NANO,
        (None, Remainder.UNUSED_COMMITMENT.value, "USD"): -5 * NANO,
    }


def test_a_nano_is_never_lost(tmp_path):
    bill = [
        hour(1, 3, "i-0", status="Used"),
        hour(1, 3, "i-1", start=0),
        hour(5, 7, "i-1", start=0),
    ]
    _, pooled, _, _ = covered(tmp_path, bill, TWO_RUNS)
    assert sum(by_owner(pooled).values()) == 0


@pytest.mark.parametrize("name", [POOLED, NONE])
def test_corrections_are_read_beside_the_result_that_they_correct(tmp_path, name):
    """They have its columns in its order, its types, and its words for who, when and how."""
    bill = [
        hour(60 * NANO, 100 * NANO, "i-0", status="Used", SubAccountId="one", RegionId="eu"),
        hour(100 * NANO, 100 * NANO, "i-1", RegionId="eu"),
        hour(11 * NANO, 20 * NANO, None, status="Used", RegionId="eu", ServiceName="Tax office"),
        {**charge(4 * NANO, resource="i-1", status=None), "ChargePeriodEnd": MONTH + timedelta(1)},
    ]
    match = parse_match('ServiceName = "Tax office"')
    rules = Rules((Rule("office", match, "", Outcome.SHARED, "even"),))
    covered(tmp_path, bill, TWO_RUNS, rules)
    lake = tmp_path / "part-00000.parquet"
    allocate([lake], TWO_RUNS, rules, out=tmp_path / "result.parquet")
    result = pq.read_table(tmp_path / "result.parquet")
    found = pq.read_table(tmp_path / "coverage" / name)
    assert found.schema.names == result.schema.names
    words = ("run", "remainder", "method", "label", "resource", "service", "account", "region",
             "component", "day", "currency", "charge_category")  # fmt: skip
    known = {tuple(row[word] for word in words) for row in result.to_pylist()}
    assert found.num_rows
    assert {tuple(row[word] for word in words) for row in found.to_pylist()} <= known


def test_an_hour_of_coverage_is_told_with_who_had_it(tmp_path):
    """Two hours and a half of a covered machine: a has a half; what was left and spot are nobody's."""
    bill = [
        hour(61, 103, "i-0", start=2, status="Used", RegionId="eu", ChargePeriodEnd=at(4.5)),
        hour(29, None, "i-0", start=2, RegionId="eu"),
        hour(17, None, None, start=2, status="Unused", RegionId="eu"),
        hour(13, 19, "i-0", start=2, RegionId="eu", PricingCategory="Dynamic"),
        hour(None, 23, "i-0", start=2, RegionId="eu"),
    ]
    _, _, _, found = covered(tmp_path, bill, Evidence([claim("a", 2, 3.25)]))
    first = ns(MONTH) // HOUR + 2
    shown = [
        (one.sku, one.commitment, one.is_unused, one.run or str(one.remainder), one.on_demand,
         one.effective, one.unpriced, one.hours) for one in found
    ]  # fmt: skip
    whole, one = range(first, first + 3), range(first, first + 1)
    assert sorted(shown, key=lambda each: (each[0], str(each[1]), each[3])) == [
        ("p5", None, False, "a", 0, 29, 1, one),
        ("p5", "sp-1", False, "a", 51, 30, 0, whole),
        ("p5", "sp-1", False, "idle", 52, 31, 0, whole),
        ("p5", "sp-1", True, "unused_commitment", 0, 17, 0, one),
    ]
    assert {type(one.remainder) for one in found} == {Remainder, type(None)}
    assert read_covered_hours([]) == []
