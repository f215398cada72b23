"""Demand from bills: on-demand money by the hour, and what is held, against the simulation's truth."""

import os
import subprocess
import sys
from fractions import Fraction

import pytest

from flows.bills import HEADER, said, trainfare
from trainfare.commitments.application import apply
from trainfare.flows.commitment_demand import billed_demand
from trainfare.flows.utilization import make_utilization
from trainfare.simulation.commitment import SAVINGS_PLAN
from trainfare.simulation.folder import write_world
from trainfare.simulation.world import make_world


@pytest.fixture(scope="module", params=["focus-1.2", "native"])
def billed(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    world = make_world(5, runs=40, days=6, teams=2, machines=2, period="2026-09")
    places = write_world(world, home / "files", bills=request.param)
    places = [one for one in places if "rented" not in str(one)]  # it needs a mapping file
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", "bill", "import", *map(str, places)],
        capture_output=True, text=True, check=False, env={**os.environ, "TRAINFARE_HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return world, home, billed_demand(home)


def test_machines_have_their_on_demand_price(billed):
    _, _, found = billed
    prices = {column.sku: column.price_nano for column in found.demand.columns}
    assert prices["aws/us-east-1/p5.48xlarge"] == 98_320_000_000
    assert found.demand.currency == "USD"
    assert found.demand.hours <= 6 * 24 + 24
    assert (found.demand.spend_nano >= 0).all()


def test_what_is_held_is_found_with_its_rates(billed):
    _, _, found = billed
    plan = next(one for one in found.bought if one.id == SAVINGS_PLAN.id)
    assert plan.holding.offer.kind == "aws_compute_savings_plan"
    rates = plan.holding.offer.rates
    prices = {column.sku: column.price_nano for column in found.demand.columns}
    for sku, rate in rates.items():
        assert rate / prices[sku] == pytest.approx(
            0.62, abs=1e-6
        )  # what the simulation's plans ask
    assert plan.used_nano + plan.unused_nano == pytest.approx(
        plan.holding.amount_nano * plan.hours, rel=1e-6
    )


def test_covered_and_open_demand_are_the_whole(billed):
    _, _, found = billed
    applied = apply(found.demand, found.held)
    covered = applied.covered_nano.sum() + applied.on_demand_nano.sum()
    assert covered == found.demand.total_nano
    by_bill = sum(one.covered_nano for one in found.bought)
    assert 0 < by_bill < found.demand.total_nano


PLAN = "arn:aws:savingsplans::1:savingsplan/one"


def charge(at, status, *, list_cost, effective, day=1, month="09"):
    """An hour of one machine under the plan or beside it, or of what nobody used of the plan."""
    start, end = (f"2026-{month}-{day:02d}T{one:02d}:00:00Z" for one in (at, at + 1))
    machine = "" if status == "Unused" else "p5.48xlarge"
    held = f"{PLAN},main plan,{status},Savings Plan" if status else ",,,"
    return (
        f"0,{effective},{list_cost},{list_cost},USD,acct-1,2026-{month}-01T00:00:00Z,"
        f"2026-{int(month) + 1:02d}-01T00:00:00Z,{start},{end},Usage,Amazon EC2,Compute,AWS,"
        f"{machine and 'i-1'},1,Hours,,AWS,sub-1,us-east-1,Virtual Machines,{held},{machine},"
        f"{'Standard' if not status else 'Committed'}"
    )


def imported(home, *charges):
    head = (
        "CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountStatus,"
        "CommitmentDiscountType,x_InstanceType,PricingCategory"
    )
    (home / "bill.csv").write_text("\n".join([f"{HEADER},{head}", *charges]) + "\n")
    trainfare(home, "bill", "import", home / "bill.csv")
    return home


def test_totals_are_sums_of_the_rows_after_the_last_hour_of_use_too(tmp_path):
    home = imported(
        tmp_path,
        charge(0, "Used", list_cost=100, effective=60),
        charge(1, "", list_cost=100, effective=100),
        *(charge(at, "Unused", list_cost=0, effective=60) for at in range(2, 8)),
    )
    found = trainfare(home, "commit", "status")
    [row] = found["commitments"]
    assert (row["used"], row["unused"]) == ("60.000000000", "360.000000000")
    assert found["commitment_utilization"] == row["commitment_utilization"] == 0.142857
    assert found["effective_savings_rate"] == (200 - 60 - 100 - 360) / 200
    assert found["coverage"] == 0.5
    trainfare(home, "allocate")
    month, _ = make_utilization(home).commitments
    assert found["effective_savings_rate"] == float(month.on_contracted.rate or 0)
    assert round(month.commitment_utilization, 6) == Fraction("0.142857")


def test_a_commitment_that_nobody_used_has_a_row_and_is_alerted(tmp_path):
    home = imported(
        tmp_path, *(charge(at, "Unused", list_cost=0, effective=60) for at in range(20))
    )
    found = trainfare(home, "commit", "status")
    [row] = found["commitments"]
    assert (row["name"], row["kind"]) == ("main plan", "aws_compute_savings_plan")
    assert (row["commitment_per_hour"], row["unused"]) == ("60.000000000", "1200.000000000")
    assert row["commitment_utilization"] == found["commitment_utilization"] == 0
    assert found["effective_savings_rate"] is found["coverage"] is None
    assert "0.0 %" in said(home, "commit", "status")
    watched = trainfare(home, "commit", "watch")
    assert "used to 0 %" in watched["alerts"][0]["sentence"]
    assert watched["orders"] == []
    assert "no bill has compute" in trainfare(home, "commit", "plan", code=2)


def test_a_month_without_a_bill_is_not_known_and_not_planned_on(tmp_path):
    days = [(month, day) for month in ("07", "08", "10") for day in range(1, 29)]
    home = imported(
        tmp_path,
        *(
            charge(at, "", list_cost=100, effective=100, day=day, month=month)
            for month, day in days
            for at in range(23)
        ),
    )
    (home / "rates.csv").write_text(
        "sku,kind,term,rate\naws/us-east-1/p5.48xlarge,aws_compute_savings_plan,1y,60\n"
    )
    words = ("--rates", home / "rates.csv")
    found = trainfare(home, "commit", "plan", *words)
    assert found["missing_periods"] == ["2026-09"]
    assert (found["from"], found["until"]) == ("2026-07-01T00:00:00Z", "2026-09-01T00:00:00Z")
    assert found["hours"] == 62 * 24
    assert found["buy"]
    assert "no bill of 2026-09 is here" in found["why"]
    assert "no bill of 2026-09 is here" in said(home, "commit", "backtest", *words)
    alone = trainfare(home, "commit", "plan", *words, "--period", "2026-10")
    assert alone["missing_periods"] == []
    assert trainfare(home, "commit", "status")["on_demand"] == f"{3 * 28 * 23 * 100}.000000000"


def test_history_that_cannot_be_tested_buys_nothing_yet_and_alerts_nobody(tmp_path):
    home = imported(tmp_path, *(charge(at, "", list_cost=100, effective=100) for at in range(3)))
    (home / "rates.csv").write_text(
        "sku,kind,term,rate\naws/us-east-1/p5.48xlarge,aws_compute_savings_plan,1y,60\n"
    )
    words = ("--rates", home / "rates.csv")
    found = trainfare(home, "commit", "plan", *words)
    assert not found["buy"]
    assert found["plan"] == []
    assert found["why"].startswith("nothing yet: 3 hours of history cannot be tested")
    watched = trainfare(home, "commit", "watch", *words)
    assert watched["orders"] == watched["alerts"] == []
