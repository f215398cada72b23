"""The order of the steps, and where a charge stands that no step takes; in Python and in SQL alike."""

import re
from itertools import product
from pathlib import Path

import duckdb
import pytest

from trainfare.allocation.steps import (
    IS_APART_SQL,
    IS_OWN_SQL,
    IS_UNUSED_SQL,
    LAST_METHOD_SQL,
    OWN_REMAINDER_SQL,
    PRIORITIES,
    RULE_PRIORITY,
    is_apart,
    is_own,
    is_unused,
    last_resort,
    own_remainder,
)
from trainfare.core.charge import Remainder

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "allocation.md"
UNALLOCATED = Remainder.UNALLOCATED


def test_steps_stand_where_the_page_about_allocation_says():
    rows = re.findall(r"^\| (\d+) \| (`?)([\w' ]+)\2 \|", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {name: int(number) for number, _, name in rows if len(number) == 3}
    assert told == {**PRIORITIES, "a rule's own name": RULE_PRIORITY}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, (UNALLOCATED, "unmatched")),
        ({"ChargeCategory": "Usage"}, (UNALLOCATED, "unmatched")),
        ({"ChargeCategory": "Tax"}, (UNALLOCATED, "tax")),
        ({"ChargeCategory": "Purchase"}, (UNALLOCATED, "purchase")),
        ({"ChargeCategory": "Purchase", "ChargeClass": "Correction"}, (UNALLOCATED, "refund")),
        ({"ChargeCategory": "Usage", "ChargeClass": "Correction"}, (UNALLOCATED, "unmatched")),
        ({"ChargeCategory": "Credit", "ChargeClass": "Correction"}, (UNALLOCATED, "credit")),
        ({"ChargeCategory": "Usage", "x_LineItemType": "Refund"}, (UNALLOCATED, "refund")),
        ({"ChargeCategory": "Usage", "x_LineItemType": "Fee"}, (UNALLOCATED, "unmatched")),
        ({"ChargeCategory": "Usage", "ServiceName": "Gold SUPPORT"}, (UNALLOCATED, "support")),
        ({"ChargeCategory": "Credit", "ServiceName": "Support"}, (UNALLOCATED, "credit")),
        ({"ServiceName": "Compute"}, (UNALLOCATED, "unmatched")),
    ],
)
def test_what_no_step_took_is_named_after_what_it_is(columns, expected):
    assert last_resort(columns) == expected


@pytest.mark.parametrize("column", ["CommitmentDiscountStatus", "CapacityReservationStatus"])
@pytest.mark.parametrize("category", ["Usage", "Purchase", "Credit", None])
def test_what_was_committed_and_not_used_is_that_before_all_else(column, category):
    charge = {column: "Unused", "ChargeCategory": category, "x_LineItemType": "Refund"}
    assert is_unused(charge)
    assert is_apart(charge)
    assert last_resort(charge) == (Remainder.UNUSED_COMMITMENT, "unused_commitment")
    assert not is_unused({column: "Used"})


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("trainfare:shared:company tax", Remainder.SHARED),
        ("trainfare:unused_commitment:unused_commitment", Remainder.UNUSED_COMMITMENT),
        ("trainfare:unallocated", UNALLOCATED),
        ("trainfare:idle:resource_overlap", Remainder.IDLE),
        ("trainfare:resource_overlap", Remainder.IDLE),
        ("trainfare:", Remainder.IDLE),
    ],
)
def test_a_part_of_an_export_says_which_remainder_it_was(method, expected):
    charge = {"AllocatedMethodId": method, "ChargeCategory": "Tax"}
    assert is_own(charge)
    assert own_remainder(charge) is expected
    assert not is_apart(charge)


@pytest.mark.parametrize("method", [None, "", "split", "Trainfare:idle", "a trainfare:idle"])
def test_a_split_of_another_s_is_none_of_trainfare_s(method):
    charge = {"AllocatedMethodId": method}
    assert not is_own(charge)
    assert not is_apart(charge)
    assert is_apart({**charge, "ChargeCategory": "Tax"})


VALUES = {
    "ChargeCategory": (None, "Usage", "Tax", "Purchase", "Credit"),
    "ChargeClass": (None, "Correction"),
    "CommitmentDiscountStatus": (None, "Used", "Unused"),
    "CapacityReservationStatus": (None, "Unused"),
    "x_LineItemType": (None, "Refund", "Usage"),
    "ServiceName": (None, "AWS Support (Business)"),
    "AllocatedMethodId": (None, "split", "trainfare:shared:x", "trainfare:odd:x", "trainfare:idle"),
}


def test_sql_says_the_same_of_every_kind_of_charge():
    charges = [dict(zip(VALUES, each, strict=True)) for each in product(*VALUES.values())]
    expressions = (IS_UNUSED_SQL, IS_OWN_SQL, IS_APART_SQL, LAST_METHOD_SQL, OWN_REMAINDER_SQL)
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE charges ({' VARCHAR, '.join(VALUES)} VARCHAR)")
        for name, values in VALUES.items():
            listed = ", ".join("(NULL)" if value is None else f"('{value}')" for value in values)
            database.execute(f"CREATE TABLE {name}s AS FROM (VALUES {listed}) AS t({name})")
        crossed = " CROSS JOIN ".join(f"{name}s" for name in VALUES)
        database.execute(f"INSERT INTO charges SELECT {', '.join(VALUES)} FROM {crossed}")
        asked = f"SELECT {', '.join([*VALUES, *expressions])} FROM charges"
        rows = database.execute(asked).fetchall()
    told = {row[: len(VALUES)]: row[len(VALUES) :] for row in rows}
    assert len(told) == len(charges)
    for charge in charges:
        own = own_remainder(charge) if is_own(charge) else Remainder.IDLE
        *facts, remainder = told[tuple(charge.values())]
        assert facts == [
            is_unused(charge),
            is_own(charge),
            is_apart(charge),
            last_resort(charge)[1],
        ]
        assert (remainder or "idle") == own
