"""FOCUS bills of every version, with what real exports get wrong, and exact to the nano."""

import csv
import gzip
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest

from billing.bills import (
    CHARGE,
    VIEWS,
    charges,
    exact_sums,
    read,
    sample,
    samples,
    write,
    write_parquet,
)
from trainfare.billing.bill import check
from trainfare.core.charge import COLUMNS, Component
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO

FILLED = """
[constants]
BillingCurrency = "USD"
BillingAccountId = "acme"
ServiceName = "Virtual Machines"

[times]
format = "month-first"

[numbers]
thousands = ","
strip = "$"
"""


def source_rows(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
        return [row for row in csv.DictReader(stream) if any(row.values())]


def assert_conserved(path, bill, rows):
    """The totals are the exact sums of the file, and the rows' nano add up to them."""
    source = source_rows(path)
    for row in source:
        for name in VIEWS.values():
            if row.get(name):
                row[name] = row[name].replace("$", "").replace(",", "").strip()
    for (column, name), exact in zip(
        VIEWS.items(), exact_sums(source, list(VIEWS.values())).values(), strict=True
    ):
        nano = sum(row[column] or 0 for row in rows)
        assert abs(nano - Fraction(exact) * NANO) <= Fraction(1, 2), name
        view = column.removeprefix("x_").removesuffix("Nano").lower()
        assert bill.totals.get("USD", {}).get(view, Fraction(0)) == Fraction(exact), name


def test_the_real_focus_sample_is_conserved_row_for_row():
    path = sample("focus/focus_1.0_sample_1000.csv")
    bill, rows = read(path)
    assert (bill.format, bill.rows, len(rows)) == ("focus-1.0", 1000, 1000)
    assert_conserved(path, bill, rows)
    source = source_rows(path)
    assert [row["x_SourceRow"] for row in rows] == list(range(1, 1001))
    for ours, theirs in zip(rows, source, strict=True):
        for name in ("ResourceId", "SkuId", "ChargeDescription", "ConsumedQuantity"):
            theirs_said = None if theirs[name] in {"", "NULL"} else theirs[name]
            assert ours[name] == theirs_said
        assert ours["x_ProviderName"] == ours["ServiceProviderName"] == theirs["ProviderName"]
        assert ours["x_Component"] in set(Component)
    components = Counter(row["x_Component"] for row in rows)
    assert components.keys() == set(Component)
    assert sum(row["x_ContractedNano"] is None for row in rows) == 7  # NULL is unknown, not 0
    assert bill.periods == {"2024-09", "2024-10"}
    negative = [row for row in rows if row["x_BilledNano"] < 0 or row["x_ListNano"] < 0]
    assert negative
    assert len(bill.accounts) == 3


EXAMPLES = samples("focus/spec_examples/*.csv")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:40])
def test_the_specifications_examples_are_conserved(path, tmp_path):
    """Read by a mapping that fills the columns and spellings which the examples leave out."""
    sample(str(path.relative_to(path.parents[2])))
    mapping = write(tmp_path, FILLED, "m.toml")
    if "T30:00:00" in path.read_text("utf-8-sig"):
        problems = check(path, mapping=mapping)
        assert [(p.column, p.value) for p in problems] == [
            ("ChargePeriodEnd", "2023-02-01T30:00:00Z")
        ]
        return
    bill, rows = read(path, mapping=mapping)
    assert bill.rows == len(source_rows(path))
    assert_conserved(path, bill, rows)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem[:40])
def test_commitments_cost_what_their_usage_costs(path, tmp_path):
    """Per commitment, effective cost of usage = billed cost of purchase; used + unused = usage.

    Source: FOCUS specification, EffectiveCost and CommitmentDiscountStatus.
    """
    sample(str(path.relative_to(path.parents[2])))
    if "T30:00:00" in path.read_text("utf-8-sig"):
        pytest.skip("the example holds a time that does not exist; its refusal is tested")
    _, rows = read(path, mapping=write(tmp_path, FILLED, "m.toml"))
    commitments = {row["CommitmentDiscountId"] for row in rows} - {None}
    for commitment in commitments:
        mine = [row for row in rows if row["CommitmentDiscountId"] == commitment]
        usage = [row for row in mine if row["ChargeCategory"] == "Usage"]
        purchases = [row for row in mine if row["ChargeCategory"] == "Purchase"]
        assert all(row["x_EffectiveNano"] == 0 for row in purchases)
        used = sum(r["x_EffectiveNano"] for r in usage if r["CommitmentDiscountStatus"] == "Used")
        unused = sum(
            r["x_EffectiveNano"] for r in usage if r["CommitmentDiscountStatus"] == "Unused"
        )
        paid = sum(row["x_EffectiveNano"] for row in usage)
        assert used + unused == paid
        if usage and purchases:
            assert paid == sum(row["x_BilledNano"] for row in purchases)


@pytest.mark.parametrize("name", ["saas_spend_agreements_b2", "virtual_currency_pricing_model_b1"])
def test_examples_with_all_columns_need_no_mapping(name):
    """Slash dates whose periods begin on a first, spaces behind amounts, a byte order mark."""
    path = sample(f"focus/spec_examples/{name}.csv")
    bill, rows = read(path)
    assert_conserved(path, bill, rows)
    assert all("BillingPeriodStart:read-month-first" in row["x_Repairs"] for row in rows)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_every_column_of_every_version_is_kept(tmp_path, version):
    told = json.loads(sample("focus_columns.json").read_text())["columns"]
    columns = {
        each["column"]: each["type"]
        for each in told
        if each["dataset"] == "CostAndUsage" and each["version"] == version
    }
    words = {"String": "word of {}", "Decimal": "1.250", "JSON": '{{"k":"{}"}}'}
    words["Date/Time"] = "2026-10-01T00:00:00Z"
    known = {**CHARGE, "ChargeClass": "Correction", "ServiceProviderName": "AWS"}
    row = {name: known.get(name) or words[kind].format(name) for name, kind in columns.items()}
    text = ",".join(row) + "\n" + ",".join('"' + v.replace('"', '""') + '"' for v in row.values())
    bill, [found] = read(write(tmp_path, text))
    assert bill.format == f"focus-{version}"
    renamed = {"ProviderName": "x_ProviderName", "PublisherName": "x_PublisherName"}
    renamed |= {name: column for column, name in VIEWS.items()}
    for name, kind in columns.items():
        value = found[renamed.get(name, name)]
        if name in VIEWS.values():
            assert value == Fraction(row[name]) * NANO
        elif kind == "Date/Time":
            assert value == datetime.fromisoformat(row[name])
        elif name == "Tags":
            assert value == '{"team":"nlp"}'
        else:
            assert value == row[name], name
    assert found["x_Repairs"] is None
    assert found["ServiceProviderName"] == "AWS"


@pytest.mark.parametrize("details", ['{"InstanceType": "p5.48xlarge", "GpuCount": 8}', "not json"])
def test_the_instance_type_is_taken_from_the_price_details(tmp_path, details):
    row = one(tmp_path, SkuPriceDetails=details)
    assert row["x_InstanceType"] == ("p5.48xlarge" if "p5" in details else None)


def test_a_clean_row_has_no_repairs(tmp_path):
    bill, rows = read(write(tmp_path, charges({})))
    assert rows[0]["x_Repairs"] is None
    assert bill.repairs == 0
    assert rows[0]["BillingPeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert [rows[0][column] for column in VIEWS] == [
        1_500_000_000,
        1_250_000_000,
        2_000_000_000,
        1_500_000_000,
    ]
    assert list(rows[0]) == list(COLUMNS)


def one(tmp_path, **changes):
    _, rows = read(write(tmp_path, charges(changes)))
    return rows[0]


@pytest.mark.parametrize(
    ("changes", "column", "value", "repair"),
    [
        ({"RegionId": "NULL"}, "RegionId", None, "RegionId:null-text"),
        ({"RegionId": "null"}, "RegionId", None, "RegionId:null-text"),
        ({"RegionId": ""}, "RegionId", None, None),
        ({"ChargeFrequency": "Usage-based"}, "ChargeFrequency", "Usage-Based", "ChargeFrequency:case"),
        ({"ChargeCategory": "usage"}, "ChargeCategory", "Usage", "ChargeCategory:case"),
        ({"BillingCurrency": "usd "}, "BillingCurrency", "USD", "BillingCurrency:case"),
        ({"SkuPriceid": "P-1"}, "SkuPriceId", "P-1", "SkuPriceId:named-SkuPriceid"),
        ({"Tags": '"a": "1"'}, "Tags", '{"a":"1"}', "Tags:braces-added"),
        ({"PricingQuantity": "a lot"}, "PricingQuantity", None, "PricingQuantity:not-a-number"),
        ({"PricingQuantity": "35.2E-7"}, "PricingQuantity", "35.2E-7", None),
        ({"ServiceName": ""}, "ServiceName", "AWS", "ServiceName:taken-from-provider"),
        ({"ListCost": "NULL"}, "x_ListNano", None, None),
        ({"ListCost": "0"}, "x_ListNano", 0, None),
        ({"EffectiveCost": "1E-9"}, "x_EffectiveNano", 1, None),
        ({"BilledCost": "-3.5 "}, "x_BilledNano", -3_500_000_000, None),
        ({"ResourceName": "=HYPERLINK(1)"}, "ResourceName", "=HYPERLINK(1)", None),
        ({"ServiceProviderName": "Reseller"}, "ServiceProviderName", "Reseller", None),
        ({"x_Operation": "RunInstances"}, "x_Operation", "RunInstances", None),
        ({"Id": "7"}, "SkuId", None, None),
    ],
)  # fmt: skip
def test_what_real_exports_get_wrong_is_repaired_and_noted(
    tmp_path, changes, column, value, repair
):
    row = one(tmp_path, **changes)
    assert row[column] == value
    assert row["x_Repairs"] == repair


def test_times_without_zone_are_utc_and_noted(tmp_path):
    row = one(tmp_path, ChargePeriodStart="2026-10-05 10:00:00")
    assert row["ChargePeriodStart"] == datetime(2026, 10, 5, 10, tzinfo=UTC)
    assert row["x_Repairs"] == "ChargePeriodStart:read-as-utc"


def test_repairs_stand_in_the_order_of_columns(tmp_path):
    row = one(tmp_path, Tags='"a": "1"', RegionId="NULL", BillingPeriodStart="2026-10-01")
    assert row["x_Repairs"] == (
        "BillingPeriodStart:read-as-midnight-utc;RegionId:null-text;Tags:braces-added"
    )


def test_repairs_are_of_their_row_only(tmp_path):
    path = write(tmp_path, charges({}, {"RegionId": "NULL"}, {"RegionId": "eu"}))
    bill, rows = read(path)
    assert [row["x_Repairs"] for row in rows] == [None, "RegionId:null-text", None]
    assert bill.repairs == 1


def test_very_many_kinds_of_repairs_are_all_noted(tmp_path):
    strings = [name for name, kind in COLUMNS.items() if kind == "string" and name[:2] != "x_"]
    optional = [name for name in strings if name not in CHARGE]
    numbers = [name for name, kind in COLUMNS.items() if kind == "decimal"]
    json_columns = ["SkuPriceDetails", "AllocatedTags", "ContractApplied"]
    changes = dict.fromkeys(optional, "NULL") | dict.fromkeys(numbers, "x")
    changes |= dict.fromkeys(json_columns, '"a": 1')
    changes |= {name: CHARGE[name][:10] for name in CHARGE if "Period" in name}
    notes = one(tmp_path, **changes)["x_Repairs"].split(";")
    assert len(notes) == len(set(notes)) == len(changes)
    assert len(notes) > 50


@pytest.mark.parametrize(
    ("changes", "column", "value", "said"),
    [
        ({"BilledCost": "1,204.50"}, "BilledCost", "1,204.50", "is not a number"),
        ({"EffectiveCost": "abc"}, "EffectiveCost", "abc", "is not a number"),
        ({"ListCost": "NaN"}, "ListCost", "NaN", "is not a number"),
        ({"BilledCost": "=1+1"}, "BilledCost", "=1+1", "is not a number"),
        ({"BilledCost": "1e12"}, "BilledCost", "1e12", "beyond 9.2 thousand million"),
        ({"BilledCost": ""}, "BilledCost", None, "is empty, and every charge needs it"),
        ({"EffectiveCost": "NULL"}, "EffectiveCost", None, "is empty"),
        ({"BillingCurrency": "dollars"}, "BillingCurrency", "dollars", "is not a currency"),
        ({"BillingCurrency": ""}, "BillingCurrency", None, "is empty"),
        ({"ChargeCategory": "Rent"}, "ChargeCategory", "Rent", "is not a charge category"),
        ({"ChargePeriodEnd": "soon"}, "ChargePeriodEnd", "soon", "is not a time"),
        ({"ChargePeriodEnd": ""}, "ChargePeriodEnd", None, "is empty"),
        ({"BillingAccountId": "NULL"}, "BillingAccountId", None, "is empty"),
        ({"ChargePeriodEnd": "2026-10-05T09:00:00Z"}, "ChargePeriodEnd",
         "2026-10-05 09:00:00+00:00", "is before ChargePeriodStart"),
        ({"BillingPeriodStart": "15/10/2026"}, "BillingPeriodStart", "15/10/2026", "not a time"),
        ({"BillingPeriodStart": "1/10/2026"}, "BillingPeriodStart", "1/10/2026", "not a time"),
    ],
)  # fmt: skip
def test_what_no_repair_can_settle_is_a_problem(tmp_path, changes, column, value, said):
    path = write(tmp_path, charges({}, changes))
    problems = check(path)
    assert [(p.file, p.row, p.column, p.value) for p in problems] == [
        ("bill.csv", 2, column, value)
    ]
    assert said in problems[0].what
    with pytest.raises(BadInput, match="1 problem; nothing was stored"):
        read(path)


def test_all_problems_come_in_one_message(tmp_path):
    path = write(
        tmp_path,
        charges({"BilledCost": "x"}, {}, {"ChargeCategory": "Rent", "BillingCurrency": "?"})
        + "too,short\n",
    )
    with pytest.raises(BadInput) as caught:
        read(path)
    text = str(caught.value)
    for part in ("4 problems", "row 1, column BilledCost: 'x'", "'Rent'", "'?'", "row 4"):
        assert part in text


def test_missing_columns_are_one_clear_error(tmp_path):
    text = charges({}).replace("EffectiveCost", "Effektiv").replace("ServiceName", "Dienst")
    with pytest.raises(BadInput, match=r"nearest to focus, but has no column EffectiveCost;"):
        read(write(tmp_path, text))
    text = charges({}).replace("BillingAccountId", "Konto").replace("ServiceName", "Dienst")
    problems = check(write(tmp_path, text))
    assert len(problems) == 1
    assert "has no column BillingAccountId, ServiceName, which FOCUS requires" in problems[0].what


def test_a_bill_without_charges_is_a_problem(tmp_path):
    problems = check(write(tmp_path, charges({}).split("\n")[0] + "\n"))
    assert "has a header and no charges" in problems[0].what


def test_gzip_zip_and_parquet_say_what_csv_says(tmp_path):
    text = charges({}, {"BilledCost": "0.0000000014", "Tags": ""}, {"BilledCost": "0.0000000014"})
    plain = read(write(tmp_path, text))[1]
    packed = read(write(tmp_path, gzip.compress(text.encode()), "bill.csv.gz"))[1]
    columns = {name: [row[name] for row in csv.DictReader(text.splitlines())] for name in CHARGE}
    parquet = read(write_parquet(tmp_path, columns))[1]
    with zipfile.ZipFile(tmp_path / "bill.csv.zip", "w") as archive:
        archive.writestr("report-1.csv", text)
    zipped = read(tmp_path / "bill.csv.zip")[1]
    for row in (*plain, *packed, *parquet, *zipped):
        row.pop("x_SourceFile")
    assert plain == packed == parquet == zipped
    assert [row["x_BilledNano"] for row in plain] == [1_500_000_000, 1, 2]


@pytest.mark.parametrize("kind", [pa.decimal128(28, 10), pa.float64(), pa.string()], ids=str)
def test_typed_parquet_columns_of_a_provider(tmp_path, kind):
    amounts = ["0.1", "0.0000000003", "-2.25"]
    moment = pa.array([datetime(2026, 10, 1)] * 3, pa.timestamp("ms"))
    later = pa.array([datetime(2026, 11, 1)] * 3, pa.timestamp("ms"))
    typed = pa.array([Decimal(a) if pa.types.is_decimal(kind) else a for a in amounts])
    cost = typed.cast(kind)
    columns = {
        **{name: [value] * 3 for name, value in CHARGE.items() if name != "Tags"},
        **dict.fromkeys(VIEWS.values(), cost),
        "BillingPeriodStart": moment,
        "BillingPeriodEnd": later,
        "ChargePeriodStart": moment,
        "ChargePeriodEnd": later,
        "ConsumedQuantity": pa.array([Decimal("1.500"), None, Decimal("0.250")]),
        "Tags": pa.array(
            [[("user:team", "nlp"), ("run_id", "r-1")], None, []], pa.map_(pa.string(), pa.string())
        ),
        "SkuPriceDetails": [{"GpuCount": 8}, None, None],
    }
    bill, rows = read(write_parquet(tmp_path, columns))
    assert bill.totals["USD"]["billed"] == Fraction("-2.1499999997")
    assert [row["x_BilledNano"] for row in rows] == [100_000_000, 0, -2_250_000_000]
    assert [row["ConsumedQuantity"] for row in rows] == ["1.500", None, "0.250"]
    assert [row["Tags"] for row in rows] == ['{"run_id":"r-1","team":"nlp"}', None, None]
    assert [row["SkuPriceDetails"] for row in rows] == ['{"GpuCount":8}', None, None]
    assert [row["x_Repairs"] for row in rows] == ["Tags:user-prefix-removed", None, None]


def test_currencies_are_kept_apart(tmp_path):
    path = write(tmp_path, charges({}, {"BillingCurrency": "EUR"}, {"BillingCurrency": "eur"}))
    bill, rows = read(path)
    assert {currency: views["billed"] for currency, views in bill.totals.items()} == {
        "USD": Fraction(3, 2),
        "EUR": 3,
    }
    assert [row["BillingCurrency"] for row in rows] == ["USD", "EUR", "EUR"]


def test_a_currency_in_two_spellings_is_rounded_as_one(tmp_path):
    """Four tenths of a nano, five times: the order of the file decides which row gets the nano."""
    changes = [
        {"BilledCost": "0.0000000004", "BillingCurrency": c}
        for c in ["eur", "EUR", "eur", "EUR", "eur"]
    ]
    _, rows = read(write(tmp_path, charges(*changes)))
    assert [row["x_BilledNano"] for row in rows] == [0, 1, 0, 1, 0]


def test_each_files_total_is_exact_by_itself(tmp_path):
    """Rounding begins anew with each file, so files imported together or alone are the same."""
    for name in ("a.csv", "b.csv"):
        write(
            tmp_path, charges({"BilledCost": "0.0000000004"}, {"BilledCost": "0.0000000004"}), name
        )
    together = [row["x_BilledNano"] for row in read(tmp_path)[1]]
    assert together == [0, 1, 0, 1]
    assert [row["x_BilledNano"] for row in read(tmp_path / "b.csv")[1]] == [0, 1]


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_other_writers_kinds_of_text_are_read_alike(tmp_path, kind):
    """Polars, Spark and pandas each write text in a type of their own."""
    plain = {name: pa.array([value, None, value]) for name, value in CHARGE.items()}
    filled = {name: column.fill_null(CHARGE[name]) for name, column in plain.items()}
    expected = read(write_parquet(tmp_path, filled, "a.parquet"))[1]
    other = {name: column.cast(kind) for name, column in filled.items()}
    found = read(write_parquet(tmp_path, other, "b.parquet"))[1]
    for row in (*expected, *found):
        row.pop("x_SourceFile")
    assert found == expected


def test_a_column_of_an_impossible_type_is_a_problem(tmp_path):
    columns = {**{name: [value] for name, value in CHARGE.items()}, "ServiceName": [[1, 2]]}
    problems = check(write_parquet(tmp_path, columns))
    assert "cannot be read" in problems[0].what


def test_a_quantity_that_is_not_a_number_in_a_double_column_is_null(tmp_path):
    columns = {name: [value] for name, value in CHARGE.items()}
    columns["ConsumedQuantity"] = [float("nan")]
    _, rows = read(write_parquet(tmp_path, columns))
    assert rows[0]["ConsumedQuantity"] is None
    assert rows[0]["x_Repairs"] == "ConsumedQuantity:not-a-number"
