"""FOCUS files carry the world's money, read back without any code of ours."""

import json
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.worlds import SIZES, column_sum, delivery_of, nano, rows_in, totals, world_of
from trainfare.core.charge import CHARGE_CATEGORIES, View
from trainfare.core.errors import BadInput
from trainfare.simulation.fault import Faults
from trainfare.simulation.focus_file import VERSIONS, write_azure_focus, write_focus
from trainfare.simulation.line import Provider
from trainfare.simulation.world import make_world

COLUMNS = Path(__file__).parents[3] / "shared" / "data" / "bills" / "focus_columns.json"
MONEY = {
    View.BILLED: "BilledCost",
    View.EFFECTIVE: "EffectiveCost",
    View.LIST: "ListCost",
    View.CONTRACTED: "ContractedCost",
}


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_every_column_sums_to_the_bill(provider, version, form, tmp_path):
    delivery = delivery_of(provider)
    rows = rows_in(write_focus(delivery, tmp_path, version=version, form=form))
    assert len(rows) == len(delivery.lines)
    assert {view: column_sum(rows, column) for view, column in MONEY.items()} == totals(delivery)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.fixed_dictionaries(SIZES))
def test_every_world_can_be_written(seed, sizes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("focus")
    for delivery in make_world(seed, **sizes).final:
        rows = rows_in(write_focus(delivery, folder))
        assert column_sum(rows, "EffectiveCost") == delivery.total(View.EFFECTIVE)


@pytest.mark.parametrize("provider", Provider)
def test_parquet_holds_exact_decimals_and_the_rows_of_the_csv(provider, tmp_path):
    delivery = delivery_of(provider)
    table = pq.read_table(write_focus(delivery, tmp_path, form="parquet")).to_pylist()
    rows = rows_in(write_focus(delivery, tmp_path))
    assert len(table) == len(rows)
    for stored, row in zip(table, rows, strict=True):
        assert isinstance(stored["BilledCost"], Decimal)
        assert stored["EffectiveCost"] == Decimal(row["EffectiveCost"])
        assert f"{stored['ChargePeriodStart']:%Y-%m-%dT%H:%M:%SZ}" == row["ChargePeriodStart"]
        assert (stored["ResourceId"] or "") == row["ResourceId"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_header_is_that_of_the_version(version, tmp_path):
    """Of the specification's columns none is left out and none is made up."""
    if not COLUMNS.exists():
        pytest.skip("focus_columns.json is not here; it lists the columns of each version")
    told = json.loads(COLUMNS.read_text())["columns"]
    known = {
        each["column"]
        for each in told
        if (each["dataset"], each["version"]) == ("CostAndUsage", version)
    }
    path = write_focus(delivery_of(Provider.GCP), tmp_path, version=version)
    assert set(rows_in(path)[0]) == known


def test_rows_say_what_focus_allows(tmp_path):
    for provider in Provider:
        for row in rows_in(write_focus(delivery_of(provider), tmp_path, version="1.2")):
            assert row["ChargeCategory"] in CHARGE_CATEGORIES
            assert row["ChargeClass"] in ("", "Correction")
            if row["ChargeCategory"] == "Purchase" and row["CommitmentDiscountId"]:
                assert nano(row["EffectiveCost"]) == 0
            if row["CommitmentDiscountStatus"]:
                assert row["ChargeCategory"] == "Usage"
            if row["Tags"]:
                assert isinstance(json.loads(row["Tags"]), dict)


def test_corrections_name_the_period_they_correct_and_the_one_they_are_billed_in(tmp_path):
    world = world_of(7, Faults(late_corrections=1.0), days=3)
    late = next(each for each in world.final if each.period != world.period)
    for row in rows_in(write_focus(late, tmp_path)):
        assert row["ChargeClass"] == "Correction"
        assert row["BillingPeriodStart"] == "2026-11-01T00:00:00Z"
        assert row["ChargePeriodStart"].startswith("2026-10-0")
        assert nano(row["BilledCost"]) < 0


def test_azures_own_export_has_columns_of_its_own(tmp_path):
    delivery = delivery_of(Provider.AZURE)
    rows = rows_in(write_azure_focus(delivery, tmp_path))
    assert all(row["x_SkuMeterId"] and row["x_SkuMeterCategory"] for row in rows)
    assert column_sum(rows, "BilledCost") == delivery.total(View.BILLED)
    with pytest.raises(BadInput, match="aws-2026-10-1 is not a bill of Azure's"):
        write_azure_focus(delivery_of(Provider.AWS), tmp_path)


def test_an_unknown_version_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"FOCUS 0\.5 is not one of 1\.0, 1\.2, 1\.4"):
        write_focus(delivery_of(), tmp_path, version="0.5")
