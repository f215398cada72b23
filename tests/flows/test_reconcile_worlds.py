"""Reconciling simulated months, whose truth is known: what was planted is what is found."""

from decimal import Decimal
from functools import cache

import pytest

from trainfare.core.charge import View
from trainfare.core.money import NANO
from trainfare.core.price import Price
from trainfare.flows.bill import import_bills
from trainfare.flows.reconcile import learn_prices, reconcile
from trainfare.prices.book import PriceBook
from trainfare.reports.reconcile import Standing
from trainfare.reports.variance import Cause, median_error
from trainfare.simulation import fleet
from trainfare.simulation.fault import ALL_FAULTS, NO_FAULTS, Faults
from trainfare.simulation.fleet import MachineType, Venue
from trainfare.simulation.folder import write_world
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import make_world

pytest.importorskip("duckdb")

TYPES = {kind.name: kind for kind in vars(fleet).values() if isinstance(kind, MachineType)}


def true_list_price(machine, _at_ns):
    """What the simulated seller lists, so that no other price was ever assumed."""
    kind = TYPES[machine.instance_type]
    sku = f"{machine.provider}/{machine.region}/{kind.name}/{machine.purchase_option}"
    currency = "EUR" if machine.provider == "fjordgpu" else "USD"
    return Price(sku, Decimal(kind.hour_nano) / NANO, "h", currency, origin="shipped")


def live(world, home, files, price_of, bills="focus-1.2"):
    """Runs are metered, and every bill arrives in order."""
    write_records(world, home, price_of)
    for place in write_world(world, files, bills=bills):
        mapping = place.parent / "mapping.toml" if place.is_file() else None
        known = mapping if mapping is not None and mapping.exists() else None
        import_bills(home, [str(place)], mapping=known)
    (home / "rules.toml").write_text(world.rules)
    lines = [f"{part},{whole}" for part, whole in sorted(world.attachments.items())]
    with (home / "attachments.csv").open("a") as file:
        file.write("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A world and the reconciliation of it; the same arguments give the same objects."""

    @cache
    def make(seed=7, bills="focus-1.2", faults=NO_FAULTS):
        folder = tmp_path_factory.mktemp("reconcile")
        world = make_world(seed, runs=45, days=4, machines=3, period="2026-09", faults=faults)
        live(world, folder / "home", folder / "files", true_list_price, bills)
        return world, reconcile(folder / "home", "2026-09")

    return make


WORLDS = [
    (7, "focus-1.2", NO_FAULTS),
    (8, "native", NO_FAULTS),
    (9, "focus-1.4", ALL_FAULTS),
    (10, "native", Faults(lost_heartbeats=0.5, day_grain=True, restated_delivery=True)),
]


@pytest.mark.parametrize("which", WORLDS, ids=lambda which: f"{which[0]}-{which[1]}")
def test_every_variance_is_explained_to_the_nano(month, which):
    """Causes sum exactly, and what is called rounding is no larger than rounding can be."""
    _, found = month(*which)
    compared = [row for row in found.rows if row.variance is not None]
    assert len(compared) > 20
    for row in compared:
        line = row.variance
        assert sum(amount.nano for amount in line.causes.values()) == line.variance.nano
        charges = sum(item.charged.charges for item in row.items if item.charged)
        assert abs(line.causes[Cause.ROUNDING].nano) <= 5 * charges + 50
    for total in found.totals:
        rows = [
            row.variance
            for row in compared
            if row.variance.billed.currency == total.billed.currency
        ]
        for cause in Cause:
            assert total.causes[cause].nano == sum(row.causes[cause].nano for row in rows)


def test_what_runs_were_billed_is_the_truth(month):
    world, found = month()
    truth = {}
    for row in world.truth(view=View.EFFECTIVE):
        if row.run is not None and row.currency == "USD":
            truth[row.run] = truth.get(row.run, 0) + row.nano
    metered = {row.run: row.billed.nano for row in found.rows if row.is_metered and row.billed}
    dollars = {run: nano for run, nano in metered.items() if run in truth}
    assert len(dollars) > 20
    for run, nano in dollars.items():
        assert abs(nano - truth[run]) <= 2000, run


def runs_of(world, *venues):
    spot = {machine.id for machine in world.machines if machine.is_spot}
    inside = [
        run
        for run in world.runs
        if run.venue in venues
        and not any(hold in spot for attempt in run.attempts for hold, _ in attempt.holds)
        and all(
            world.bill.overlap_ns(attempt.interval) == attempt.interval.duration_ns
            for attempt in run.attempts
        )
    ]
    return {run.id: run for run in inside}


def test_known_causes_are_found_where_they_were_planted(month):
    """On demand at its list price: no price cause. Shared machines: no duration. Boot: duration."""
    world, found = month()
    lines = {row.run: row.variance for row in found.rows if row.variance is not None}
    shared = runs_of(world, Venue.POOL, Venue.AZURE, Venue.KUBERNETES)
    own = {run: one for run, one in runs_of(world, Venue.POOL, Venue.DEDICATED).items()
           if run not in lines or any(m.run == run for m in world.machines)}  # fmt: skip
    dedicated = [lines[run] for run in own if run in lines and run not in shared]
    azure = [lines[run] for run in runs_of(world, Venue.AZURE) if run in lines]
    pooled = [lines[run] for run in shared if run in lines and run not in own]
    assert dedicated
    assert azure
    assert len(pooled) > 5
    for line in pooled:
        assert line.causes[Cause.PRICE].nano == line.causes[Cause.CREDIT].nano == 0
        assert line.causes[Cause.DURATION].nano == line.causes[Cause.QUANTITY].nano == 0
        assert line.causes[Cause.COMMITMENT].nano <= 0 <= line.causes[Cause.UNMETERED].nano
    for line in dedicated:
        assert line.causes[Cause.PRICE].nano == 0 < line.causes[Cause.DURATION].nano
    for line in azure:  # its contract takes 10 %, a reservation more
        assert -line.causes[Cause.COMMITMENT].nano * 10 >= line.estimated.nano - 100


def test_a_restated_month_is_compared_with_its_last_bill(month):
    world, found = month(9, "focus-1.4", ALL_FAULTS)
    assert {row.status for row in found.rows} <= {Standing.RECONCILED, Standing.AWAITING_BILL}
    assert any(fault.kind == "restated_delivery" for fault in world.faults)


def test_what_a_month_teaches_makes_the_next_estimates_better(tmp_path):
    home = tmp_path / "home"
    worlds = [
        make_world(seed, runs=40, days=3, machines=2, period=period)
        for seed, period in ((70, "2026-09"), (71, "2026-10"))
    ]
    live(worlds[0], home, tmp_path / "first", PriceBook(home).machine_price)
    learn_prices(home, "2026-09", confirmed=["all"])
    live(worlds[1], home, tmp_path / "second", PriceBook(home).machine_price)
    found = reconcile(home, "2026-10")
    assert [error.period for error in found.errors] == ["2026-09", "2026-10"]
    before, after = (error.median for error in found.errors)
    assert after < before / 2
    compared = [row.variance for row in found.rows if row.variance is not None]
    assert after == median_error(compared)
    origins = {item.price.origin for row in found.rows for item in row.items if item.price}
    assert "learnt" in origins
