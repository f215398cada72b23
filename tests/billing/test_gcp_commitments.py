"""Fees of commitments: put where they were used, the rest left as unused, nothing made or lost."""

import random
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bills import read, write
from billing.gcp_bills import (
    CUD,
    DOLLARS,
    FEE,
    FLEXIBLE,
    FLEXIBLE_FEE,
    FORMS,
    credit,
    export,
    lines,
)
from trainfare.core.money import NANO

HOUR = 3600
CORE_FEE = {**FEE, "cost": 6, "usage.amount": 10 * HOUR}
"""Ten committed cores for an hour, at 0.6 each; on demand they are 1 each."""


def cores(count, covered, **more):
    """An hour of cores at 1 dollar each, some of them covered."""
    credits = [credit(CUD, -covered)] if covered else []
    return {"cost": count, "usage.amount": count * HOUR, "credits": credits, **more}


def read_rows(tmp_path, *changes):
    return read(write(tmp_path, lines(export(*changes)), "export.jsonl"))


def effective(rows):
    return [Fraction(row["x_EffectiveNano"], NANO) for row in rows]


def test_a_fee_that_was_all_used_is_where_it_was_used(tmp_path):
    bill, rows = read_rows(tmp_path, CORE_FEE, cores(6, 6), cores(8, 4))
    assert effective(rows) == [0, Fraction("3.6"), 4 + Fraction("2.4")]
    assert [row["x_BilledNano"] for row in rows] == [6 * NANO, 0, 4 * NANO]
    assert [row["CommitmentDiscountStatus"] for row in rows] == [None, "Used", "Used"]
    assert bill.totals["USD"]["effective"] == bill.totals["USD"]["billed"] == 10


def test_what_was_not_used_stays_on_the_fee(tmp_path):
    _, rows = read_rows(tmp_path, CORE_FEE, cores(5, 5))
    assert effective(rows) == [3, 3]
    assert rows[0]["CommitmentDiscountStatus"] == "Unused"
    assert rows[0]["ChargeCategory"] == "Purchase"
    assert rows[0]["CommitmentDiscountId"] == "commitment-1"


def test_a_fee_without_any_use_is_unused(tmp_path):
    _, rows = read_rows(tmp_path, CORE_FEE, cores(5, 0))
    assert effective(rows) == [6, 5]
    assert rows[0]["CommitmentDiscountStatus"] == "Unused"


def test_a_credit_without_any_fee_stays_a_credit(tmp_path):
    _, rows = read_rows(tmp_path, cores(5, 5))
    assert effective(rows) == [0]


def test_prices_of_skus_may_differ(tmp_path):
    """Covered quantity is credits / unit price, SKU by SKU: here 2 cores of 1 and 4 of 0.5."""
    dear = cores(2, 2)
    cheap = {
        **cores(4, 0),
        "cost": 2,
        "credits": [credit(CUD, -2)],
        "sku": {"id": "B", "description": "A2 Custom Core"},
    }
    _, rows = read_rows(tmp_path, CORE_FEE, dear, cheap)
    assert effective(rows) == [Fraction("2.4"), Fraction("1.8"), Fraction("1.8")]


def test_credits_for_late_usage_count_by_the_price_of_their_sku(tmp_path):
    """Google writes some credits on rows without cost or usage."""
    late = {"cost": 0, "usage.amount": 0, "credits": [credit(CUD, -5)]}
    _, rows = read_rows(tmp_path, CORE_FEE, cores(5, 0), cores(5, 5), late)
    assert effective(rows) == [0, 5, 3, -5 + 3]


def test_days_are_settled_by_themselves(tmp_path):
    """A commitment that is not used on Monday is lost on Monday."""
    tuesday = {
        "usage_start_time": "2026-10-06T20:00:00Z",
        "usage_end_time": "2026-10-06T21:00:00Z",
    }
    _, rows = read_rows(tmp_path, CORE_FEE, {**CORE_FEE, **tuesday}, cores(10, 10, **tuesday))
    assert effective(rows) == [6, 0, 6]


def test_where_quantities_say_nothing_credits_are_worth_the_fee(tmp_path):
    silent = {**CORE_FEE, "usage": None}
    _, rows = read_rows(tmp_path, silent, cores(3, 3), cores(2, 2))
    assert effective(rows) == [1, 3, 2]


def test_fees_and_credits_that_match_nothing_are_matched_together(tmp_path):
    odd = {**CORE_FEE, "sku": {"id": "x", "description": "Commitment v1: Z9 parts for 1 Year"}}
    _, rows = read_rows(tmp_path, odd, cores(9, 9))
    assert effective(rows) == [0, 6]
    elsewhere = {"location": {"region": "europe-west4"}}
    _, rows = read_rows(tmp_path, {**odd, **elsewhere}, cores(9, 9))
    assert effective(rows) == [6, 0]


FLEX = {**FLEXIBLE_FEE, "cost": 36, "currency_conversion_rate": 1}
"""Google's own example: 36 dollars an hour buy what would have cost 50 on demand."""


def flexible(on_demand, **more):
    return {
        "cost": on_demand,
        "currency_conversion_rate": 1,
        "credits": [credit(DOLLARS, -on_demand, full_name=FLEXIBLE)],
        **more,
    }


def cents(dollars):
    return {"usage.amount_in_pricing_units": dollars * 100, "usage.pricing_unit": "hour"}


def test_flexible_commitments_are_used_by_their_dollars(tmp_path):
    _, rows = read_rows(tmp_path, {**FLEX, **cents(50)}, flexible(20), flexible(30))
    assert effective(rows) == [0, Fraction("14.4"), Fraction("21.6")]
    _, rows = read_rows(tmp_path, {**FLEX, **cents(50)}, flexible(25))
    assert effective(rows) == [18, 18]
    assert rows[1]["CommitmentDiscountCategory"] == "Spend"
    assert rows[1]["CommitmentDiscountName"] == FLEXIBLE


def test_flexible_commitments_are_in_us_dollars_whatever_the_bill_is_in(tmp_path):
    euro = {"currency": "EUR", "currency_conversion_rate": 0.5}
    bought = {**FLEX, **cents(50), **euro, "cost": 18}
    _, rows = read_rows(tmp_path, bought, flexible(12.5, **euro))
    assert effective(rows) == [9, 9]


def test_a_fee_that_says_no_dollars_goes_to_credits_as_opencost_spreads_it(tmp_path):
    """OpenCost: credit × fee / credits of the day; here never more than the credit itself."""
    _, rows = read_rows(tmp_path, {**FLEX, **cents(0.01)}, flexible(30), flexible(20))
    assert effective(rows) == [0, Fraction("21.6"), Fraction("14.4")]
    _, rows = read_rows(tmp_path, {**FLEX, **cents(0.01)}, flexible(30))
    assert effective(rows) == [6, 30]


def test_one_row_may_be_covered_by_both_kinds(tmp_path):
    both = {
        **cores(10, 5),
        "credits": [credit(CUD, -5), credit(DOLLARS, -5, full_name=FLEXIBLE)],
        "currency_conversion_rate": 1,
    }
    _, rows = read_rows(
        tmp_path, {**CORE_FEE, "usage.amount": 5 * HOUR}, {**FLEX, **cents(50)}, both
    )
    assert effective(rows) == [0, Fraction("32.4"), 6 + Fraction("3.6")]


def test_in_the_newer_model_what_is_left_of_a_fee_is_unused(tmp_path):
    """Covered usage has its price already; the fee is offset by its use."""
    offset = {
        **FLEX,
        **cents(36),
        "credits": [credit("FEE_UTILIZATION_OFFSET", -30)],
        "consumption_model": {"description": "Default"},
    }
    covered = {
        "cost": 30,
        "cost_at_effective_price_default": 42,
        "consumption_model": {"description": "Compute Flexible CUDs - 1 Year"},
        "subscription.instance_id": "commitment-1",
    }
    bill, rows = read_rows(tmp_path, offset, covered)
    assert effective(rows) == [6, 30]
    assert [row["CommitmentDiscountStatus"] for row in rows] == ["Unused", "Used"]
    assert [row["CommitmentDiscountId"] for row in rows] == ["commitment-1"] * 2
    assert rows[1]["x_ContractedNano"] == 42 * NANO
    assert bill.totals["USD"]["billed"] == 36


def test_a_fee_offset_to_nothing_is_not_unused(tmp_path):
    offset = {**FLEX, "credits": [credit("FEE_UTILIZATION_OFFSET", -36)]}
    _, (row,) = read_rows(tmp_path, offset)
    assert (row["x_BilledNano"], row["x_EffectiveNano"]) == (0, 0)
    assert row["CommitmentDiscountStatus"] is None


def test_promotions_on_a_fee_make_it_cheaper_for_all(tmp_path):
    cheaper = {**CORE_FEE, "credits": [credit("PROMOTION", -3)]}
    _, rows = read_rows(tmp_path, cheaper, cores(10, 10))
    assert effective(rows) == [0, 3]


def test_tax_on_a_fee_is_tax(tmp_path):
    taxed = {**CORE_FEE, "cost_type": "tax", "cost": 1.2}
    _, rows = read_rows(tmp_path, CORE_FEE, taxed, cores(10, 10))
    assert effective(rows) == [0, Fraction("1.2"), 6]


def test_months_of_invoices_keep_their_fees(tmp_path):
    """Late usage on the next invoice gets nothing of a fee that was invoiced before."""
    late = {"invoice": {"month": "202611"}}
    _, rows = read_rows(tmp_path, CORE_FEE, cores(5, 5, **late))
    assert effective(rows) == [6, 0]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_spreads_alike(tmp_path, form):
    changes = [CORE_FEE, cores(3, 2.5), cores(8, 4.125), {**FLEX, **cents(50)}, flexible(12.5)]
    _, before = read_rows(tmp_path, *changes)
    _, after = read(FORMS[form](tmp_path, export(*changes)))
    assert effective(after) == effective(before)
    assert sum(effective(after)) == sum(Fraction(row["x_BilledNano"], NANO) for row in after)


def test_fees_and_usage_may_lie_in_different_files(tmp_path):
    write(tmp_path, lines(export(cores(6, 6), cores(8, 4))), "in/a.jsonl")
    write(tmp_path, lines(export(CORE_FEE)), "in/b.jsonl")
    _, rows = read(tmp_path / "in")
    assert effective(rows) == [Fraction("3.6"), Fraction("6.4"), 0]


CENT = st.integers(0, 10**7).map(lambda amount: str(Fraction(amount, 10**5).limit_denominator()))


@st.composite
def months(draw):
    """Fees and covered usage of several days, regions and kinds, in any order."""
    changes = []
    amount = st.integers(1, 10**9).map(lambda value: f"{value}E-{draw(st.integers(3, 14))}")
    place = st.fixed_dictionaries(
        {
            "location": st.sampled_from(["us-central1", "europe-west4"]).map(
                lambda region: {"region": region}
            ),
            "usage_start_time": st.sampled_from(["2026-10-05", "2026-10-06"]).map(
                lambda day: f"{day}T20:00:00Z"
            ),
            "invoice": st.sampled_from(["202610", "202611"]).map(lambda month: {"month": month}),
        }
    )
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([FEE, FLEXIBLE_FEE]))
        changes.append({**kind, **draw(place), "cost": draw(amount)})
    for _ in range(draw(st.integers(0, 8))):
        credits = [
            credit(draw(st.sampled_from([CUD, DOLLARS, "PROMOTION"])), f"-{draw(amount)}")
            for _ in range(draw(st.integers(0, 2)))
        ]
        changes.append({**draw(place), "cost": draw(amount), "credits": credits})
    for change in changes:
        change["usage_end_time"] = change["usage_start_time"].replace("T20", "T21")
    random.Random(draw(st.integers(0, 99))).shuffle(changes)
    return export(*changes)


@settings(max_examples=40, deadline=None)
@given(rows=months(), cut=st.integers(0, 12))
def test_effective_cost_is_billed_cost_of_every_invoice_month(tmp_path_factory, rows, cut):
    """Whatever is spread, no cent is made or lost, and no month pays for another."""
    folder = tmp_path_factory.mktemp("bill")
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    for number, part in enumerate(parts):
        write(folder, lines(part), f"{number}.jsonl")
    bill, found = read(folder)
    assert bill.totals["USD"]["effective"] == bill.totals["USD"]["billed"]
    sums = defaultdict(lambda: [0, 0])
    for row in found:
        sums[row["BillingPeriodStart"]][0] += row["x_BilledNano"]
        sums[row["BillingPeriodStart"]][1] += row["x_EffectiveNano"]
    for billed_nano, effective_nano in sums.values():
        assert abs(billed_nano - effective_nano) <= len(parts) * len(found)
    for row, source in zip(found, rows, strict=True):
        covered = any(each["type"] in (CUD, DOLLARS) for each in source["credits"])
        if row["ChargeCategory"] == "Purchase":
            assert -1 <= row["x_EffectiveNano"] <= row["x_BilledNano"] + 1
        elif covered:
            assert row["x_EffectiveNano"] >= row["x_BilledNano"] - 1
        else:
            assert abs(row["x_EffectiveNano"] - row["x_BilledNano"]) <= 1


def test_credits_that_were_taken_back_use_nothing(tmp_path):
    """A correction brings the credit with the other sign."""
    back = {"cost": -5, "usage.amount": -5 * HOUR, "credits": [credit(CUD, 5)]}
    bill, rows = read_rows(tmp_path, CORE_FEE, cores(5, 5), back)
    assert effective(rows) == [6, 0, 0]
    assert bill.totals["USD"]["effective"] == 6


def test_a_credit_taken_back_in_part_takes_its_share_back(tmp_path):
    back = {"cost": -2, "usage.amount": -2 * HOUR, "credits": [credit(CUD, 2)]}
    _, rows = read_rows(tmp_path, CORE_FEE, cores(6, 6), back)
    assert effective(rows) == [6 - Fraction("2.4"), Fraction("3.6"), -Fraction("1.2")]
