"""Shared charges are divided by the rule, to the nano, and stay shared where nobody takes part."""

import pytest

from allocation.lake import NANO, at, charge, claim, engine_totals, hand_totals
from trainfare.allocation.by_hand import allocate_by_hand
from trainfare.allocation.by_hand_pools import totals_by_hand
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import Outcome, Rule, Rules

POOL = {"resource": "bucket", "ServiceName": "S3", "x_Component": "storage"}


def shared(division, scope=None):
    match = 'ServiceName = "S3"'
    parsed = None if scope is None else parse_match(scope)
    return Rules((Rule("pool", parse_match(match), match, Outcome.SHARED, division, 700, parsed),))


@pytest.fixture
def pool(tmp_path):
    """Who gets what of the pool in the billed view."""

    def run(charges, evidence, rules):
        totals = engine_totals(tmp_path, charges, evidence, rules)
        assert totals == hand_totals(charges, evidence, rules)
        assert sum(each[0] or 0 for each in totals.values()) == sum(
            row["x_BilledNano"] for row in charges
        )
        return {key[0] or key[1]: each[0] for key, each in totals.items() if key[2] == "pool"}

    return run


HOURS = [charge(3 * NANO), charge(NANO, start=at(1), SubAccountId="1")]
CLAIMS = (claim("a", 0, 1), claim("b", 1, 2))


def test_in_proportion_to_what_runs_cost(pool):
    found = pool([*HOURS, charge(1000, **POOL)], Evidence(claims=CLAIMS), shared("proportional"))
    assert found == {"a": 750, "b": 250}


def test_evenly_over_the_runs_that_got_anything(pool):
    found = pool([*HOURS, charge(1001, **POOL)], Evidence(claims=CLAIMS), shared("even"))
    assert found == {"a": 500, "b": 501}


def test_by_bytes_whoever_used_the_machines(pool):
    evidence = Evidence(claims=CLAIMS, run_bytes={"a": 1, "c": 3, "d": 0})
    assert pool([*HOURS, charge(1000, **POOL)], evidence, shared("bytes")) == {"a": 250, "c": 750}


def test_kept_apart_is_shared_and_not_divided(pool):
    found = pool([*HOURS, charge(1000, **POOL)], Evidence(claims=CLAIMS), shared("apart"))
    assert found == {"shared": 1000}


def test_only_runs_in_scope_take_part(pool):
    rules = shared("proportional", 'SubAccountId = "1"')
    found = pool([*HOURS, charge(1000, **POOL)], Evidence(claims=CLAIMS), rules)
    assert found == {"b": 1000}


@pytest.mark.parametrize("division", ["proportional", "even", "bytes"])
def test_where_nobody_takes_part_it_stays_shared(pool, division):
    assert pool([charge(1000, **POOL)], Evidence(), shared(division)) == {"shared": 1000}


def test_currencies_are_divided_apart(pool):
    bill = [*HOURS, charge(1000, **POOL), charge(100, BillingCurrency="EUR", **POOL)]
    bill.append(charge(NANO, resource="i-9", BillingCurrency="EUR"))
    evidence = Evidence(claims=[*CLAIMS, claim("e", 0, 1, resource="i-9")])
    assert pool(bill, evidence, shared("proportional")) == {"a": 750, "b": 250, "e": 100}


def test_a_credit_in_the_pool_is_divided_too(pool):
    found = pool([*HOURS, charge(-1000, **POOL)], Evidence(claims=CLAIMS), shared("proportional"))
    assert found == {"a": -750, "b": -250}


def test_a_run_that_only_has_credits_takes_no_part(pool):
    bill = [charge(-NANO), charge(NANO, start=at(1)), charge(10, **POOL)]
    found = pool(bill, Evidence(claims=CLAIMS), shared("proportional"))
    assert found == {"b": 10}


def test_days_and_resources_of_a_pool_are_one_amount(pool):
    """Divided once for the period, so a nano is not lost or won per day."""
    days = [charge(1, start=at(0, day), **{**POOL, "resource": f"b-{day}"}) for day in range(1, 6)]
    found = pool([*HOURS, *days], Evidence(claims=CLAIMS), shared("even"))
    assert found == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("division", "expected"),
    [
        ("bytes", {"a", "c"}),
        ("proportional", {"a", "b", "one"}),
        ("even", {"a", "b", "n", "one", "m", "o"}),
    ],
)
def test_who_takes_no_part_has_no_row(division, expected):
    """Run z was allocated nothing, n only a credit, one a nano; what m and o cost is not all known
    or nothing in effective cost; d reads no byte."""
    bill = [
        *HOURS,
        charge(0, start=at(2)),
        charge(-7, start=at(3)),
        charge(1, start=at(4)),
        charge(5, start=at(5), x_EffectiveNano=None),
        charge(5, start=at(6), x_EffectiveNano=0),
        charge(1000, **POOL),
    ]
    claims = [claim(run, hour, hour + 1) for hour, run in enumerate(["z", "n", "one", "m", "o"], 2)]
    evidence = Evidence(claims=[*CLAIMS, *claims], run_bytes={"a": 1, "c": 3, "d": 0})
    rules = shared(division)
    parts = allocate_by_hand(bill, evidence, rules)
    totals = totals_by_hand(parts, bill, evidence.run_bytes, rules)
    assert {owner.run for owner, _, _ in totals if owner.method == "pool"} == expected


def test_a_scope_can_look_at_tags():
    bill = [charge(3 * NANO), charge(NANO, start=at(1), tags={"team": "nlp"}), charge(10, **POOL)]
    rules = shared("proportional", 'Tags.team = "nlp"')
    found = hand_totals(bill, Evidence(claims=CLAIMS), rules)
    assert {key[0]: amounts[0] for key, amounts in found.items() if key[2] == "pool"} == {"b": 10}


def test_charges_of_one_kind_are_one_amount_and_of_another_kind_another(tmp_path):
    """Account, region, component, category and whether it is a correction tell kinds apart."""
    kinds = [
        {},
        {"ServiceName": "EBS"},
        {"SubAccountId": "1"},
        {"BillingAccountId": "8"},
        {"SubAccountId": "1", "BillingAccountId": "7"},
        {"RegionId": "eu"},
        {"x_Component": "network"},
        {"ChargeCategory": "Credit"},
        {"ChargeClass": "Correction"},
        {"BillingCurrency": "EUR"},
    ]
    bill = [charge(3 * number + 1, **kind) for number, kind in enumerate(kinds)]
    evidence = Evidence(claims=[claim("a", 0, 1)])
    found = hand_totals(bill, evidence)
    assert found == engine_totals(tmp_path, bill, evidence)
    assert sorted(amounts[0] for amounts in found.values()) == [1, 4, 10, 16, 19, 20, 22, 25, 28]


def test_a_pool_adds_what_is_known_of_each_view():
    bill = [*HOURS, charge(11, **POOL, x_ListNano=None), charge(31, **POOL, x_EffectiveNano=None)]
    found = hand_totals(bill, Evidence(claims=CLAIMS), shared("even"))
    assert {key[0]: amounts for key, amounts in found.items() if key[2] == "pool"} == {
        "a": (21, 5, 15, 21),
        "b": (21, 6, 16, 21),
    }
