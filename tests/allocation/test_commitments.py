"""What commitments covered, left unused and could have covered: every amount, hour by hour."""

import pytest

from allocation.lake import MONTH, at, charge, ns, numbered, write_lake
from trainfare.allocation.commitment_hours import CommitmentHour, read_commitment_hours
from trainfare.allocation.commitment_sums import CommitmentSum, read_commitment_sums
from trainfare.core.charge import View

HOUR = 3_600_000_000
START = ns(MONTH) // 1000
"""Where the month begins, in microseconds since the epoch."""

PLAN = {
    "CommitmentDiscountId": "sp-1",
    "CommitmentDiscountName": "one year",
    "CommitmentDiscountType": "Savings Plan",
}


def used(hour, effective, listed, contracted, **columns):
    """Usage of a machine from AWS; *hour* is counted from the beginning of the month."""
    amounts = dict.fromkeys((view.column for view in View), effective)
    amounts |= {"x_ListNano": listed, "x_ContractedNano": contracted}
    row = charge(start=at(hour), ServiceProviderName="AWS", RegionId="eu", x_InstanceType="p5")
    return row | amounts | columns


BILL = [
    used(2, 61, 103, 97, CommitmentDiscountStatus="Used", **PLAN),
    used(2, 67, 107, 101, CommitmentDiscountStatus="Used", **PLAN, ResourceId="i-1",
         ConsumedQuantity="0.25", ConsumedUnit="Hours"),
    used(3, 59, 109, None, CommitmentDiscountStatus="Used", **PLAN, ChargePeriodEnd=at(5)),
    used(2, 41, None, None, CommitmentDiscountStatus="Unused", **PLAN, ResourceId=None),
    used(2, None, None, None, ResourceId="i-2"),
    used(2, 31, 37, None, ResourceId="i-3"),
    used(2, 29, 0, 0, ResourceId="i-4", BillingCurrency="EUR"),
    used(2, 13, 17, 19, PricingCategory="Dynamic"),
]  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    return [write_lake(tmp_path / "part-00000.parquet", numbered(BILL))]


def hour(first, last, currency, commitment, *amounts, is_unused=False, sku="p5"):
    known = ("one year", "Savings Plan") if commitment else (None, None)
    period = (START + int(first * HOUR), START + int(last * HOUR))
    return CommitmentHour(
        "AWS", "eu", sku, currency, *period, commitment, *known, is_unused, *amounts
    )


def test_every_hour_has_what_it_cost_and_would_have_cost_on_demand(lake):
    """On demand is the contracted cost, else that of the list; two machines were paid together."""
    found = read_commitment_hours(lake)
    assert sorted(found, key=lambda one: (one.currency, one.start_us, str(one.commitment), one.is_unused)) == [
        hour(2, 3, "EUR", None, 0, 1, 29, HOUR),
        hour(2, 3, "USD", None, 37, 1, 31, 2 * HOUR),
        hour(2, 3, "USD", "sp-1", 97 + 101, 0, 61 + 67, HOUR + HOUR // 4),
        hour(2, 3, "USD", "sp-1", 0, 0, 41, HOUR, is_unused=True),
        hour(3, 5, "USD", "sp-1", 109, 0, 59, 2 * HOUR),
    ]  # fmt: skip


def test_a_charge_period_touches_every_hour_that_some_of_it_lies_in():
    first = START // HOUR
    one = hour(2, 3, "USD", None, 0, 0, 0, 0)
    assert list(one.hours) == [first + 2]
    assert list(hour(3, 5, "USD", None, 0, 0, 0, 0).hours) == [first + 3, first + 4]
    late = hour(2.5, 3.25, "USD", None, 0, 0, 0, 0)
    assert list(late.hours) == [first + 2, first + 3]


def test_sums_of_a_month_tell_how_many_charges_state_each_cost(lake):
    plan = ("sp-1", "one year", "Savings Plan")
    found = read_commitment_sums(lake)
    assert sorted(found, key=lambda one: (one.currency, str(one.commitment), one.is_unused)) == [
        CommitmentSum("2026-10", "AWS", "EUR", None, None, None, False, False, 1, 29, 0, 1, 0, 1),
        CommitmentSum("2026-10", "AWS", "USD", None, None, None, False, False, 2, 31, 37, 1, 0, 0),
        CommitmentSum("2026-10", "AWS", "USD", *plan, True, False, 3, 187, 319, 3, 198, 2),
        CommitmentSum("2026-10", "AWS", "USD", *plan, False, True, 1, 41, 0, 0, 0, 0),
    ]
