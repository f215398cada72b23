"""Alerts on old prices, late bills, and bills that do not add up."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from trainfare.budgets.alert import Severity
from trainfare.budgets.upkeep_alerts import (
    Awaited,
    Unbalanced,
    find_late_bills,
    find_stale_prices,
    find_unbalanced,
)
from trainfare.core.money import Money
from trainfare.core.period import DAY, parse_instant
from trainfare.core.price import Price

OLD = Price("aws/p5", Decimal(98), "h", source="a list", as_of=date(2025, 1, 1), quality="stale")
EXPECTED = parse_instant("2026-11-08T00:00:00Z")


def test_a_stale_price_is_told_once_however_many_runs_use_it():
    fresh, other = replace(OLD, sku="aws/p4", quality="fresh"), replace(OLD, sku="aws/g6")
    first, second = find_stale_prices([OLD, fresh, OLD, other])
    assert [first.key, second.key] == ["price:aws/g6", "price:aws/p5"]
    assert second.sentence == (
        f"running machines are priced by {OLD.describe()}: trainfare prices refresh"
    )
    assert "2025-01-01" in second.sentence


@pytest.mark.parametrize("quality", ["fresh", "aging"])
def test_other_prices_are_not_told_of(quality):
    assert list(find_stale_prices([replace(OLD, quality=quality)])) == []


@pytest.mark.parametrize(("after_ns", "count"), [(2 * DAY - 1, 0), (2 * DAY, 1)])
def test_a_bill_is_late_two_days_after_it_was_expected(after_ns, count):
    found = list(find_late_bills([Awaited("aws", "2026-10", EXPECTED, 3)], EXPECTED + after_ns))
    assert len(found) == count


@pytest.mark.parametrize(
    ("runs", "who"), [(1, "1 run waits"), (2, "2 runs wait"), (1_234, "1,234 runs wait")]
)
def test_a_late_bill_says_when_it_was_expected_and_who_waits(runs, who):
    awaited = Awaited("aws", "2026-10", EXPECTED + 7, runs)
    [one] = find_late_bills([awaited], EXPECTED + 6 * DAY)
    assert one.key == "bill:aws 2026-10"
    assert one.sentence == f"expected on 2026-11-08, 5 days ago; {who} for it"


def test_a_broken_conservation_is_critical_and_says_how_much():
    [one] = find_unbalanced([Unbalanced("2026-10", "billed", Money(-1, "USD"))])
    assert (one.key, one.severity) == ("conservation:2026-10 billed", Severity.CRITICAL)
    assert one.sentence == ("-0.000000001 USD of the billed bill are nowhere: trainfare verify")
