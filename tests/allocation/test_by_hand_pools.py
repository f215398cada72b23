"""Shared charges are divided by the rule, to the nano, and stay shared where nobody takes part."""

import pytest

from allocation.lake import NANO, at, charge, claim, engine_totals, hand_totals
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
