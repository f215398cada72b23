"""Azure's two exports: cash in one, amortised cost in the other, each as the bill has it."""

import json
from datetime import date

import pytest

from simulation.worlds import column_sum, delivery_of, nano, rows_in
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.azure_file import write_azure
from trainfare.simulation.line import Kind, Provider


def exports(tmp_path, **options):
    """Type of the export, as its manifest says it → rows."""
    root = write_azure(delivery_of(Provider.AZURE), tmp_path, **options)
    found = {}
    for path in root.rglob("manifest.json"):
        told = json.loads(path.read_text())
        (blob,) = told["blobs"]
        rows = rows_in(root / blob["blobName"])
        assert told["dataRowCount"] == blob["dataRowCount"] == len(rows)
        found[told["exportConfig"]["type"]] = rows
    return found


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_actual_is_billed_and_amortised_is_effective(form, tmp_path):
    found, delivery = exports(tmp_path, form=form), delivery_of(Provider.AZURE)
    assert set(found) == {"ActualCost", "AmortizedCost"}
    actual, amortised = (found[name] for name in ("ActualCost", "AmortizedCost"))
    assert column_sum(actual, "CostInBillingCurrency") == delivery.total(View.BILLED)
    assert column_sum(amortised, "CostInBillingCurrency") == delivery.total(View.EFFECTIVE)


def test_each_export_has_what_only_it_has(tmp_path):
    found = exports(tmp_path)
    actual, amortised = (found[name] for name in ("ActualCost", "AmortizedCost"))
    assert {row["ChargeType"] for row in actual} == {"Usage", "Purchase"}
    assert {row["ChargeType"] for row in amortised} == {"Usage", "UnusedReservation"}
    covered = [row for row in actual if row["PricingModel"] == "Reservation"]
    assert all(
        (nano(row["CostInBillingCurrency"]) == 0) == (row["ChargeType"] == "Usage")
        for row in covered
    )
    assert {row["ChargeType"] for row in covered} == {"Usage", "Purchase"}


def test_days_are_month_first_and_the_last_day_is_inclusive(tmp_path):
    for rows in exports(tmp_path).values():
        for row in rows:
            assert row["BillingPeriodStartDate"] == "10/01/2026"
            assert row["BillingPeriodEndDate"] == "10/31/2026"
            month, day, year = map(int, row["Date"].split("/"))
            assert date(2026, 10, 1) <= date(year, month, day) <= date(2026, 10, 3)


def test_tags_have_no_braces_and_amounts_eighteen_decimals(tmp_path):
    rows = exports(tmp_path)["ActualCost"]
    tagged = [row["Tags"] for row in rows if row["Tags"]]
    assert tagged
    assert all(tags.startswith('"') and json.loads(f"{{{tags}}}") for tags in tagged)
    assert {len(row["CostInBillingCurrency"].partition(".")[2]) for row in rows} == {18}


def test_every_line_is_a_row_of_one_or_both(tmp_path):
    found, lines = exports(tmp_path), delivery_of(Provider.AZURE).lines
    bought = sum(line.kind in (Kind.PURCHASE, Kind.UPFRONT) for line in lines)
    unused = sum(line.kind is Kind.UNUSED for line in lines)
    assert len(found["ActualCost"]) == len(lines) - unused
    assert len(found["AmortizedCost"]) == len(lines) - bought


def test_only_azure_has_such_exports(tmp_path):
    with pytest.raises(BadInput, match="aws-2026-10-1 is not a bill of Azure's"):
        write_azure(delivery_of(Provider.AWS), tmp_path)
