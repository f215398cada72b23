"""A report of AWS is read to the nano, whichever kind of report it is."""

import csv
import gzip
import io
import json
import shutil
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.aws_bills import LEASE, LINE, PLAN, cur2, legacy, lines, write_cur2_parquet
from billing.bills import exact_sums, read, sample, write
from billing.golden import check_golden
from trainfare.billing.bill import check
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO

ANYTHING = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def without_source(rows):
    return [
        {column: value for column, value in row.items() if not column.startswith("x_Source")}
        for row in rows
    ]


def nano(rows, column):
    return sum(row[column] or 0 for row in rows)


@pytest.mark.parametrize("name", ["aws-line-items", "aws-split-costs"])
def test_golden_cases_come_out_as_they_were_reviewed(name):
    check_golden(name)


SPLIT = {
    "split_line_item_parent_resource_id": "i-0123456789abcdef0",
    "split_line_item_split_cost": "1",
    "reservation_unused_recurring_fee": "1",
}
ITEMS = lines(
    {},
    {"line_item_unblended_cost": "1.5E-7", "tags": {"user:team": "nlp", "user:run_id": "run-2"}},
    {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "savings_plan_savings_plan_a_r_n": PLAN,
        "savings_plan_savings_plan_effective_cost": "21.5",
        "tags": {},
    },
    {
        "line_item_line_item_type": "SavingsPlanNegation",
        "line_item_unblended_cost": "-32.7726",
        "savings_plan_savings_plan_a_r_n": PLAN,
        "line_item_resource_id": "",
        "tags": {},
    },
    {
        "line_item_line_item_type": "DiscountedUsage",
        "line_item_unblended_cost": "0.0",
        "reservation_reservation_a_r_n": LEASE,
        "reservation_effective_cost": "0.634",
    },
)


def test_a_legacy_report_and_a_new_one_of_the_same_items_are_the_same_charges(tmp_path):
    old, old_rows = read(write(tmp_path, legacy(ITEMS), "old.csv"))
    new, new_rows = read(write(tmp_path, cur2(ITEMS), "new.csv"))
    assert (old.format, new.format) == ("aws-cur-legacy", "aws-cur-2.0")
    assert without_source(old_rows) == without_source(new_rows)
    assert old_rows[1]["Tags"] == '{"run_id":"run-2","team":"nlp"}'


def test_parquet_with_maps_is_the_same_but_for_how_numbers_are_spelt(tmp_path):
    items = ITEMS * 30  # several row groups, so maps are read across their borders
    _, texts = read(write(tmp_path, cur2(items)))
    path = write_cur2_parquet(tmp_path / "bill.parquet", items, row_group_size=40)
    _, rows = read(path)
    spelt = ("ConsumedQuantity", "PricingQuantity", "ListUnitPrice")
    for row, text in zip(without_source(rows), without_source(texts), strict=True):
        differing = {column for column in row if row[column] != text[column]}
        assert differing <= set(spelt)
        assert all(Decimal(row[c]) == Decimal(text[c]) for c in differing)


def test_the_parquet_of_a_legacy_report_has_a_column_for_each_tag(tmp_path):
    text = cur2(ITEMS).splitlines()
    header = text[0].replace("resource_tags", "resource_tags_user_run_id")
    rows = [line.replace('"{""user_run_id"": ""run-1""}"', "run-1") for line in text[1:]]
    _, found = read(write(tmp_path, "\n".join([header, rows[0]]) + "\n"))
    assert found[0]["Tags"] == '{"run_id":"run-1"}'


def test_the_anonymous_report_is_read_to_the_nano():
    bill, rows = read(sample("aws/cur1_anonymous.csv"))
    assert (bill.rows, bill.repairs, bill.periods) == (1281, 0, {"2023-11"})
    written = sample("aws/cur1_anonymous.csv").read_text("utf-8")
    items = list(csv.DictReader(io.StringIO(written)))
    cash, public = "lineItem/UnblendedCost", "pricing/publicOnDemandCost"
    assert sum("E" in item[cash] for item in items) == 681
    sums = exact_sums(items, [cash, public])
    totals = bill.totals["USD"]
    assert Decimal(totals["billed"].numerator) / totals["billed"].denominator == sums[cash]
    assert Decimal(totals["list"].numerator) / totals["list"].denominator == sums[public]
    assert totals["effective"] == totals["billed"]
    for column, name in (("x_BilledNano", cash), ("x_ListNano", public)):
        assert abs(nano(rows, column) - sums[name] * NANO) <= Decimal("0.5")


def test_tax_spans_its_month_though_the_report_is_daily():
    _, rows = read(sample("aws/cur1_anonymous.csv"))
    taxes = [row for row in rows if row["ChargeCategory"] == "Tax"]
    assert len(taxes) == 12
    assert {(row["ChargePeriodStart"].day, row["ChargePeriodEnd"].month) for row in taxes} == {
        (1, 12)
    }
    assert {row["ChargeFrequency"] for row in rows} == {"One-Time", "Usage-Based"}


@pytest.mark.parametrize(
    "name", ["nise/aws/September-2026-None.csv.gz", "nise/aws/aws_p4d_savingsplan_static.csv"]
)
def test_generated_reports_conserve_cash_and_miss_their_negation(name):
    path = sample(name)
    raw = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    items = list(csv.DictReader(io.StringIO(raw.decode())))
    bill, rows = read(path)
    covered = [i for i in items if i["lineItem/LineItemType"] == "SavingsPlanCoveredUsage"]
    cash = exact_sums(items, ["lineItem/UnblendedCost"])["lineItem/UnblendedCost"]
    on_demand = exact_sums(covered, ["lineItem/UnblendedCost"])["lineItem/UnblendedCost"]
    planned = "savingsPlan/SavingsPlanEffectiveCost"
    effective = cash - on_demand + exact_sums(covered, [planned])[planned]
    totals = bill.totals["USD"]
    assert Decimal(totals["billed"].numerator) / totals["billed"].denominator == cash
    assert Decimal(totals["effective"].numerator) / totals["effective"].denominator == effective
    assert len(rows) == len(items)
    (notice,) = bill.notices
    assert notice.startswith("covered usage without negation")
    assert f"{float(on_demand):,.2f} USD" in notice


amounts = st.decimals(-10_000, 10_000, allow_nan=False, allow_infinity=False, places=12)


@ANYTHING
@given(st.lists(amounts, min_size=1, max_size=30))
def test_the_sum_of_what_is_read_is_the_sum_of_the_unblended_costs(tmp_path, costs):
    items = lines(*({"line_item_unblended_cost": str(cost)} for cost in costs))
    bill, rows = read(write(tmp_path, legacy(items)))
    total = bill.totals["USD"]["billed"]
    assert Decimal(total.numerator) / total.denominator == sum(costs)
    assert abs(nano(rows, "x_BilledNano") - sum(costs) * NANO) <= Decimal("0.5")


def test_accounts_invoice_and_region_are_those_of_the_report(tmp_path):
    item = lines(
        {
            "bill_invoice_id": "inv-9",
            "bill_payer_account_name": "acme",
            "line_item_usage_account_name": "acme vision",
            "line_item_availability_zone": "us-east-1b",
            "pricing_rate_code": "SKU.TERM.RATE",
            "product_sku": "SKU",
        }
    )
    bill, (row,) = read(write(tmp_path, cur2(item)))
    assert (row["BillingAccountId"], row["BillingAccountName"]) == ("111122223333", "acme")
    assert (row["SubAccountId"], row["SubAccountName"]) == ("444455556666", "acme vision")
    assert (row["RegionId"], row["AvailabilityZone"]) == ("us-east-1", "us-east-1b")
    assert (row["SkuId"], row["SkuPriceId"]) == ("SKU", "SKU.TERM.RATE")
    assert (row["InvoiceId"], bill.source) == ("inv-9", "aws-111122223333")


def test_columns_with_spaces_and_foreign_columns_are_no_trouble(tmp_path):
    text = legacy(lines({})).splitlines()
    text[0] += ",costCategory/Charge type,product/noOfGPUs"
    text[1] += ",on demand,8"
    bill, rows = read(write(tmp_path, "\n".join(text) + "\n"))
    assert (bill.rows, bill.repairs) == (1, 0)
    assert "on demand" not in json.dumps(rows, default=str)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("line_item_currency_code", "lineItem/CurrencyCode"),
        ("bill_billing_period_end_date", "bill/BillingPeriodEndDate"),
        ("line_item_usage_end_date", "lineItem/UsageEndDate"),
    ],
)
def test_a_column_that_is_not_there_is_named_as_the_report_would(tmp_path, column, told):
    item = lines({})[0]
    item.pop(column)
    (problem,) = check(write(tmp_path, legacy([item]), "old.csv"))
    assert told in problem.what
    (problem,) = check(write(tmp_path, cur2([item]), "new.csv"))
    assert column in problem.what
    assert "export them too" in problem.what


@pytest.mark.parametrize(
    ("change", "column", "what"),
    [
        ({"line_item_unblended_cost": "12,50"}, "lineItem/UnblendedCost", "is not a number"),
        ({"line_item_unblended_cost": ""}, "lineItem/UnblendedCost", "is empty"),
        ({"line_item_usage_start_date": "yesterday"}, "lineItem/UsageStartDate", "is not a time"),
        ({"line_item_currency_code": "dollars"}, "lineItem/CurrencyCode", "is not a currency"),
        (
            {"line_item_line_item_type": "SavingsPlanCoveredUsage"},
            "savingsPlan/SavingsPlanEffectiveCost",
            "SavingsPlanCoveredUsage needs it",
        ),
        (
            {"line_item_line_item_type": "DiscountedUsage", "reservation_effective_cost": "much"},
            "reservation/EffectiveCost",
            "is not a number",
        ),
        ({"line_item_line_item_type": "RIFee"}, "reservation/UnusedRecurringFee", "RIFee needs it"),
    ],
)
def test_what_a_row_lacks_is_told_with_row_and_column(tmp_path, change, column, what):
    path = write(tmp_path, legacy(lines({}, change)))
    problems = [problem for problem in check(path) if problem.column.lower() == column.lower()]
    assert [problem.row for problem in problems] == [2]
    assert what in problems[0].what
    with pytest.raises(BadInput, match="nothing was stored"):
        read(path)


def test_an_amortised_column_that_nobody_exported_is_named(tmp_path):
    item = {**lines({})[0], "line_item_line_item_type": "SavingsPlanCoveredUsage"}
    item.pop("savings_plan_savings_plan_effective_cost")
    (problem,) = check(write(tmp_path, cur2([item])))
    assert problem.column == "savings_plan_savings_plan_effective_cost"
    assert problem.what.startswith("is not in the file")


@ANYTHING
@given(
    st.sampled_from([name for name in LINE if name != "tags"] + list(SPLIT)),
    st.one_of(
        st.text(max_size=12), st.sampled_from(["1e400", "NaN", "-", "{", "9" * 25, "\ud800"])
    ),
    st.sampled_from([legacy, cur2]),
)
def test_any_word_in_any_cell_is_read_or_told(tmp_path, column, word, spelt):
    word = word.encode("utf-8", "ignore").decode().replace("\0", "")
    items = lines({**SPLIT, "line_item_line_item_type": "RIFee"}, {**SPLIT, column: word})
    path = write(tmp_path, spelt(items))
    problems = check(path)
    assert all(problem.file == "bill.csv" for problem in problems)


def test_odd_words_in_a_column_that_a_row_does_not_need_are_no_problem(tmp_path):
    item = lines({"savings_plan_savings_plan_effective_cost": "None"})
    bill, _ = read(write(tmp_path, legacy(item)))
    assert bill.totals["USD"]["effective"] == bill.totals["USD"]["billed"]


LEGACY_MANIFEST = "acme-report/20261001-20261101"
EXPORT = "exports/acme/metadata/BILLING_PERIOD=2026-10"


def test_a_legacy_manifest_says_which_assembly_is_the_bill(tmp_path):
    """Every refresh leaves its files behind; only those of the newest manifest are the bill."""
    for assembly, cost in (("aaa", "1"), ("bbb", "2")):
        items = lines({"line_item_unblended_cost": cost})
        name = f"{LEGACY_MANIFEST}/{assembly}/acme-report-1.csv.gz"
        write(tmp_path, gzip.compress(legacy(items).encode()), name)
    manifest = {
        "assemblyId": "bbb",
        "reportName": "acme-report",
        "billingPeriod": {"start": "20261001T000000.000Z", "end": "20261101T000000.000Z"},
        "reportKeys": [f"bills/{LEGACY_MANIFEST}/bbb/acme-report-1.csv.gz"],
    }
    write(tmp_path, json.dumps(manifest), f"{LEGACY_MANIFEST}/acme-report-Manifest.json")
    bill, rows = read(tmp_path)
    assert [row["x_BilledNano"] for row in rows] == [2 * NANO]
    assert bill.format == "aws-cur-legacy"
    shutil.rmtree(tmp_path / LEGACY_MANIFEST / "bbb")
    with pytest.raises(BadInput, match="fetch the whole delivery again"):
        read(tmp_path)


def test_an_export_manifest_lists_the_chunks_of_one_bill_in_order(tmp_path):
    for number, cost in ((1, "1"), (2, "2")):
        path = f"exports/acme/data/BILLING_PERIOD=2026-10/acme-0000{number}.snappy.parquet"
        write(tmp_path, b"", path)
        write_cur2_parquet(tmp_path / path, lines({"line_item_unblended_cost": cost}))
    keys = [
        f"s3://bucket/exports/acme/data/BILLING_PERIOD=2026-10/acme-0000{number}.snappy.parquet"
        for number in (1, 2)
    ]
    manifest = {"exportArn": "arn:aws:bcm-data-exports:…:acme", "dataFiles": keys}
    path = write(tmp_path, json.dumps(manifest), f"{EXPORT}/acme-Manifest.json")
    for place in (tmp_path, path):
        bill, rows = read(place)
        assert [row["x_BilledNano"] for row in rows] == [NANO, 2 * NANO]
        assert bill.format == "aws-cur-2.0"
