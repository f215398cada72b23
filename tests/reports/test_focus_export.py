"""FOCUS export: columns as FOCUS has them, parts that sum to the charge, files that lose nothing."""

import csv
import io
import json
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.lake import NANO, at, charge, claim, numbered, write_lake
from billing.bills import sample
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.parts import stream_parts
from trainfare.allocation.proportion import ONE
from trainfare.core.errors import BadInput
from trainfare.reports.focus_export import (
    Origin,
    focus_batch,
    lake_columns,
    merged_tags,
    method_details,
    quantity_part,
)
from trainfare.reports.focus_export_columns import VERSIONS, Kind, focus_columns
from trainfare.reports.focus_export_file import write_csv, write_parquet

versions = pytest.mark.parametrize("version", VERSIONS)
edges = st.lists(st.integers(1, ONE - 1), max_size=6).map(lambda found: [0, *sorted(found), ONE])
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, places=15, min_value=-(10**9), max_value=10**9
)


@versions
def test_columns_order_types_and_nullability_are_those_of_focus(version):
    facts = [
        fact
        for fact in json.loads(sample("focus_columns.json").read_text())["columns"]
        if (fact["version"], fact["dataset"]) == (version, "CostAndUsage")
    ]
    kinds = {"String": {Kind.TEXT}, "JSON": {Kind.JSON}, "Date/Time": {Kind.TIME}}
    kinds["Decimal"] = {Kind.MONEY, Kind.DECIMAL}
    ours = [one for one in focus_columns(version) if not one.name.startswith("x_")]
    assert [one.name for one in ours] == [fact["column"] for fact in facts]
    assert [one.is_nullable for one in ours] == [fact["nullable"] for fact in facts]
    assert all(one.kind in kinds[fact["type"]] for one, fact in zip(ours, facts, strict=True))


@versions
def test_what_a_version_lacks_travels_as_an_x_column(version):
    names = [one.name for one in focus_columns(version)]
    assert len(set(names)) == len(names)
    bare = {name.removeprefix("x_") for name in names}
    assert {"AllocatedResourceId", "ProviderName", "ServiceProviderName", "InvoiceDetailId"} <= bare
    assert ("x_AllocatedResourceId" in names) == (version == "1.2")


@given(edges)
def test_ratios_of_one_charge_sum_to_one_as_decimals(edges):
    details = [method_details(low, high) for low, high in pairwise(edges)]
    ratios = [
        json.loads(text, parse_float=Decimal, parse_int=Decimal)["Elements"][0]["AllocatedRatio"]
        for text in details
    ]
    assert sum(ratios) == 1
    assert all(0 <= ratio <= 1 for ratio in ratios)


@given(edges, numbers)
def test_parts_of_a_quantity_sum_to_it(edges, whole):
    texts = [quantity_part(str(whole), low, high) for low, high in pairwise(edges)]
    assert sum(map(Decimal, texts)) == whole
    assert not any("E" in text for text in texts)


def test_a_label_goes_before_a_tag_and_no_tag_is_lost():
    labels = (("model", "bert"), ("team", "nlp"))
    text = merged_tags('{"env":"prod","spot":true,"team":"x"}', '{"pod":"p-1"}', labels)
    assert json.loads(text) == {
        "env": "prod", "spot": True, "pod": "p-1", "team": "nlp", "model": "bert",
    }  # fmt: skip
    assert merged_tags(None, None, ()) is None


BILL = [
    charge(
        10 * NANO + 1,
        start=at(hour),
        tags={"env": "prod"},
        ConsumedQuantity="1",
        ConsumedUnit="Hours",
        PricingQuantity="0.3333333333333333333",
        PricingUnit="Hours",
        ListUnitPrice="30.000000003",
        ChargeDescription=description,
        ContractApplied='[{"AppliedCost":1.5,"AppliedQuantity":3,"ContractId":"c-1"}]',
    )
    for hour, description in enumerate(["=1+1", "-50% off", "plain", '"quoted", and\nbroken', "@x"])
]
EVIDENCE = Evidence([claim("bert-1", 0, 2.3), claim("-odd", 0, 5, 1), claim("bert-2", 3, 4.5, 1)])
ORIGIN = Origin({"bert-1": {"team": "nlp"}}, {"bert-1": "=cmd()"}, {})


SILENT = {
    one.name: len(BILL)
    for version in VERSIONS
    for one in focus_columns(version)
    if not one.is_nullable and not set(lake_columns(one)) & {*BILL[0]}
}
"""What FOCUS wants filled and the bill does not say."""


def batches(folder, version):
    path = write_lake(folder / "part-00000.parquet", numbered(BILL))
    for parts in stream_parts([path], EVIDENCE, spill=folder):
        yield focus_batch(parts, version, ORIGIN)


def csv_text(folder, version):
    file = io.StringIO()
    write_csv(batches(folder, version), version, file)
    return file.getvalue()


@versions
def test_rows_of_a_charge_sum_to_it_and_keep_its_prices_and_words(version, tmp_path):
    rows = list(csv.DictReader(io.StringIO(csv_text(tmp_path, version))))
    x = "x_" if version == "1.2" else ""
    by_charge = defaultdict(list)
    for row in rows:
        by_charge[row["x_OriginCharge"]].append(row)
    assert len(by_charge) == len(BILL)
    for own in by_charge.values():
        for column in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
            assert sum(Decimal(row[column]) for row in own) == Decimal("10.000000001")
        assert sum(Decimal(row["ConsumedQuantity"]) for row in own) == 1
        assert sum(Decimal(row["PricingQuantity"]) for row in own) == Decimal(
            "0.3333333333333333333"
        )
        contracts = [json.loads(row[f"{x}ContractApplied"]) for row in own]
        assert sum(Decimal(str(one[0]["AppliedCost"])) for one in contracts) == Decimal("1.5")
        assert {one[0]["ContractId"] for one in contracts} == {"c-1"}
        assert {row["ListUnitPrice"] for row in own} == {"30.000000003"}
        assert len({row["ChargeDescription"] for row in own}) == 1
        for row in own:
            assert (row[f"{x}AllocatedResourceId"] == "") == (row["x_Remainder"] != "")
            assert row[f"{x}AllocatedMethodId"].startswith("trainfare:")
            assert json.loads(row["Tags"]).items() <= json.loads(row[f"{x}AllocatedTags"]).items()
    named = {row[f"{x}AllocatedResourceId"]: row[f"{x}AllocatedResourceName"] for row in rows}
    assert named["bert-1"] == "'=cmd()"
    assert named["bert-2"] == ""


@versions
def test_no_text_of_the_csv_is_a_formula_and_numbers_stay_numbers(version, tmp_path):
    text = csv_text(tmp_path, version)
    kinds = {one.name: one.kind for one in focus_columns(version)}
    for row in csv.DictReader(io.StringIO(text)):
        for name, value in row.items():
            if kinds[name] in (Kind.MONEY, Kind.DECIMAL):
                assert not value or Decimal(value) is not None
            else:
                assert value[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert Counter(row["ChargeDescription"] for row in csv.DictReader(io.StringIO(text)))["'=1+1"]


@versions
def test_parquet_has_exact_types_units_and_says_what_must_be_filled(version, tmp_path):
    path = tmp_path / "out.parquet"
    about = {"periods": "2026-10"}
    rows = write_parquet(
        batches(tmp_path, version), version, path, empty=SILENT, places=19, about=about
    )
    table = pq.read_table(path)
    assert rows == table.num_rows
    money = table.schema.field("BilledCost")
    assert (str(money.type), money.nullable) == ("decimal128(38, 9)", False)
    assert money.metadata[b"unit"] == b"BillingCurrency"
    assert str(table.schema.field("PricingQuantity").type) == "decimal128(38, 19)"
    assert table.schema.field("PricingQuantity").metadata[b"unit"] == b"PricingUnit"
    assert str(table.schema.field("ChargePeriodStart").type) == "timestamp[us, tz=UTC]"
    assert not table.schema.field("ListCost").nullable
    assert table.schema.field("ServiceCategory").nullable
    assert table.schema.metadata[b"focus_version"] == version.encode()
    assert sum(table.column("BilledCost").to_pylist()) == len(BILL) * Decimal("10.000000001")
    assert "=1+1" in table.column("ChargeDescription").to_pylist()


def test_a_number_that_no_decimal_holds_is_said_before_a_file_is_there(tmp_path):
    path = write_lake(
        tmp_path / "part-00000.parquet", numbered([charge(ConsumedQuantity="1" * 37)])
    )
    parts = stream_parts([path], Evidence(), spill=tmp_path)
    rows = (focus_batch(each, "1.4", ORIGIN) for each in parts)
    with pytest.raises(BadInput, match=r"column ConsumedQuantity .* export as CSV"):
        write_parquet(rows, "1.4", tmp_path / "o.parquet", empty=SILENT, places=9, about={})
