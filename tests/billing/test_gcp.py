"""Google's detailed export: every form, exact to the nano, and credits that stay visible."""

import csv
import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from billing.bills import read, sample, write
from billing.gcp_bills import FEE, FORMS, MACHINE, credit, export, flat, lines, write_nested
from billing.golden import check_golden
from trainfare.billing.bill import check
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO


def nano(rows, column):
    return sum(row[column] or 0 for row in rows)


def only_row(tmp_path, change):
    _, (row,) = read(write(tmp_path, lines(export(change)), "export.jsonl"))
    return row


@pytest.mark.parametrize(
    ("name", "place"), [("gcp-detailed", "in.jsonl"), ("gcp-commitments", "in.csv")]
)
def test_golden_cases_come_out_as_they_were_reviewed(name, place):
    check_golden(name, place)


def test_the_synthetic_sample_is_conserved_by_currency():
    """Net cost is cost and the sum of credits; here added up by Python's csv and decimal alone."""
    path = sample("gcp/synth_sample_billing_data.csv")
    bill, rows = read(path)
    with path.open(newline="") as stream:
        told = list(csv.DictReader(stream))
    assert (bill.format, bill.rows, len(told)) == ("gcp-detailed", 500, 500)
    net, listed = defaultdict(Decimal), defaultdict(Decimal)
    for row in told:
        parts = [Decimal(str(each["amount"])) for each in json.loads(row["credits"])]
        net[row["currency"]] += Decimal(row["cost"]) + sum(parts)
        listed[row["currency"]] += Decimal(row["cost_at_list"])
    assert set(bill.totals) == set(net) == {"USD", "EUR", "GBP", "AUD"}
    for currency, views in bill.totals.items():
        assert views["billed"] == views["effective"] == Fraction(net[currency])
        assert views["list"] == Fraction(listed[currency])
        mine = [row for row in rows if row["BillingCurrency"] == currency]
        assert abs(nano(mine, "x_BilledNano") - Fraction(net[currency]) * NANO) <= Fraction(1, 2)


def test_every_credit_of_the_synthetic_sample_is_found_with_its_type():
    path = sample("gcp/synth_sample_billing_data.csv")
    _, rows = read(path)
    with path.open(newline="") as stream:
        before = [each for row in csv.DictReader(stream) for each in json.loads(row["credits"])]
    after = [each for row in rows for each in json.loads(row["x_Credits"] or "[]")]
    assert len(after) == 171
    assert Counter(each["type"] for each in after) == Counter(each["type"] for each in before)
    for kind in {each["type"] for each in before}:
        assert sum(Fraction(each["amount"]) for each in after if each["type"] == kind) == sum(
            Fraction(str(each["amount"])) for each in before if each["type"] == kind
        )


def test_the_synthetic_sample_is_booked_by_invoice():
    path = sample("gcp/synth_sample_billing_data.csv")
    bill, rows = read(path)
    with path.open(newline="") as stream:
        told = list(csv.DictReader(stream))
    assert bill.periods == {"2026-03", "2026-04", "2026-05"}
    for ours, theirs in zip(rows, told, strict=True):
        assert f"{ours['BillingPeriodStart']:%Y%m}" == theirs["invoice_month"]
        assert ours["ResourceId"] == theirs["resource_global_name"]
        assert ours["SubAccountId"] == theirs["project_id"]
        assert (ours["ChargeClass"] == "Correction") == bool(theirs["adjustment_info_id"])
        assert json.loads(ours["Tags"])["cost_center"] == theirs["labels_1_value"]
    assert Counter(row["ChargeCategory"] for row in rows) == {
        "Usage": 291,
        "Tax": 96,
        "Adjustment": 113,
    }


def test_the_generated_sample_is_conserved_row_for_row():
    path = next(sample("nise/gcp-resource").glob("*.csv"))
    bill, rows = read(path)
    with path.open(newline="") as stream:
        told = list(csv.DictReader(stream))
    exact = sum(Fraction(row["cost"]) for row in told)
    assert (bill.rows, len(told)) == (576, 576)
    assert bill.totals["USD"]["billed"] == bill.totals["USD"]["effective"] == exact
    assert abs(nano(rows, "x_BilledNano") - exact * NANO) <= Fraction(1, 2)
    assert {json.loads(row["Tags"])["foo"] for row in rows} == {"bar"}
    assert all("Tags:python-literal" in row["x_Repairs"] for row in rows)
    machines = Counter(row["x_InstanceType"] for row in rows)
    assert machines["a2-highgpu-1g"] == 61


@pytest.mark.parametrize(
    ("name", "billed", "unused"), [("test_1_1", 170, 50), ("test_2_1", 280, 70)]
)
def test_the_commitment_samples_keep_what_googles_own_tool_keeps(name, billed, unused):
    """Google's tool moves fees to projects that own commitments, we to rows that they covered.

    Both negate the fee and keep the sum. Of 100 committed gibibyte hours, credits of 50 (30) at 1
    dollar each covered 50 (30); in the first, a second row of 50 is on another invoice.
    """
    folder = sample(f"gcp/cud_tests/{name}")
    bill, rows = read(folder / "export.json")
    moved = json.loads((folder / "expected_billingexport_output.json").read_text())
    kept = sum(
        Fraction(row["cost"]) + sum(Fraction(each["amount"]) for each in row["credits"])
        for row in moved
    )
    assert abs(kept - billed) < Fraction(1, 10**9)
    assert bill.totals["USD"]["billed"] == bill.totals["USD"]["effective"] == billed
    (fee,) = (row for row in rows if row["ChargeCategory"] == "Purchase")
    assert (fee["x_BilledNano"], fee["x_EffectiveNano"]) == (100 * NANO, unused * NANO)
    assert fee["CommitmentDiscountStatus"] == "Unused"
    start = rows[0]["ChargePeriodStart"]
    assert start == datetime(2019, 1, 21, 8, 25, 11, 227_000, tzinfo=UTC)


MIXED = export(
    {},
    {"credits": [credit("SUSTAINED_USAGE_DISCOUNT", -0.25), credit("PROMOTION", -0.5, id="a-1")]},
    {"cost": 6.9630561126e-05, "credits": [], "tags": [{"key": "env", "value": "prod"}]},
    {"cost_type": "tax", "resource": None, "labels": [], "system_labels": []},
    {**FEE, "cost": 2.5},
    {"credits": [credit("COMMITTED_USAGE_DISCOUNT", -1.25, full_name="a commitment")]},
    {"adjustment_info": {"id": "adj-1", "type": "PRICE_CORRECTION"}, "cost": -0.75},
)


def told(rows):
    return [
        {name: value for name, value in row.items() if not name.startswith("x_Source")}
        for row in rows
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_export_gives_the_same_charges(tmp_path, form):
    _, before = read(FORMS["lines"](tmp_path, MIXED))
    bill, after = read(FORMS[form](tmp_path, MIXED))
    assert bill.format == "gcp-detailed"
    assert told(after) == told(before)
    assert [row["x_SourceRow"] for row in after] == list(range(1, len(MIXED) + 1))


def test_numbers_in_json_may_be_text(tmp_path):
    """BigQuery writes NUMERIC and INT64 so."""
    as_text = export({"cost": "70", "credits": [credit("FREE_TIER", "-40.0")]})
    _, (row,) = read(write(tmp_path, lines(as_text), "export.jsonl"))
    assert row["x_BilledNano"] == 30 * NANO


def test_credits_in_python_are_read_and_noted(tmp_path):
    text = flat(export({"credits": [credit("FREE_TIER", -0.5)]}, {}))
    path = write(tmp_path, text.replace('[{""name"": ', "[{'name': ").replace('""', "'"))
    _, rows = read(path)
    assert rows[0]["x_BilledNano"] == 750_000_000
    assert "x_Credits:python-literal" in rows[0]["x_Repairs"]
    assert "x_Credits" not in (rows[1]["x_Repairs"] or "")


def test_amounts_are_exact_whatever_their_digits(tmp_path):
    rows = export(
        *(
            {"cost": text, "credits": [credit("DISCOUNT", "-0.0000000000000000000000001")]}
            for text in ("0.1234567890123456789012345", "1E-24", "3")
        )
    )
    bill, _ = read(write(tmp_path, lines(rows), "export.jsonl"))
    exact = Fraction("3.1234567890123456789012345") + Fraction("1E-24") - Fraction("3E-25")
    assert bill.totals["USD"]["billed"] == exact


def test_net_gross_and_list_are_three_views(tmp_path):
    row = only_row(tmp_path, {"credits": [credit("PROMOTION", -0.5), credit("DISCOUNT", -0.125)]})
    assert (row["x_BilledNano"], row["x_EffectiveNano"]) == (625_000_000, 625_000_000)
    assert (row["x_ContractedNano"], row["x_ListNano"]) == (1_250_000_000, 1_500_000_000)
    assert json.loads(row["x_Credits"]) == [
        {"amount": "-0.5", "name": "Promotion", "type": "PROMOTION"},
        {"amount": "-0.125", "name": "Discount", "type": "DISCOUNT"},
    ]


def test_contracted_is_the_default_price_where_a_commitment_changes_it(tmp_path):
    row = only_row(tmp_path, {"cost_at_effective_price_default": 1.375})
    assert row["x_ContractedNano"] == 1_375_000_000


@pytest.mark.parametrize(
    ("change", "category", "charge_class", "frequency", "pricing"),
    [
        ({}, "Usage", None, "Usage-Based", "Standard"),
        ({"cost_type": "tax"}, "Tax", None, "One-Time", None),
        ({"cost_type": "rounding_error"}, "Adjustment", None, "One-Time", None),
        ({"cost_type": "adjustment"}, "Adjustment", None, "One-Time", None),
        (
            {"adjustment_info": {"type": "GOODWILL"}},
            *("Adjustment", "Correction", "One-Time", None),
        ),
        (
            {"adjustment_info": {"id": "a"}, "cost_type": "tax"},
            *("Tax", "Correction", "One-Time", None),
        ),
        (FEE, "Purchase", None, "Recurring", "Standard"),
        ({**FEE, "cost_type": "tax"}, "Tax", None, "One-Time", None),
        (
            {"sku.description": "Spot Preemptible A2 Instance Core running in Americas"},
            *("Usage", None, "Usage-Based", "Dynamic"),
        ),
        (
            {"consumption_model": {"description": "Compute Flexible CUDs - 1 Year"}},
            *("Usage", None, "Usage-Based", "Committed"),
        ),
        (
            {"consumption_model": {"description": "Default"}},
            *("Usage", None, "Usage-Based", "Standard"),
        ),
    ],
)
def test_the_kind_of_cost_is_told_in_words_of_focus(
    tmp_path, change, category, charge_class, frequency, pricing
):
    row = only_row(tmp_path, change)
    assert (row["ChargeCategory"], row["ChargeClass"]) == (category, charge_class)
    assert (row["ChargeFrequency"], row["PricingCategory"]) == (frequency, pricing)


def test_an_unknown_kind_of_cost_is_usage_and_noted(tmp_path):
    row = only_row(tmp_path, {"cost_type": "surcharge"})
    assert row["ChargeCategory"] == "Usage"
    assert row["x_Repairs"] == "ChargeCategory:unknown-cost-type"


def test_the_invoice_names_the_billing_period(tmp_path):
    row = only_row(tmp_path, {"invoice": {"month": "202612"}})
    assert row["BillingPeriodStart"] == datetime(2026, 12, 1, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert row["ChargePeriodStart"] == datetime(2026, 10, 5, 10, tzinfo=UTC)


def test_a_row_without_invoice_is_booked_by_its_usage(tmp_path):
    row = only_row(tmp_path, {"invoice": None})
    assert row["BillingPeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert row["x_Repairs"] == "BillingPeriodStart:taken-from-usage"


def test_windows_need_not_be_whole_hours(tmp_path):
    times = {
        "usage_start_time": "2019-01-21 08:25:11.227 UTC",
        "usage_end_time": "2019-01-21 12:25:14.792 UTC",
    }
    row = only_row(tmp_path, times)
    assert row["ChargePeriodEnd"] == datetime(2019, 1, 21, 12, 25, 14, 792_000, tzinfo=UTC)
    assert row["x_Repairs"] is None


def test_who_what_and_where(tmp_path):
    row = only_row(tmp_path, {})
    assert row["BillingAccountId"] == "01A2B3-C4D5E6-F7A8B9"
    assert (row["SubAccountId"], row["SubAccountName"]) == ("lab", "The lab")
    assert (row["RegionId"], row["AvailabilityZone"]) == ("us-central1", "us-central1-a")
    assert (row["ServiceName"], row["x_Component"]) == ("Compute Engine", "compute")
    assert (row["ResourceId"], row["ResourceName"]) == (MACHINE, "node-1")
    assert (row["PricingCurrency"], row["x_ExchangeRate"]) == ("USD", "1.5")
    assert row["ServiceProviderName"] == row["x_PublisherName"] == "Google Cloud"


def test_the_source_is_named_by_the_billing_account(tmp_path):
    bill, _ = read(write(tmp_path, lines(export({})), "export.jsonl"))
    assert bill.source == "google-cloud-01a2b3-c4d5e6-f7a8b9"


def test_wrong_values_are_told_with_row_and_field(tmp_path):
    rows = export(
        {},
        {"cost": "much"},
        {"credits": [{"name": "x", "amount": "some"}]},
        {"credits": [{"name": "x"}]},
        {"credits": "none"},
        {"invoice": {"month": "2026"}},
        {"service": "Compute Engine"},
        {"currency": "dollars"},
        {"usage_start_time": "noon"},
    )
    problems = [str(each) for each in check(write(tmp_path, lines(rows), "export.jsonl"))]
    assert {text.partition(": ")[0] for text in problems} == {
        "export.jsonl row 2, column cost",
        "export.jsonl row 3, column credits.amount",
        "export.jsonl row 4, column credits",
        "export.jsonl row 5, column credits",
        "export.jsonl row 6, column invoice.month",
        "export.jsonl row 7, column service.description",
        "export.jsonl row 8, column currency",
        "export.jsonl row 9, column usage_start_time",
    }
    assert "'2026' is not the month of an invoice; write it as 202610" in "\n".join(problems)


def test_json_that_breaks_off_is_told_by_record(tmp_path):
    text = lines(export({}, {}))[:-40]
    with pytest.raises(BadInput, match=r"is not JSON after record 1"):
        read(write(tmp_path, text, "export.jsonl"))


def test_files_of_all_forms_are_one_bill(tmp_path):
    write(tmp_path, lines(MIXED), "in/000.jsonl")
    write_nested(tmp_path / "in", MIXED, "001.parquet")
    bill, rows = read(tmp_path / "in")
    assert bill.rows == len(rows) == 2 * len(MIXED)
    one, _ = read(tmp_path / "in" / "000.jsonl")
    assert bill.totals["USD"]["billed"] == 2 * one.totals["USD"]["billed"]


def test_many_rows_come_out_in_order(tmp_path):
    """More than one chunk of JSON."""
    draw = random.Random(7)
    amounts = [draw.randrange(10**6) / 1000 for _ in range(20_000)]
    rows = [{**export({})[0], "cost": amount} for amount in amounts]
    bill, found = read(write(tmp_path, lines(rows), "export.jsonl"))
    assert [row["x_SourceRow"] for row in found] == list(range(1, 20_001))
    assert bill.totals["USD"]["billed"] == sum(Fraction(str(amount)) for amount in amounts)
