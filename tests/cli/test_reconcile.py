"""What ``trainfare reconcile`` shows to people: columns, sentences, what is awaited, what is learnt."""

import csv
import io

import pytest

from flows.rides import charge, instant, ride, write_charges

pytest.importorskip("duckdb")


@pytest.fixture
def company(home, text, tmp_path, monkeypatch):
    """Seven runs of October and their bills, looked at on the tenth of November."""
    monkeypatch.setattr("time.time_ns", lambda: instant(10, 9, "11"))
    ride(home, "as-estimated", 8, 9, resource="i-0")
    ride(home, "dearer", 8, 12, resource="i-1", price="20")
    ride(home, "booted", 9, 11, resource="i-2")
    ride(home, "covered", 8, 10, resource="i-3")
    ride(home, "shared", 8, 10, resource="i-4")
    ride(home, "lost-node", 8, 10, resource="i-5")
    ride(home, "lost-node", 8, 10, resource="i-8")
    ride(home, "elsewhere", 8, 10, resource="i-10")
    ride(home, "stored", 8, 10, resource="i-6")
    ride(home, "waiting", 8, 10, resource="vm-1", provider="azure", instance_type="Standard_ND96")
    ride(home, "own", 8, 10, resource="host:9f", provider=None, region=None, instance_type=None)
    ride(home, "unpriced", 8, 10, resource="i-7", price=None)
    claims = tmp_path / "claims.csv"
    claims.write_text(
        "run,resource,start,end,share\nslurm-1,i-4,2026-10-01T08:00:00Z,2026-10-01T10:00:00Z,1\n"
    )
    hours = {
        "i-0": (8,),
        "i-1": (8, 9, 10, 11),
        "i-3": (),
        "i-4": (8, 9),
        "i-6": (8, 9),
        "i-7": (8, 9),
        "i-8": (8, 9),
    }
    rows = [charge(name, at=at, effective="32" if name == "i-1" else "10")
            for name, all_hours in hours.items() for at in all_hours]  # fmt: skip
    rows += [charge("i-2", at=at, Tags='{"run_id": "booted"}') for at in (8, 9, 10)]
    rows += [
        charge("i-3", at=at, effective="6.5", ListCost="10", ContractedCost="10",
               PricingCategory="Committed", CommitmentDiscountId="sp-1",
               CommitmentDiscountStatus="Used")
        for at in (8, 9)
    ]  # fmt: skip
    rows.append(charge("vol-6", at=8, effective="2.25", ServiceCategory="Storage", hours=2,
                       ServiceSubcategory="", SkuPriceDetails="", ConsumedUnit="GB-Mo",
                       Tags='{"run_id": "stored"}'))  # fmt: skip
    rows.append(charge("i-3", at=8, effective="-1", ChargeCategory="Credit", ConsumedQuantity="",
                       ConsumedUnit="", PricingCategory="", SkuPriceDetails=""))  # fmt: skip
    text("claims", "import", claims)
    text("bill", "import", write_charges(tmp_path / "october.csv", *rows))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.usefixtures("company")
def test_a_month_is_told_in_a_hundred_columns(text, golden):
    shown = text("reconcile", "2026-10")
    assert max(map(len, shown.splitlines())) <= 100
    golden("reconcile", shown)


@pytest.mark.usefixtures("company")
def test_one_run_shows_every_item(text, golden):
    golden("reconcile-run", text("reconcile", "--run", "booted"))


@pytest.mark.usefixtures("company")
def test_learning_says_what_is_learnt_and_what_it_replaces(text, golden):
    shown = text("reconcile", "2026-10", "--learn")
    golden("reconcile-learn", shown.partition("Prices that the bill teaches")[2])


@pytest.mark.usefixtures("company")
def test_the_csv_has_every_run_with_exact_amounts(text):
    rows = list(csv.DictReader(io.StringIO(text("reconcile", "2026-10", "--format", "csv"))))
    by_run = {row["run"]: row for row in rows}
    assert by_run["dearer"]["price"] == "48.000000000"
    assert (by_run["waiting"]["status"], by_run["waiting"]["billed"]) == ("awaiting_bill", "")
    assert by_run["slurm-1"]["estimated"] == ""


@pytest.mark.usefixtures("company")
def test_large_amounts_leave_their_places_out_so_that_all_columns_fit(home, text, tmp_path):
    ride(home, "huge", 8, 9, resource="i-9", price="1234567")
    rows = [charge("i-9", effective="2345678.12", ListCost="2456789.23", ContractedCost="1"),
            charge("i-9", effective="-12345.67", ChargeCategory="Credit", ConsumedQuantity=""),
            charge("vol-9", effective="76543.21", ServiceCategory="Storage", ServiceSubcategory="",
                   SkuPriceDetails="", ConsumedUnit="GB-Mo", Tags='{"run_id": "huge"}')]  # fmt: skip
    text("bill", "import", write_charges(tmp_path / "huge.csv", *rows), "--source", "huge")
    shown = text("reconcile", "2026-10")
    assert " 1,234,567 " in shown
    assert max(map(len, shown.splitlines())) <= 100
