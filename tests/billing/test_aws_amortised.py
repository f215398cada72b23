"""Amortised cost: what is used, unused, taken back and paid upfront never counts twice."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.aws_bills import LEASE, PLAN, amortised, cur2, legacy, lines
from billing.bills import read, write
from trainfare.core.money import NANO

ANYTHING = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FREE = {"pricing_public_on_demand_cost": "", "line_item_resource_id": "", "tags": {}}
OF_PLAN = {"savings_plan_savings_plan_a_r_n": PLAN}
OF_LEASE = {"reservation_reservation_a_r_n": LEASE}


def covered(cash, planned, **more):
    return {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "line_item_unblended_cost": cash,
        "savings_plan_savings_plan_effective_cost": planned,
        **OF_PLAN,
        **more,
    }


def negation(cash, **more):
    kind = {"line_item_line_item_type": "SavingsPlanNegation", "line_item_unblended_cost": cash}
    return {**FREE, **kind, **OF_PLAN, **more}


def plan_fee(cash, total, used):
    return {
        **FREE,
        **OF_PLAN,
        "line_item_line_item_type": "SavingsPlanRecurringFee",
        "line_item_product_code": "ComputeSavingsPlans",
        "line_item_unblended_cost": cash,
        "savings_plan_total_commitment_to_date": total,
        "savings_plan_used_commitment": used,
    }


def one(tmp_path, change):
    bill, (row,) = read(write(tmp_path, legacy(lines(change))))
    return bill, row


def exact(fraction):
    return Decimal(fraction.numerator) / fraction.denominator


money = st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False, places=10).map(str)
ITEM = st.fixed_dictionaries(
    {
        "line_item_line_item_type": st.sampled_from(
            [
                *("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation"),
                *("SavingsPlanRecurringFee", "SavingsPlanUpfrontFee", "RIFee", "Fee", "Tax"),
                *("Credit", "Refund", "EdpDiscount", "SomethingNew"),
            ]
        ),
        "line_item_product_code": st.sampled_from(["AmazonEC2", "ComputeSavingsPlans"]),
        "line_item_unblended_cost": money,
        "savings_plan_savings_plan_effective_cost": money,
        "savings_plan_total_commitment_to_date": money,
        "savings_plan_used_commitment": money,
        "reservation_reservation_a_r_n": st.sampled_from(["", LEASE]),
        "reservation_effective_cost": money,
        "reservation_unused_amortized_upfront_fee_for_billing_period": money,
        "reservation_unused_recurring_fee": money,
    }
)


@ANYTHING
@given(st.lists(ITEM, min_size=1, max_size=25), st.sampled_from([legacy, cur2]))
def test_any_bill_amortises_as_the_published_query_does(tmp_path, changes, spelt):
    items = lines(*changes)
    bill, rows = read(write(tmp_path, spelt(items)))
    assert exact(bill.totals["USD"]["effective"]) == sum(map(amortised, items))
    cash = sum(Decimal(item["line_item_unblended_cost"]) for item in items)
    assert exact(bill.totals["USD"]["billed"]) == cash
    running, nano = Decimal(0), 0
    for item, row in zip(items, rows, strict=True):  # each row, not only their sum
        running += amortised(item)
        nano += row["x_EffectiveNano"]
        assert abs(nano - running * NANO) <= Decimal("0.5")


def month(upfront):
    """One plan's hours of a month, half of its fee paid upfront: cash and amortised parts."""
    items = []
    for hour in range(24):
        used = Decimal(hour % 5)
        items += [covered("9", str(used)), negation("-9")]
        items.append(plan_fee("2.5", "5", str(used)))
    fee = {"line_item_line_item_type": "SavingsPlanUpfrontFee", **FREE, **OF_PLAN}
    return lines({}, *items, {**fee, "line_item_unblended_cost": str(upfront)})


def test_amortised_is_cash_without_upfront_fees_and_with_their_amortised_part(tmp_path):
    upfront, amortised_part = Decimal(21900), Decimal("2.5") * 24
    bill, _ = read(write(tmp_path, legacy(month(upfront))))
    billed, effective = (exact(bill.totals["USD"][view]) for view in ("billed", "effective"))
    assert effective == billed - upfront + amortised_part


def test_over_its_term_a_plan_costs_what_was_paid_for_it(tmp_path):
    """Used and unused part together are the fee, and negation leaves no cash on covered usage."""
    items = [[covered("9", used), negation("-9"), plan_fee("5", "5", used)] for used in "0351"]
    _, rows = read(write(tmp_path, legacy(lines(*(item for hour in items for item in hour)))))
    sums = defaultdict(int)
    for row in rows:
        assert row["CommitmentDiscountId"] == PLAN
        sums[row["CommitmentDiscountStatus"]] += row["x_EffectiveNano"]
        sums[row["ChargeCategory"]] += row["x_BilledNano"]
    assert sums["Purchase"] == 20 * NANO
    assert (sums["Used"], sums["Unused"]) == (9 * NANO, 11 * NANO)
    assert sums["Usage"] == 0


def test_a_fee_that_was_used_up_is_no_unused_commitment(tmp_path):
    _, row = one(tmp_path, plan_fee("5", "5", "5"))
    assert (row["ChargeCategory"], row["CommitmentDiscountStatus"]) == ("Purchase", None)
    assert (row["x_BilledNano"], row["x_EffectiveNano"]) == (5 * NANO, 0)


def test_the_least_unused_part_is_unused(tmp_path):
    _, row = one(tmp_path, plan_fee("5", "5.0000000001", "5"))
    assert (row["CommitmentDiscountStatus"], row["x_EffectiveNano"]) == ("Unused", 0)


@pytest.mark.parametrize(
    ("upfront", "recurring", "nano"),
    [("0.5", "1.25", 1_750_000_000), ("", "2", 2 * NANO), ("3", "", 3 * NANO), ("0", "0.0", 0)],
)
def test_a_reservation_fee_costs_what_was_not_used_of_it(tmp_path, upfront, recurring, nano):
    change = {
        "line_item_line_item_type": "RIFee",
        "reservation_unused_amortized_upfront_fee_for_billing_period": upfront,
        "reservation_unused_recurring_fee": recurring,
        **OF_LEASE,
    }
    _, row = one(tmp_path, change)
    assert row["x_EffectiveNano"] == nano
    assert row["CommitmentDiscountStatus"] == ("Unused" if nano else None)
    assert (row["CommitmentDiscountCategory"], row["CommitmentDiscountId"]) == ("Usage", LEASE)


def test_a_fee_that_is_no_reservation_costs_what_it_costs(tmp_path):
    _, fee = one(tmp_path, {"line_item_line_item_type": "Fee"})
    assert fee["x_EffectiveNano"] == fee["x_ContractedNano"] == fee["x_BilledNano"] > 0
    _, fee = one(tmp_path, {"line_item_line_item_type": "Fee", **OF_LEASE})
    assert (fee["x_EffectiveNano"], fee["x_ContractedNano"]) == (0, None)


def test_a_negation_lists_nothing_for_its_usage_does(tmp_path):
    items = lines(
        covered("9", "6", pricing_public_on_demand_cost="10"),
        negation("-9", pricing_public_on_demand_cost="-10"),
    )
    bill, _ = read(write(tmp_path, legacy(items)))
    totals = bill.totals["USD"]
    assert (totals["list"], totals["contracted"], totals["billed"]) == (10, 9, 0)
    assert totals["effective"] == 6


def test_discounts_are_rows_of_their_own_so_net_columns_are_not_read(tmp_path):
    items = lines(
        {"line_item_unblended_cost": "10", "line_item_net_unblended_cost": "8"},
        {
            "line_item_line_item_type": "EdpDiscount",
            "line_item_unblended_cost": "-2",
            "line_item_net_unblended_cost": "0",
        },
    )
    bill, rows = read(write(tmp_path, cur2(items)))
    assert bill.totals["USD"]["billed"] == bill.totals["USD"]["effective"] == 8
    assert rows[1]["ConsumedQuantity"] is None  # an hour is used once, whatever is taken off


def test_only_usage_has_a_quantity(tmp_path):
    items = lines({}, covered("9", "6"), negation("-9", line_item_usage_amount="1"))
    _, rows = read(write(tmp_path, legacy(items)))
    assert [row["ConsumedQuantity"] for row in rows] == ["1.0", "1.0", None]


def test_a_type_that_nobody_knows_is_cash_and_noted(tmp_path):
    bill, row = one(tmp_path, {"line_item_line_item_type": "FlatRateSubscription"})
    assert row["ChargeCategory"] == "Adjustment"
    assert row["x_Repairs"] == "ChargeCategory:unknown-line-item-type"
    assert (row["x_EffectiveNano"], bill.repairs) == (row["x_BilledNano"], 1)


@pytest.mark.parametrize(("taken", "noticed"), [("-18", 0), ("-17.995", 0), ("-9", 1)])
def test_covered_usage_that_no_negation_takes_back_is_noticed(tmp_path, taken, noticed):
    items = lines(covered("9", "6"), covered("9", "6"), negation(taken))
    bill, _ = read(write(tmp_path, legacy(items)))
    assert len(bill.notices) == noticed
    assert all("18.00 USD at on-demand prices" in text for text in bill.notices)
    assert all("take back 9.00" in text for text in bill.notices)


def test_currencies_negate_apart(tmp_path):
    items = lines(covered("9", "6"), negation("-9", line_item_currency_code="CNY"))
    bill, _ = read(write(tmp_path, legacy(items)))
    assert len(bill.notices) == 1
    assert bill.totals["CNY"]["billed"] == -9


def test_no_notice_before_the_whole_bill_was_seen(tmp_path):
    (tmp_path / "bill").mkdir()
    write(tmp_path / "bill", legacy(lines(covered("9", "6"))), "1.csv")
    write(tmp_path / "bill", legacy(lines(negation("-9"))), "2.csv")
    bill, _ = read(tmp_path / "bill")
    assert bill.notices == ()
