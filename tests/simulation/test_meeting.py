"""The product reads what the simulation writes: the same money, the same owners, in every format."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.meeting import FORMATS, NATIVE, allocated, imported
from simulation.worlds import SIZES, delivery_of, world_of
from trainfare.clusters.detect import read_claims
from trainfare.clusters.inventory import read_inventory
from trainfare.clusters.options import ReadOptions
from trainfare.core.charge import View
from trainfare.core.claim import merge_claims
from trainfare.core.period import HOUR
from trainfare.simulation.attribution import attribution_error
from trainfare.simulation.fault import ALL_FAULTS, NO_FAULTS, Faults, Source
from trainfare.simulation.folder import write_world
from trainfare.simulation.line import Provider
from trainfare.simulation.truth import truth
from trainfare.simulation.world import make_world

BIG = {"runs": 120, "days": 3}
formats = pytest.mark.parametrize(("provider", "name"), FORMATS, ids=str)


def world():
    return world_of(7, **BIG)


def nanos(bill, view):
    (views,) = bill.totals.values()
    return views[view] * 10**9


@formats
def test_every_format_carries_the_same_money(provider, name, tmp_path):
    delivery = delivery_of(provider, world())
    bill, charges = imported(delivery, name, tmp_path)
    for view in (View.BILLED, View.EFFECTIVE):
        assert nanos(bill, view) == delivery.total(view)
        assert sum(charge[view.column] for charge in charges) == delivery.total(view)
    assert bill.periods == {"2026-10"}


@formats
def test_without_faults_every_charge_finds_its_true_owner(provider, name, tmp_path):
    """The one law that binds reading, components and matching together: the truth, to the nano.

    Days are sums of hours, so a share of a day may differ from the sum of the shares of its hours
    by a nano-unit per hour.
    """
    delivery = delivery_of(provider, world())
    _, charges = imported(delivery, name, tmp_path)
    rows = allocated(world(), charges, tmp_path)
    owners, true = Counter(), Counter()
    for row in rows:
        owners[row.run, row.remainder, row.component] += row.nano
    for row in truth(delivery.lines):
        true[row.run, row.remainder, row.component] += row.nano
    off = {key: owners[key] - true[key] for key in {*owners, *true} if owners[key] != true[key]}
    assert sum(off.values()) == 0
    is_daily = provider in (Provider.AZURE, Provider.RENTED)
    assert max(map(abs, off.values()), default=0) <= (24 * len(charges) if is_daily else 0)


@formats
def test_without_faults_every_method_is_right(provider, name, tmp_path):
    delivery = delivery_of(provider, world())
    _, charges = imported(delivery, name, tmp_path)
    rows = allocated(world(), charges, tmp_path)
    errors = attribution_error(truth(delivery.lines, is_detailed=True), rows)
    assert sum(error.nano for error in errors) == sum(abs(row.nano) for row in rows)
    for error in errors:
        assert error.wrong + error.missing <= 24 * len(charges)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**9), sizes=st.fixed_dictionaries(SIZES))
def test_any_month_finds_its_true_owners_from_the_providers_own_files(
    seed, sizes, tmp_path_factory
):
    made = make_world(seed, **sizes)
    for delivery in made.final:
        folder = tmp_path_factory.mktemp("bill")
        _, charges = imported(delivery, NATIVE[delivery.provider], folder)
        rows = allocated(made, charges, folder)
        errors = attribution_error(truth(delivery.lines, is_detailed=True), rows)
        assert all(error.wrong + error.missing <= 24 * len(charges) for error in errors)


@pytest.mark.parametrize("provider", Provider)
def test_the_billed_view_finds_the_same_owners(provider, tmp_path):
    delivery = delivery_of(provider, world())
    _, charges = imported(delivery, "focus-1.2-csv", tmp_path)
    owners, true = Counter(), Counter()
    for row in allocated(world(), charges, tmp_path, view=View.BILLED):
        owners[row.run, row.remainder, row.component] += row.nano
    for row in truth(delivery.lines, view=View.BILLED):
        true[row.run, row.remainder, row.component] += row.nano
    off = {key: abs(owners[key] - true[key]) for key in {*owners, *true}}
    assert max(off.values()) <= 24 * len(charges)


@pytest.mark.parametrize("faults", [NO_FAULTS, ALL_FAULTS], ids=["clean", "faulty"])
@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("meter.csv", Source.METER),
        ("sacct.txt", Source.SLURM),
        ("sagemaker.json", Source.SAGEMAKER),
        ("opencost.json", Source.KUBERNETES),
    ],
)
def test_readers_of_claims_find_what_was_recorded(faults, file, source, tmp_path):
    made = world_of(7, faults, **BIG)
    write_world(made, tmp_path)
    options = ReadOptions(
        now_ns=made.bill.end_ns + 1000 * HOUR,
        inventory=read_inventory(tmp_path / "claims" / "nodes.csv"),
    )
    reading = read_claims(tmp_path / "claims" / file, options)
    read = merge_claims(record.claim() for record in reading.records)
    recorded = merge_claims(trace.claim for trace in made.traces if trace.source is source)
    assert set(read) == set(recorded)
    assert len(read) == len(recorded) > 3


def test_scrapes_find_the_claims_within_a_scrape(tmp_path):
    made = world()
    write_world(made, tmp_path)
    options = ReadOptions(
        now_ns=made.bill.end_ns + 1000 * HOUR,
        inventory=read_inventory(tmp_path / "claims" / "nodes.csv"),
    )
    reading = read_claims(tmp_path / "claims" / "dcgm.prom.gz", options)
    seen, true = Counter(), Counter()
    for record in reading.records:
        seen[record.run] += record.share * record.interval.duration_ns
    stretches = Counter()
    for trace in made.traces:
        if trace.source is Source.KUBERNETES:
            inside = trace.claim.interval.overlap_ns(made.bill)
            true[trace.claim.run] += trace.claim.share * inside
            stretches[trace.claim.run] += 2 * trace.claim.share * 900 * 10**9
    assert {run for run in true if true[run] > stretches[run]} <= set(seen)
    assert all(abs(seen[run] - true[run]) <= stretches[run] for run in true)


def errors_of(faults, tmp_path):
    """The errors of every method over all final bills of a world."""
    made = world_of(7, faults, **BIG)
    rows = []
    for delivery in made.final:
        _, charges = imported(delivery, "focus-1.4-csv", tmp_path)
        rows += allocated(made, charges, tmp_path)
    return attribution_error(made.truth(is_detailed=True), rows)


def shares(errors):
    whole = sum(error.nano for error in errors)
    return {
        name: Fraction(sum(getattr(error, name) for error in errors), whole)
        for name in ("right", "wrong", "missing")
    }


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """What is right, wrong and missing where nothing went wrong with the records."""
    return shares(errors_of(NO_FAULTS, tmp_path_factory.mktemp("clean")))


@pytest.mark.parametrize(
    ("faults", "symptom"),
    [
        ({"lost_heartbeats": 1.0}, "missing"),
        ({"missing_claims": 1.0}, "missing"),
        ({"clock_skew": 1.0}, "missing"),
        ({"wrong_tags": 1.0}, "missing"),
        ({"wrong_tags": 1.0, "missing_claims": 1.0}, "wrong"),
        ({"stale_tags": 1.0, "missing_claims": 1.0}, "wrong"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_each_fault_shows_as_what_it_is(faults, symptom, clean, tmp_path):
    """Without records money stays missing; where tags alone speak, and lie, it goes astray.

    Where another run is measured a tag is not believed, so the boot of a machine that bears another
    run's tag is missing, not wrong.
    """
    faulty = shares(errors_of(Faults(**faults), tmp_path))
    assert clean["right"] > Fraction(999_999, 10**6)
    assert faulty[symptom] > clean[symptom] + Fraction(1, 10**6)
    assert faulty["right"] < clean["right"]


def test_a_stale_tag_takes_nothing_where_other_runs_are_measured(clean, tmp_path):
    assert shares(errors_of(Faults(stale_tags=1.0), tmp_path)) == clean


def test_a_bad_month_is_still_all_accounted_for(tmp_path):
    """Restated, duplicated and corrected bills: every method answers for its money."""
    errors = errors_of(ALL_FAULTS, tmp_path)
    found = shares(errors)
    assert sum(found.values()) == 1
    assert Fraction(1, 2) < found["right"] < 1
