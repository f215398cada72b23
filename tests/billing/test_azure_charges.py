"""Every type of charge and every pricing model of Azure, in FOCUS's words."""

import pytest

from billing.azure_bills import BOUGHT, COVERED, LEASE, PLAN, export, text_of
from billing.bills import read, write


def only_row(tmp_path, change, name="amortized.csv"):
    _, (row,) = read(write(tmp_path, text_of(export(change)), name))
    return row


@pytest.mark.parametrize(
    ("charge", "category", "charge_class"),
    [
        ("Usage", "Usage", None),
        ("usage", "Usage", None),
        ("Purchase", "Purchase", None),
        ("Refund", "Purchase", "Correction"),
        ("UnusedReservation", "Usage", None),
        ("UnusedSavingsPlan", "Usage", None),
        ("RoundingAdjustment", "Adjustment", None),
        ("Tax", "Tax", None),
        ("Credit", "Credit", None),
    ],
)
def test_a_charge_type_is_a_category(tmp_path, charge, category, charge_class):
    row = only_row(tmp_path, {"ChargeType": charge})
    assert (row["ChargeCategory"], row["ChargeClass"]) == (category, charge_class)
    assert row["x_LineItemType"] == charge
    assert "unknown-charge-type" not in row["x_Repairs"]


def test_an_unknown_charge_type_is_an_adjustment_and_noted(tmp_path):
    row = only_row(tmp_path, {"ChargeType": "Rebate"})
    assert row["ChargeCategory"] == "Adjustment"
    assert "ChargeCategory:unknown-charge-type" in row["x_Repairs"]


@pytest.mark.parametrize(
    ("model", "category"),
    [
        ("OnDemand", "Standard"),
        ("Spot", "Dynamic"),
        ("Reservation", "Committed"),
        ("SavingsPlan", "Committed"),
        ("Savings Plan", "Committed"),
        ("", None),
    ],
)
def test_a_pricing_model_is_a_category(tmp_path, model, category):
    assert only_row(tmp_path, {"PricingModel": model})["PricingCategory"] == category


@pytest.mark.parametrize(
    ("frequency", "word"),
    [
        ("OneTime", "One-Time"),
        ("Recurring", "Recurring"),
        ("UsageBased", "Usage-Based"),
        ("", None),
    ],
)
def test_a_frequency_is_spelt_as_focus_does(tmp_path, frequency, word):
    assert only_row(tmp_path, {"Frequency": frequency})["ChargeFrequency"] == word


def commitment(row):
    names = ("Category", "Type", "Status", "Id", "Name")
    return [row[f"CommitmentDiscount{name}"] for name in names]


def test_reservations_and_savings_plans_are_told_apart(tmp_path):
    assert commitment(only_row(tmp_path, COVERED)) == [
        *("Usage", "Reservation", "Used", LEASE.lower(), "a lease"),
    ]
    plan = {"PricingModel": "SavingsPlan", "BenefitId": PLAN, "BenefitName": "a plan"}
    assert commitment(only_row(tmp_path, plan)) == [
        *("Spend", "Savings Plan", "Used", PLAN.lower(), "a plan"),
    ]
    unused = {**plan, "ChargeType": "UnusedSavingsPlan"}
    assert commitment(only_row(tmp_path, unused))[2] == "Unused"


def test_a_purchase_is_neither_used_nor_unused(tmp_path):
    row = only_row(tmp_path, BOUGHT)
    assert commitment(row)[:3] == ["Usage", "Reservation", None]


def test_what_is_on_demand_is_of_no_commitment(tmp_path):
    """Azure fills the order of a product for ordinary purchases too."""
    row = only_row(tmp_path, {"ProductOrderId": "order-9", "BenefitId": ""})
    assert commitment(row) == [None] * 5


def test_a_purchase_without_benefit_is_known_by_its_order(tmp_path):
    row = only_row(tmp_path, {**BOUGHT, "BenefitId": "", "ProductOrderId": "Order-9"})
    assert row["CommitmentDiscountId"] == "order-9"


def test_an_old_export_tells_reservations_by_their_id(tmp_path):
    """Before PricingModel there was ReservationId alone."""
    row = only_row(tmp_path, {"PricingModel": "", "ReservationId": "GUID-1"})
    assert commitment(row)[:4] == ["Usage", "Reservation", "Used", "guid-1"]
    assert row["x_BilledNano"] == 0
