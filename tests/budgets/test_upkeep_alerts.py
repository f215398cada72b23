"""Alerts on old prices, late bills, and bills that do not add up."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from trainfare.budgets.alert import Severity
from trainfare.budgets.upkeep_alerts import (
    LATE_NS,
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
    [one] = find_stale_prices([OLD, OLD])
    assert one.key == "price:aws/p5"
    assert "2025-01-01" in one.sentence


@pytest.mark.parametrize("quality", ["fresh", "aging"])
def test_other_prices_are_not_told_of(quality):
    assert list(find_stale_prices([replace(OLD, quality=quality)])) == []


@pytest.mark.parametrize(("after_ns", "count"), [(LATE_NS - 1, 0), (LATE_NS, 1)])
def test_a_bill_is_late_two_days_after_it_was_expected(after_ns, count):
    found = list(find_late_bills([Awaited("aws", "2026-10", EXPECTED, 3)], EXPECTED + after_ns))
    assert len(found) == count


def test_a_late_bill_says_when_it_was_expected_and_who_waits():
    [one] = find_late_bills([Awaited("aws", "2026-10", EXPECTED, 1)], EXPECTED + 5 * DAY)
    assert (one.subject, one.sentence) == (
        "aws 2026-10", "expected on 2026-11-08, 5 days ago; 1 run waits for it"
    )  # fmt: skip


def test_a_broken_conservation_is_critical_and_says_how_much():
    [one] = find_unbalanced([Unbalanced("2026-10", "billed", Money(-1, "USD"))])
    assert one.severity is Severity.CRITICAL
    assert one.sentence.startswith("-0.000000001 USD of the billed bill are nowhere")
