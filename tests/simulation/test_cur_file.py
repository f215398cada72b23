"""Cost and usage reports carry the world's money, amortised by the table of AWS's own dashboards."""

import json
from collections import Counter
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from simulation.worlds import column_sum, delivery_of, nano, rows_in, world_of
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.cur_file import write_cur
from trainfare.simulation.fault import Faults
from trainfare.simulation.line import Kind, Provider

FORMS = [("legacy", "csv"), ("legacy", "csv.gz"), ("2.0", "csv"), ("2.0", "csv.gz")]
LEGACY = {
    "type": "lineItem/LineItemType",
    "unblended": "lineItem/UnblendedCost",
    "plan": "savingsPlan/SavingsPlanEffectiveCost",
    "total": "savingsPlan/TotalCommitmentToDate",
    "used": "savingsPlan/UsedCommitment",
    "reserved": "reservation/EffectiveCost",
    "fee": "reservation/UnusedRecurringFee",
    "upfront": "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "arn": "reservation/ReservationARN",
    "list": "pricing/publicOnDemandCost",
}
CURRENT = {
    "type": "line_item_line_item_type",
    "unblended": "line_item_unblended_cost",
    "plan": "savings_plan_savings_plan_effective_cost",
    "total": "savings_plan_total_commitment_to_date",
    "used": "savings_plan_used_commitment",
    "reserved": "reservation_effective_cost",
    "fee": "reservation_unused_recurring_fee",
    "upfront": "reservation_unused_amortized_upfront_fee_for_billing_period",
    "arn": "reservation_reservation_a_r_n",
    "list": "pricing_public_on_demand_cost",
}


def report(root, form):
    """The rows of a delivery, by way of its manifest."""
    (manifest,) = root.rglob("*-Manifest.json")
    told = json.loads(manifest.read_text())
    names = told.get("reportKeys") or [
        name.partition("/exports/acme-cur/")[2] for name in told["dataFiles"]
    ]
    assert len(names) == 2
    return [row for name in names for row in rows_in(root / name)]


def amortised(row, names):
    """Nano-units of one row, by the table of billing.md 4.2."""
    cell = {key: nano(row[column] or "0") for key, column in names.items() if key not in _TEXTS}
    match row[names["type"]]:
        case "SavingsPlanCoveredUsage":
            return cell["plan"]
        case "SavingsPlanRecurringFee":
            return cell["total"] - cell["used"]
        case "SavingsPlanNegation" | "SavingsPlanUpfrontFee":
            return 0
        case "DiscountedUsage":
            return cell["reserved"]
        case "RIFee":
            return cell["fee"] + cell["upfront"]
        case "Fee" if row[names["arn"]]:
            return 0
    return cell["unblended"]


_TEXTS = ("type", "arn")


@pytest.mark.parametrize(("version", "form"), FORMS)
def test_cash_and_amortised_cost_are_those_of_the_bill(version, form, tmp_path):
    delivery = delivery_of(Provider.AWS)
    rows = report(write_cur(delivery, tmp_path, version=version, form=form), form)
    names = LEGACY if version == "legacy" else CURRENT
    assert column_sum(rows, names["unblended"]) == delivery.total(View.BILLED)
    assert sum(amortised(row, names) for row in rows) == delivery.total(View.EFFECTIVE)


def test_parquet_holds_doubles_that_spell_the_exact_amounts(tmp_path):
    """AWS writes doubles; their shortest spelling is the amount, which is how they must be read."""
    delivery = delivery_of(Provider.AWS)
    root = write_cur(delivery, tmp_path, form="parquet")
    rows = [
        row for path in sorted(root.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    assert isinstance(rows[0]["line_item_unblended_cost"], float)
    cash = sum(Decimal(repr(row["line_item_unblended_cost"])) for row in rows)
    assert cash * 10**9 == delivery.total(View.BILLED)
    tagged = next(row for row in rows if row["resource_tags"])
    assert any(key.startswith("user_") for key, _ in tagged["resource_tags"])


def test_negations_take_back_what_covered_usage_costs_on_demand(tmp_path):
    rows = report(write_cur(delivery_of(Provider.AWS), tmp_path), "csv.gz")
    sums, counts = Counter(), Counter()
    for row in rows:
        kind = row[CURRENT["type"]]
        sums[kind] += nano(row[CURRENT["unblended"]])
        counts[kind] += 1
    assert sums["SavingsPlanCoveredUsage"] == -sums["SavingsPlanNegation"] > 0
    assert 0 < counts["SavingsPlanNegation"] < counts["SavingsPlanCoveredUsage"]
    assert sums["DiscountedUsage"] == 0 < counts["DiscountedUsage"]
    assert set(counts) == {
        "Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation",
        "SavingsPlanRecurringFee", "RIFee", "Fee", "Tax", "Credit", "Refund",
    }  # fmt: skip


def test_spot_rows_name_their_machine_in_words_only(tmp_path):
    rows = report(write_cur(delivery_of(Provider.AWS, world_of(runs=120)), tmp_path), "csv.gz")
    spot = [row for row in rows if "SpotUsage" in row["line_item_usage_type"]]
    assert spot
    for row in spot:
        machine = row["line_item_usage_type"].partition(":")[2]
        assert row["product_instance_type"] == ""
        assert row["line_item_line_item_description"].startswith(f"{machine} ")


def test_tags_are_columns_of_the_legacy_report_and_a_map_of_the_new_one(tmp_path):
    delivery = delivery_of(Provider.AWS, world_of(runs=120))
    old = report(write_cur(delivery, tmp_path, version="legacy"), "csv.gz")
    new = report(write_cur(delivery, tmp_path), "csv.gz")
    line = next(line for line in delivery.lines if dict(line.tags).get("run_id"))
    run = dict(line.tags)["run_id"]
    assert any(row["resourceTags/user:run_id"] == run for row in old)
    assert any(json.loads(row["resource_tags"] or "{}").get("user_run_id") == run for row in new)


def test_an_open_report_has_no_invoice_and_line_item_ids_that_change(tmp_path):
    world = world_of(7, Faults(restated_delivery=True))
    first, second = (d for d in world.deliveries if d.provider is Provider.AWS)
    opened = report(write_cur(first, tmp_path), "csv.gz")
    closed = report(write_cur(second, tmp_path), "csv.gz")
    assert {row["bill_invoice_id"] for row in opened} == {""}
    assert "" not in {row["bill_invoice_id"] for row in closed}
    ids = [{row["identity_line_item_id"] for row in rows} for rows in (opened, closed)]
    assert not ids[0] & ids[1]


def test_a_late_correction_is_a_refund_on_its_resource(tmp_path):
    world = world_of(7, Faults(late_corrections=1.0), days=3)
    late = next(d for d in world.final if d.provider is Provider.AWS and d.period != world.period)
    assert {line.kind for line in late.lines} == {Kind.CORRECTION}
    for row in report(write_cur(late, tmp_path), "csv.gz"):
        assert row[CURRENT["type"]] == "Refund"
        assert row["line_item_resource_id"].startswith(("i-", "arn:"))
        assert nano(row[CURRENT["unblended"]]) < 0


def test_only_aws_has_such_reports(tmp_path):
    with pytest.raises(BadInput, match="gcp-2026-10-1 is not a bill of AWS's"):
        write_cur(delivery_of(Provider.GCP), tmp_path)
    with pytest.raises(BadInput, match="no cost and usage report legacy as parquet"):
        write_cur(delivery_of(), tmp_path, version="legacy", form="parquet")
    with pytest.raises(BadInput, match=r"no cost and usage report 3\.0"):
        write_cur(delivery_of(), tmp_path, version="3.0")
