"""Resources, machines, quantities and places of Azure's rows."""

import pytest

from billing.azure_bills import MACHINE, export, text_of
from billing.bills import read, write

SCALE_SET = (
    "/subscriptions/sub-1/resourceGroups/MC_RG/providers/Microsoft.Compute"
    "/virtualMachineScaleSets/aks-gpu"
)


def only_row(tmp_path, change):
    _, (row,) = read(write(tmp_path, text_of(export(change)), "actual.csv"))
    return row


def test_ids_are_in_small_letters_and_name_their_type(tmp_path):
    row = only_row(tmp_path, {})
    assert row["ResourceId"] == MACHINE.lower()
    assert row["ResourceType"] == "microsoft.compute/virtualmachines"
    assert row["ResourceName"] == "Node-1"


def test_a_row_without_name_takes_the_end_of_its_id(tmp_path):
    assert only_row(tmp_path, {"ResourceName": ""})["ResourceName"] == "node-1"
    assert only_row(tmp_path, {"ResourceName": "", "ResourceId": ""})["ResourceName"] is None


def test_a_workspace_of_machine_learning_is_told_by_its_type(tmp_path):
    name = "/subscriptions/1/resourceGroups/g/providers/Microsoft.MachineLearningServices"
    row = only_row(tmp_path, {"ResourceId": f"{name}/workspaces/Lab"})
    assert row["ResourceType"] == "microsoft.machinelearningservices/workspaces"
    assert row["x_Component"] == "compute"


def test_each_instance_of_a_scale_set_is_a_resource_of_its_own(tmp_path):
    """Azure gives all of them the id of the set; without this no node finds its days."""
    details = '{"ServiceType":"Standard_ND96asr_v4","VMName":"aks-GPU-vmss_3","VCPUs":96}'
    row = only_row(tmp_path, {"ResourceId": SCALE_SET, "AdditionalInfo": details})
    assert row["ResourceId"] == f"{SCALE_SET.lower()}/virtualmachines/aks-gpu-vmss_3"
    assert row["x_ParentResourceId"] == SCALE_SET.lower()
    assert "ResourceId:instance-of-scale-set" in row["x_Repairs"]


@pytest.mark.parametrize("details", ["", '{"VMName":""}', '{"VMName":null}'])
def test_a_scale_set_without_instance_keeps_its_id(tmp_path, details):
    row = only_row(tmp_path, {"ResourceId": SCALE_SET, "AdditionalInfo": details})
    assert (row["ResourceId"], row["x_ParentResourceId"]) == (SCALE_SET.lower(), None)


def test_only_scale_sets_have_instances_by_name(tmp_path):
    row = only_row(tmp_path, {"AdditionalInfo": '{"VMName":"Node-1"}'})
    assert (row["ResourceId"], row["x_ParentResourceId"]) == (MACHINE.lower(), None)


@pytest.mark.parametrize(
    ("change", "size", "is_noted"),
    [
        ({}, "Standard_NC24ads_A100_v4", False),
        ({"AdditionalInfo": '"ServiceType": "Standard_B2s"'}, "Standard_B2s", False),
        ({"AdditionalInfo": "", "MeterName": "NC6s v3 Spot"}, "Standard_NC6s_v3", True),
        ({"AdditionalInfo": "", "MeterName": "D3 v2/DS3 v2"}, None, False),
        ({"AdditionalInfo": "", "MeterCategory": "Storage"}, None, False),
        ({"AdditionalInfo": "", "ChargeType": "Purchase"}, None, False),
        ({"AdditionalInfo": "not json"}, "Standard_NC24ads_A100_v4", True),
    ],
)
def test_the_machine_is_told_by_details_or_else_by_its_meter(tmp_path, change, size, is_noted):
    row = only_row(tmp_path, change)
    assert row["x_InstanceType"] == size
    assert ("x_InstanceType:taken-from-meter" in row["x_Repairs"]) == is_noted


@pytest.mark.parametrize(
    ("measure", "quantity", "consumed", "priced"),
    [
        ("1 Hour", "20", ("20", "Hours"), ("20", "Hours")),
        ("100 Hours", "20", ("20", "Hours"), ("0.2", "Hours")),
        ("10K", "0.0083", ("0.0083", "Units"), ("0.00000083", "Units")),
        ("10 GB", "12.5", ("12.5", "GB"), ("1.25", "GB")),
        ("744 Connections", "1", ("1", "Connections"), (f"{1 / 744:.9f}", "Connections")),
        ("10K", "-5.649E-05", ("-5.649E-05", "Units"), ("-0.000000005649", "Units")),
    ],
)
def test_quantities_are_consumed_in_units_and_priced_in_blocks(
    tmp_path, measure, quantity, consumed, priced
):
    row = only_row(tmp_path, {"UnitOfMeasure": measure, "Quantity": quantity})
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == consumed
    assert row["PricingUnit"] == priced[1]
    assert row["PricingQuantity"].startswith(priced[0])


def test_only_usage_is_consumed(tmp_path):
    row = only_row(tmp_path, {"ChargeType": "Purchase"})
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (None, None)
    assert row["PricingQuantity"] == "20"


def test_a_quantity_that_is_no_number_is_unknown_and_noted(tmp_path):
    row = only_row(tmp_path, {"Quantity": "many", "UnitOfMeasure": "10K"})
    assert (row["ConsumedQuantity"], row["PricingQuantity"]) == (None, None)
    assert "PricingQuantity:not-a-number" in row["x_Repairs"]


def test_a_list_price_of_nothing_is_unknown(tmp_path):
    row = only_row(tmp_path, {"PayGPrice": "0.00"})
    assert row["ListUnitPrice"] is None
    assert "ListUnitPrice:zero-means-unknown" in row["x_Repairs"]


@pytest.mark.parametrize(
    ("change", "name", "category", "component"),
    [
        ({}, "Virtual Machines", "Compute", "compute"),
        ({"MeterCategory": "Bandwidth"}, "Bandwidth", "Networking", "network"),
        ({"MeterCategory": "Storage"}, "Storage", "Storage", "storage"),
        (
            {"MeterCategory": "", "ConsumedService": "Microsoft.Storage"},
            *("Microsoft.Storage", "Storage", "storage"),
        ),
        (
            {"MeterCategory": "Virtual Machines Licenses", "MeterName": "1 vCPU VM License"},
            *("Virtual Machines Licenses", "Compute", "other"),
        ),
    ],
)
def test_services_are_named_by_their_meter(tmp_path, change, name, category, component):
    row = only_row(tmp_path, change)
    assert (row["ServiceName"], row["ServiceCategory"], row["x_Component"]) == (
        *(name, category, component),
    )


def test_a_charge_without_service_takes_its_provider(tmp_path):
    gone = {"MeterCategory": "", "ConsumedService": "", "PublisherName": ""}
    row = only_row(tmp_path, gone)
    assert row["ServiceName"] == "Microsoft"
    assert "ServiceName:taken-from-provider" in row["x_Repairs"]


def test_what_no_meter_tells_is_told_by_the_type_of_the_resource(tmp_path):
    disk = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/disks/d"
    row = only_row(tmp_path, {"ResourceId": disk, "MeterName": "Provisioned Burst"})
    assert row["x_Component"] == "storage"
