"""Azure's actual and amortised exports: apart, together, and exact to the nano."""

import csv
import random
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.azure_bills import (
    BOUGHT,
    COVERED,
    CUSTOMER,
    LEASE,
    PLAN,
    UNUSED,
    export,
    renamed,
    text_of,
    write_run,
)
from billing.bills import exact_sums, read, sample, write, write_parquet
from billing.golden import check_golden
from trainfare.billing.bill import check
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO


def nano(rows, column):
    return sum(row[column] or 0 for row in rows)


def read_text(tmp_path, rows, name="actual.csv"):
    return read(write(tmp_path, text_of(rows), name))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("azure-enterprise-actual", "in.csv"),
        ("azure-customer-amortized", "amortized.csv"),
        ("azure-both-exports", "in"),
    ],
)
def test_golden_cases_come_out_as_they_were_reviewed(name, place):
    check_golden(name, place)


@pytest.mark.parametrize(("name", "count"), [("azure/ea_anonymous.csv", 27), ("nise/azure", 24)])
def test_samples_are_conserved_row_for_row(name, count):
    path = sample(name)
    path = path if path.is_file() else next(path.glob("*.csv"))
    bill, rows = read(path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        told = list(csv.DictReader(stream))
    exact = exact_sums(told, ["CostInBillingCurrency"])["CostInBillingCurrency"]
    currency = next(iter(bill.totals))
    assert len(rows) == len(told) == count
    assert bill.totals[currency] == {"billed": Fraction(exact), "effective": Fraction(exact)}
    for column in ("x_BilledNano", "x_EffectiveNano"):
        assert abs(nano(rows, column) - Fraction(exact) * NANO) <= Fraction(1, 2)
    assert [row["x_SourceRow"] for row in rows] == list(range(1, count + 1))
    for ours, theirs in zip(rows, told, strict=True):
        assert ours["ResourceId"] == theirs["ResourceId"].lower()
        assert ours["SkuMeter"] == theirs["MeterName"]
        assert ours["ConsumedQuantity"] == theirs["Quantity"]


def test_the_enterprise_sample_is_of_one_day_and_one_month():
    _, rows = read(sample("azure/ea_anonymous.csv"))
    assert {row["ChargePeriodStart"] for row in rows} == {datetime(2023, 9, 2, tzinfo=UTC)}
    assert {row["ChargePeriodEnd"] for row in rows} == {datetime(2023, 9, 3, tzinfo=UTC)}
    assert {row["BillingPeriodStart"] for row in rows} == {datetime(2023, 9, 1, tzinfo=UTC)}
    assert {row["BillingPeriodEnd"] for row in rows} == {datetime(2023, 10, 1, tzinfo=UTC)}
    assert {row["Tags"] for row in rows} == {'{"tagA":"valueA","tagB":"valueB","tagC":"valueC"}'}


def dates(rows, spelling):
    changed = []
    for row in rows:
        texts = {
            name: spelling(datetime.strptime(row[name], "%m/%d/%Y").replace(tzinfo=UTC))
            for name in ("Date", "BillingPeriodStartDate", "BillingPeriodEndDate")
        }
        changed.append({**row, **texts})
    return changed


SMALL = {name: name[:1].lower() + name[1:] for name in export({})[0]}
NEWER = {"CostInBillingCurrency": "Cost", "ProductName": "Product"}
VARIANTS = {
    "customer": lambda rows: renamed(rows, {**SMALL, **CUSTOMER}),
    "newer schema": lambda rows: renamed(rows, {**NEWER, "BillingCurrencyCode": "BillingCurrency"}),
    "short dates": lambda rows: dates(rows, lambda day: f"{day.month}/{day.day}/{day.year}"),
    "ISO dates": lambda rows: dates(rows, lambda day: f"{day:%Y-%m-%d}"),
    "ISO times": lambda rows: dates(rows, lambda day: f"{day:%Y-%m-%dT%H:%M:%SZ}"),
    "tags with braces": lambda rows: [{**row, "Tags": f"{{{row['Tags']}}}"} for row in rows],
}
MIXED = export(
    {},
    BOUGHT,
    {"PricingModel": "Spot", "CostInBillingCurrency": "5.64902E-05"},
    {"ChargeType": "RoundingAdjustment", "PricingModel": "", "Quantity": "0"},
)


def told(rows):
    return [
        {
            name: value
            for name, value in row.items()
            if not name.startswith("x_Source") and name != "x_Repairs"
        }
        for row in rows
    ]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_spelling_of_an_export_gives_the_same_charges(tmp_path, name):
    _, before = read_text(tmp_path, MIXED)
    _, after = read_text(tmp_path, VARIANTS[name](MIXED), "actual-variant.csv")
    assert told(after) == told(before)


def test_parquet_gives_the_same_charges_as_csv(tmp_path):
    columns = {name: [row[name] or None for row in MIXED] for name in MIXED[0]}
    _, after = read(write_parquet(tmp_path, columns, "actual.parquet"))
    _, before = read_text(tmp_path, MIXED)
    assert told(after) == told(before)


def test_parquet_may_hold_tags_as_objects(tmp_path):
    columns = {name: [row[name] or None for row in MIXED] for name in MIXED[0]}
    columns["Tags"] = [{"team": "nlp"}, None, {"team": "vision"}, None]
    _, rows = read(write_parquet(tmp_path, columns, "actual.parquet"))
    assert [row["Tags"] for row in rows] == ['{"team":"nlp"}', None, '{"team":"vision"}', None]


BOTH = {
    "actual": export(
        {},
        {**COVERED, "CostInBillingCurrency": "0"},
        {**BOUGHT, "CostInBillingCurrency": "100"},
        {**BOUGHT, "ChargeType": "Refund", "CostInBillingCurrency": "-10"},
        {"ChargeType": "Purchase", "PricingModel": "OnDemand", "CostInBillingCurrency": "7"},
    ),
    "amortised": export(
        {},
        {**COVERED, "CostInBillingCurrency": "60.0000000000000000000000000001"},
        {**UNUSED, "CostInBillingCurrency": "29.9999999999999999999999999999"},
        {"ChargeType": "Purchase", "PricingModel": "OnDemand", "CostInBillingCurrency": "7"},
    ),
}


def write_both(folder, both=BOTH, start="20261001"):
    write_run(folder, "ActualCost", both["actual"], start)
    write_run(folder, "AmortizedCost", both["amortised"], start)
    return folder


def test_both_exports_are_one_bill_that_counts_nothing_twice(tmp_path):
    bill, rows = read(write_both(tmp_path / "in"))
    assert (bill.format, bill.rows, bill.notices) == ("azure-actual+azure-amortized", 6, ())
    costs = [
        (row["x_LineItemType"], row["x_BilledNano"], row["x_EffectiveNano"], row["x_SourceRow"])
        for row in rows
    ]
    assert costs == [
        ("Usage", 73_460_000_000, 73_460_000_000, 1),
        ("Usage", 0, 60_000_000_000, 2),
        ("UnusedReservation", 0, 30_000_000_000, 3),
        ("Purchase", 7_000_000_000, 7_000_000_000, 4),
        ("Purchase", 100_000_000_000, 0, 3),
        ("Refund", -10_000_000_000, 0, 4),
    ]
    assert bill.totals["USD"]["billed"] == Fraction("170.46")
    assert bill.totals["USD"]["effective"] == Fraction("170.46")
    assert not any("not-amortised" in (row["x_Repairs"] or "") for row in rows)


def test_what_a_commitment_covers_and_leaves_unused_is_what_was_paid_for_it(tmp_path):
    """FOCUS: per commitment, effective cost of its usage is billed cost of its purchases."""
    _, rows = read(write_both(tmp_path / "in"))
    mine = [row for row in rows if row["CommitmentDiscountId"] == LEASE.lower()]
    used = [row for row in mine if row["ChargeCategory"] == "Usage"]
    bought = [row for row in mine if row["ChargeCategory"] == "Purchase"]
    assert nano(used, "x_EffectiveNano") == nano(bought, "x_BilledNano") == 90_000_000_000
    assert [row["CommitmentDiscountStatus"] for row in used] == ["Used", "Unused"]
    assert {row["CommitmentDiscountStatus"] for row in bought} == {None}


AMOUNT = st.decimals("-1000", "1000", places=20).map(str)


@st.composite
def pairs(draw):
    """An actual and an amortised export that agree, in any order of their rows."""
    actual, amortised = [], []
    for amount in draw(st.lists(AMOUNT, min_size=1, max_size=5)):
        row = {"CostInBillingCurrency": amount}
        actual.append(row)
        amortised.append(row)
    for benefit in (LEASE, PLAN):
        parts = draw(st.lists(AMOUNT, max_size=4))
        with localcontext() as context:
            context.prec = 50
            paid = sum(map(Decimal, parts), Decimal(0))
        model = "Reservation" if benefit == LEASE else "SavingsPlan"
        mine = {"PricingModel": model, "BenefitId": benefit}
        actual.append({**BOUGHT, **mine, "CostInBillingCurrency": str(paid)})
        for part in parts:
            kind = draw(st.sampled_from(["Usage", f"Unused{model}"]))
            amortised.append({**mine, "ChargeType": kind, "CostInBillingCurrency": part})
            if kind == "Usage":
                actual.append({**mine, "CostInBillingCurrency": "0"})
    order = random.Random(draw(st.integers(0, 99)))
    order.shuffle(actual)
    order.shuffle(amortised)
    return {"actual": export(*actual), "amortised": export(*amortised)}


@settings(max_examples=25, deadline=None)
@given(both=pairs())
def test_billed_adds_up_to_the_actual_export_and_effective_to_the_amortised(tmp_path_factory, both):
    bill, rows = read(write_both(tmp_path_factory.mktemp("both"), both))
    name = "CostInBillingCurrency"
    actual = Fraction(exact_sums(both["actual"], [name])[name])
    amortised = Fraction(exact_sums(both["amortised"], [name])[name])
    assert bill.totals["USD"]["billed"] == actual
    assert bill.totals["USD"]["effective"] == amortised
    assert abs(nano(rows, "x_BilledNano") - actual * NANO) <= 1  # half a nano per file
    assert abs(nano(rows, "x_EffectiveNano") - amortised * NANO) <= 1


def test_the_order_of_the_files_makes_no_difference(tmp_path):
    one = read(write_both(tmp_path / "one"))
    write(tmp_path, text_of(BOTH["actual"]), "two/a-actual.csv")
    write(tmp_path, text_of(BOTH["amortised"]), "two/b-amortized.csv")
    write(tmp_path, text_of(BOTH["amortised"]), "three/a-amortized.csv")
    write(tmp_path, text_of(BOTH["actual"]), "three/b.csv")
    for name in ("two", "three"):
        bill, rows = read(tmp_path / name)
        assert bill.totals == one[0].totals
        assert told(rows) == told(one[1])


def test_exports_of_several_months_are_one_delivery(tmp_path):
    write_both(tmp_path / "in")
    later = {
        kind: [
            {
                **row,
                "Date": "11/05/2026",
                "BillingPeriodStartDate": "11/01/2026",
                "BillingPeriodEndDate": "11/30/2026",
            }
            for row in rows
        ]
        for kind, rows in BOTH.items()
    }
    bill, _ = read(write_both(tmp_path / "in", later, "20261101"))
    assert bill.periods == {"2026-10", "2026-11"}
    assert bill.totals["USD"]["billed"] == 2 * Fraction("170.46")


def test_exports_of_different_months_are_refused(tmp_path):
    write_both(tmp_path / "in")
    write_run(
        tmp_path / "in",
        "ActualCost",
        [{**row, "BillingPeriodStartDate": "9/1/2026"} for row in BOTH["actual"]],
        "20260901",
    )
    with pytest.raises(BadInput) as caught:
        read(tmp_path / "in")
    assert "the actual export has the billing period of 8608480 that begins on 2026-09-01" in str(
        caught.value
    )
    assert "export both for the same periods, or import them one by one" in str(caught.value)


def test_the_amortised_export_alone_says_that_purchases_are_missing(tmp_path):
    bill, rows = read_text(tmp_path, BOTH["amortised"], "amortized.csv")
    assert bill.format == "azure-amortized"
    assert bill.totals["USD"]["effective"] == Fraction("170.46")
    assert bill.totals["USD"]["billed"] == Fraction("80.46")
    assert [
        (row["x_Repairs"] or "").count("BilledCost:purchase-not-in-export") for row in rows
    ] == [
        0,
        1,
        1,
        0,
    ]
    (notice,) = bill.notices
    assert "only the amortised export is here" in notice
    assert "billed cost lacks what paid for 2 rows" in notice


def test_the_actual_export_alone_says_that_it_is_not_amortised(tmp_path):
    bill, rows = read_text(tmp_path, BOTH["actual"])
    assert bill.totals["USD"]["billed"] == bill.totals["USD"]["effective"] == Fraction("170.46")
    assert [(row["x_Repairs"] or "").count("EffectiveCost:not-amortised") for row in rows] == [
        0,
        1,
        1,
        1,
        0,
    ]
    (notice,) = bill.notices
    assert "effective cost is billed cost on 3 rows" in notice


@pytest.mark.parametrize("name", ["actual.csv", "amortized.csv"])
def test_without_commitments_either_export_says_all(tmp_path, name):
    bill, rows = read_text(tmp_path, export({}, {}), name)
    assert bill.notices == ()
    assert bill.totals["USD"] == {"billed": Fraction("146.92"), "effective": Fraction("146.92")}
    assert {row["x_Repairs"] for row in rows} == {"Tags:braces-added"}


def test_unused_commitments_in_an_actual_export_are_a_problem(tmp_path):
    path = write(tmp_path, text_of(BOTH["amortised"]), "costs.csv")
    (problem,) = check(path)
    assert str(problem).startswith(
        "costs.csv row 3, column ChargeType: 'UnusedReservation' stands only in an amortised export"
    )
    assert "write 'amortized' into its name" in str(problem)


def test_amounts_of_28_decimals_add_up_exactly(tmp_path):
    amounts = ["0.1234567890123456789012345678", "-0.0000000000000000000000000001", "9.9E-27"]
    bill, rows = read_text(
        tmp_path, export(*({"CostInBillingCurrency": amount} for amount in amounts * 100))
    )
    exact = sum(map(Fraction, amounts)) * 100
    assert bill.totals["USD"]["billed"] == exact
    assert abs(nano(rows, "x_BilledNano") - exact * NANO) <= Fraction(1, 2)


def test_list_cost_of_nothing_is_unknown_where_something_was_charged(tmp_path):
    rows = export(
        {"PaygCostInBillingCurrency": "82"},
        {"PaygCostInBillingCurrency": "0"},
        {"PaygCostInBillingCurrency": "0", "CostInBillingCurrency": "0"},
        {"PaygCostInBillingCurrency": ""},
    )
    bill, found = read_text(tmp_path, rows)
    assert [row["x_ListNano"] for row in found] == [82_000_000_000, None, 0, None]
    assert "ListCost:zero-means-unknown" in found[1]["x_Repairs"]
    assert "ListCost" not in found[2]["x_Repairs"]
    assert "contracted" not in bill.totals["USD"]


def test_customer_agreements_are_billed_by_profile(tmp_path):
    bill, rows = read_text(
        tmp_path, export({"BillingAccountId": "agreement:1", "BillingProfileId": "PROF-1"})
    )
    assert rows[0]["BillingAccountId"] == "PROF-1"
    assert bill.source == "microsoft-prof-1"


def test_an_old_export_without_account_and_period_takes_both_from_the_row(tmp_path):
    gone = (
        "BillingAccountId",
        "BillingProfileId",
        "BillingPeriodStartDate",
        "BillingPeriodEndDate",
    )
    rows = [{k: v for k, v in row.items() if k not in (*gone, "ChargeType")} for row in export({})]
    _, found = read_text(tmp_path, rows)
    (row,) = found
    assert row["BillingAccountId"] == "sub-1"
    assert row["BillingPeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert row["x_Repairs"] == (
        "BillingPeriodStart:taken-from-date;BillingPeriodEnd:taken-from-start;"
        "BillingAccountId:taken-from-subscription;ChargeCategory:taken-as-usage;Tags:braces-added"
    )


def test_an_older_enterprise_export_is_read_too(tmp_path):
    """Its subscription is SubscriptionGuid, its cost Cost."""
    names = {"CostInBillingCurrency": "Cost", "SubscriptionId": "SubscriptionGuid"}
    bill, (row,) = read_text(tmp_path, renamed(export({}), names))
    assert (bill.format, row["SubAccountId"]) == ("azure-ea", "sub-1")
    amortised = renamed(export(COVERED), names)
    bill, (row,) = read_text(tmp_path, amortised, "costs-amortized.csv")
    assert (bill.format, row["x_BilledNano"]) == ("azure-amortized", 0)


def test_wrong_values_are_told_with_row_and_column(tmp_path):
    rows = export(
        {},
        {"CostInBillingCurrency": "1,204.50"},
        {"Date": "13/05/2026"},
        {"BillingCurrencyCode": ""},
        {"BillingPeriodStartDate": "soon"},
    )
    problems = [str(problem) for problem in check(write(tmp_path, text_of(rows), "actual.csv"))]
    assert {text.partition(": ")[0] for text in problems} == {
        "actual.csv row 2, column CostInBillingCurrency",
        "actual.csv row 3, column Date",
        "actual.csv row 4, column BillingCurrencyCode",
        "actual.csv row 5, column BillingPeriodStartDate",
    }
    assert len(problems) == 4
    assert any("'1,204.50' is not a number" in text for text in problems)
    assert any("'13/05/2026' is not a time" in text for text in problems)


def test_a_missing_column_is_named(tmp_path):
    rows = [{k: v for k, v in row.items() if k != "BillingCurrencyCode"} for row in export({})]
    (problem,) = check(write(tmp_path, text_of(rows), "actual.csv"))
    assert str(problem) == "actual.csv: has no column BillingCurrencyCode; export them too"


def test_the_delivery_of_a_folder_is_known_by_its_content(tmp_path):
    one, _ = read(write_both(tmp_path / "one"))
    two, _ = read(write_both(tmp_path / "two"))
    assert one.delivery == two.delivery
