"""The inside of simulated runs: what their meters write down hangs together."""

from trainfare.core.stage import Status
from trainfare.metering.history import read_receipts
from trainfare.metering.metrics import read_metrics
from trainfare.prices.book import PriceBook
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import make_world


def test_a_detailed_record_costs_what_the_plain_one_does(tmp_path):
    world = make_world(7, runs=8, days=2, teams=2, machines=1)
    for name in ("plain", "full"):
        price_of = PriceBook(tmp_path / name).machine_price
        assert write_records(world, tmp_path / name, price_of, is_detailed=name == "full")
    plain, full = (
        {one.run.id: one for one in read_receipts(tmp_path / name)} for name in ("plain", "full")
    )
    assert plain.keys() == full.keys()
    for run, one in full.items():
        assert one.machine_cost == plain[run].machine_cost
        assert one.duration_ns == plain[run].duration_ns


def test_epochs_steps_metrics_and_gpus_are_in_it(tmp_path):
    world = make_world(7, runs=8, days=2, teams=2, machines=1)
    write_records(world, tmp_path, PriceBook(tmp_path).machine_price, is_detailed=True)
    finished = [
        one for one in read_receipts(tmp_path, is_whole=True) if one.run.status is Status.FINISHED
    ]
    assert finished
    for one in finished:
        assert one.estimate.by_epoch()
        assert read_metrics(tmp_path, one.run.id)["loss"].count >= 3
    assert any(one.activity.mean_permille for one in finished)
    assert any(one.steps for one in finished)
    watts = [
        float(one.activity.energy_kwh) * 3.6e15 / held_ns
        for one in finished
        if one.activity.energy_kwh
        and (held_ns := sum(len(s.held_devices) * s.interval.duration_ns for s in one.run.segments))
    ]
    assert watts
    assert all(60 < each < 420 for each in watts)
