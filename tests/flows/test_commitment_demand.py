"""Demand from bills: on-demand money by the hour, and what is held, against the simulation's truth."""

import os
import subprocess
import sys

import pytest

from trainfare.commitments.application import apply
from trainfare.flows.commitment_demand import billed_demand
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
