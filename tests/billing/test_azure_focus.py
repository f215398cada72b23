"""Azure's FOCUS export: what FOCUS says, without the zeros and gaps of Azure's own."""

import csv
import json
from datetime import timedelta

import pytest

from billing.azure_bills import LEASE, MACHINE
from billing.bills import CHARGE, VIEWS, exact_sums, read, sample, write
from billing.golden import check_golden

AZURE = {
    **CHARGE,
    "ProviderName": "Microsoft",
    "BillingAccountId": "/providers/Microsoft.Billing/billingAccounts/8608480",
    "ServiceName": "Virtual Machines",
    "SubAccountId": "/subscriptions/sub-1",
    "ResourceId": MACHINE.lower(),
    "ResourceType": "Virtual machine",
    "ChargePeriodStart": "2026-10-05T00:00Z",
    "ChargePeriodEnd": "2026-10-06T00:00Z",
    "ListUnitPrice": "2",
    "ContractedUnitPrice": "1.5",
    "PricingCategory": "Standard",
    "CommitmentDiscountId": "",
    "CommitmentDiscountStatus": "",
    "x_SkuMeterId": "meter-1",
    "x_SkuMeterCategory": "Virtual Machines",
    "x_SkuMeterName": "NC24ads A100 v4",
    "x_SkuMeterSubcategory": "NCads A100 v4 Series",
    "x_SkuDetails": '{"ServiceType":"Standard_NC24ads_A100_v4"}',
    "x_ResourceType": "microsoft.compute/virtualmachines",
    "x_BillingExchangeRate": "0.92",
    "x_BilledCostInUsd": "1.63",
}


def only_row(tmp_path, change):
    row = {**AZURE, **change}
    lines = [list(row), list(row.values())]
    path = tmp_path / "focus.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    bill, (found,) = read(path)
    assert bill.format == "azure-focus"
    return found


def test_golden_case_comes_out_as_it_was_reviewed():
    check_golden("azure-focus-export")


def test_the_export_is_read_as_any_focus_file(tmp_path):
    row = only_row(tmp_path, {})
    assert [row[column] for column in VIEWS] == [
        *(1_500_000_000, 1_250_000_000, 2_000_000_000, 1_500_000_000),
    ]
    assert row["x_Repairs"] is None
    assert row["ServiceProviderName"] == "Microsoft"
    assert row["x_ExchangeRate"] == "0.92"
    assert row["SkuMeter"] == "NC24ads A100 v4"
    assert row["x_UsageType"] == "NCads A100 v4 Series"
    assert row["x_InstanceType"] == "Standard_NC24ads_A100_v4"
    assert row["ChargePeriodEnd"] - row["ChargePeriodStart"] == timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "listed", "contracted"),
    [
        ({"ListCost": "0", "ContractedCost": "0"}, None, None),
        ({"ListCost": "0.000", "BilledCost": "0"}, None, 1_500_000_000),
        ({"ListCost": "0", "BilledCost": "0", "EffectiveCost": "0"}, 0, 1_500_000_000),
        ({"ListCost": "", "ContractedCost": "NULL"}, None, None),
        ({"ListCost": "0.00000000000000000001"}, 0, 1_500_000_000),
    ],
)
def test_a_cost_of_nothing_is_unknown_where_something_was_charged(
    tmp_path, change, listed, contracted
):
    row = only_row(tmp_path, change)
    assert (row["x_ListNano"], row["x_ContractedNano"]) == (listed, contracted)
    is_noted = "ListCost:zero-means-unknown" in (row["x_Repairs"] or "")
    assert is_noted == (change["ListCost"] in {"0", "0.000"} and listed is None)


def test_unit_prices_of_nothing_go_with_their_costs(tmp_path):
    row = only_row(tmp_path, {"ListCost": "0", "ListUnitPrice": "0", "ContractedCost": "0"})
    assert (row["ListUnitPrice"], row["ContractedUnitPrice"]) == (None, "1.5")
    assert only_row(tmp_path, {"ListUnitPrice": "0"})["ListUnitPrice"] == "0"


def test_nothing_is_added_up_for_a_view_that_is_unknown_everywhere(tmp_path):
    write(tmp_path, "")
    only_row(tmp_path, {"ListCost": "0"})
    bill, _ = read(tmp_path / "focus.csv")
    assert "list" not in bill.totals["USD"]


def test_ids_of_commitments_are_in_small_letters_as_those_of_resources(tmp_path):
    change = {"CommitmentDiscountId": LEASE, "ResourceId": MACHINE}
    row = only_row(tmp_path, change)
    assert (row["CommitmentDiscountId"], row["ResourceId"]) == (LEASE.lower(), MACHINE.lower())


def test_the_details_of_version_1_2_are_asked_first(tmp_path):
    row = only_row(tmp_path, {"SkuPriceDetails": '{"x_ServiceType":"Standard_B2s"}'})
    assert row["x_InstanceType"] == "Standard_B2s"
    assert row["SkuPriceDetails"] == '{"x_ServiceType":"Standard_B2s"}'


def test_the_instance_of_a_scale_set_is_a_resource_of_its_own(tmp_path):
    name = "/subscriptions/1/resourcegroups/g/providers/microsoft.compute/virtualmachinescalesets/s"
    row = only_row(tmp_path, {"ResourceId": name, "x_SkuDetails": '{"VMName":"s_3"}'})
    assert (row["ResourceId"], row["x_ParentResourceId"]) == (f"{name}/virtualmachines/s_3", name)


def test_the_meter_tells_the_machine_where_details_do_not(tmp_path):
    row = only_row(tmp_path, {"x_SkuDetails": ""})
    assert row["x_InstanceType"] == "Standard_NC24ads_A100_v4"
    assert row["x_Repairs"] == "x_InstanceType:taken-from-meter"
    unused = {"x_SkuDetails": "", "CommitmentDiscountStatus": "Unused"}
    assert only_row(tmp_path, unused)["x_InstanceType"] is None


def test_a_resource_without_type_takes_that_of_azure(tmp_path):
    gone = {"ResourceType": ""}
    assert only_row(tmp_path, gone)["ResourceType"] == "microsoft.compute/virtualmachines"
    gone["x_ResourceType"] = ""
    assert only_row(tmp_path, gone)["ResourceType"] == "microsoft.compute/virtualmachines"


def test_microsofts_rows_of_the_focus_sample_are_daily_and_conserved(tmp_path):
    with sample("focus/focus_1.0_sample_1000.csv").open(newline="") as stream:
        told = [row for row in csv.DictReader(stream) if row["ProviderName"] == "Microsoft"]
    assert len(told) == 51
    path = tmp_path / "microsoft.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*told[0], "x_SkuMeterId"])
        writer.writeheader()
        writer.writerows({**row, "x_SkuMeterId": "m"} for row in told)
    bill, rows = read(path)
    assert bill.format == "azure-focus"
    assert {row["ChargePeriodEnd"] - row["ChargePeriodStart"] for row in rows} == {
        timedelta(days=1)
    }
    exact = exact_sums(told, ["BilledCost", "EffectiveCost"])
    assert float(bill.totals["USD"]["billed"]) == float(exact["BilledCost"])
    assert float(bill.totals["USD"]["effective"]) == float(exact["EffectiveCost"])


@pytest.mark.parametrize(("version", "count"), [("1.0r2", 96), ("1.2", 105)])
def test_microsofts_own_schemas_are_read(tmp_path, version, count):
    told = json.loads(sample(f"azure/schema_focuscost_{version}.json").read_text())
    columns = [each["sink"]["name"] for each in told["translator"]["mappings"]]
    assert abs(len(columns) - count) <= 5
    row = {name: AZURE.get(name, "") for name in columns}
    write(tmp_path, "\n".join([",".join(row), ""]))
    path = tmp_path / "part_0.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerow(row)
    bill, (found,) = read(path)
    assert bill.format == "azure-focus"
    assert found["x_BilledNano"] == 1_500_000_000
