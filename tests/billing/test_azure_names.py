"""Azure's names for units, regions, types and machines, against Microsoft's own tables."""

import csv

import pyarrow as pa
import pytest

from billing.bills import sample
from trainfare.billing.azure_names import block_of, region_of, size_of, types_of


def table(name):
    with sample(f"azure/opendata_{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_block_size_is_the_one_that_microsoft_lists():
    rows = table("PricingUnits")
    assert len(rows) == 383
    for row in rows:
        assert block_of(row["UnitOfMeasure"])[0] == int(row["PricingBlockSize"]), row


def test_units_of_time_are_the_ones_that_microsoft_lists():
    """Allocation reads time from them; "Instance Hours" stay what they are and count instances."""
    own = {"Core Hours", "Content Hours", "Relay Hours", "Instance Hours", "1 Hours"}
    foreign = {"hora", "小时", "por mes"}
    for row in table("PricingUnits"):
        _, unit = block_of(row["UnitOfMeasure"])
        if row["DistinctUnits"] in {"Hours", "Days", "Months", "Seconds"}:
            assert unit == row["DistinctUnits"] or unit in own | foreign, row


@pytest.mark.parametrize(
    ("measure", "block"),
    [
        ("1 Hour", (1, "Hours")),
        ("100 Hours", (100, "Hours")),
        ("10K", (10_000, "Units")),
        ("1M", (1_000_000, "Units")),
        ("10 GB/Month", (10, "GB/Month")),
        ("1/Month", (1, "Units/Month")),
        ("1 MB", (1, "MB")),
        ("10000s", (1, "10000s")),
        ("", (1, "Units")),
        ("0 Hours", (1, "Hours")),
    ],
)
def test_a_measure_is_a_block_of_units(measure, block):
    assert block_of(measure) == block


def test_every_region_written_out_is_the_one_that_microsoft_lists():
    old = {"hong kong", "sao paulo", "silicon valley", "us gov az", "us gov tx"}
    odd = {"in central jio", "in west jio", "in south central", "usgov south central"}
    spelt = [row for row in table("Regions") if " " in row["OriginalValue"]]
    assert len(spelt) > 110
    for row in spelt:
        if row["OriginalValue"] not in old | odd:
            assert region_of(row["OriginalValue"]) == row["RegionId"], row


@pytest.mark.parametrize("place", ["EastUS2", "eastus2", "East US 2", "US East 2", "east_us_2"])
def test_a_region_has_one_name(place):
    assert region_of(place) == "eastus2"


@pytest.mark.parametrize(
    ("meter", "size"),
    [
        ("NC24ads A100 v4", "Standard_NC24ads_A100_v4"),
        ("ND96isr H100 v5 Spot", "Standard_ND96isr_H100_v5"),
        ("NC6s v3 Low Priority", "Standard_NC6s_v3"),
        ("L4s Spot", "Standard_L4s"),
        ("B2s", "Standard_B2s"),
        ("D3 v2/DS3 v2", None),
        ("Data Stored", None),
        ("P10 LRS Disk", "Standard_P10_LRS_Disk"),
        ("", None),
    ],
)
def test_a_meter_names_one_machine_or_none(meter, size):
    """A disk's meter looks like a machine's; only meters of virtual machines are asked."""
    assert size_of(meter) == size


def test_types_come_from_ids():
    ids = [
        "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm",
        "/subscriptions/1/resourcegroups/g/providers/Microsoft.Sql/servers/s/databases/d",
        "subscriptions/1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
        "/subscriptions/1/resourceGroups/g",
        "",
        None,
    ]
    assert types_of(pa.array(ids)).to_pylist() == [
        "microsoft.compute/virtualmachines",
        "microsoft.sql/servers/databases",
        "microsoft.machinelearningservices/workspaces",
        None,
        None,
        None,
    ]
