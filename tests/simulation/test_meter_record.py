"""Meter records: what the simulated meters wrote is read back as the runs that were recorded."""

from fractions import Fraction

from simulation.worlds import world_of
from trainfare.core.price import NoPrice, Price
from trainfare.core.stage import Status
from trainfare.metering.history import read_receipts
from trainfare.prices.book import PriceBook
from trainfare.simulation.fault import Faults
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.schedule import Ending


def test_what_was_recorded_is_read_back_with_its_time_share_and_price(tmp_path):
    world = world_of(faults=Faults(missing_claims=0.2))
    count = write_records(world, tmp_path, PriceBook(tmp_path).machine_price)
    receipts = {receipt.run.id: receipt for receipt in read_receipts(tmp_path)}
    wide = {run.id for run in world.runs if run.nodes > 1 and run.job.startswith("arn:")}
    claims = [trace.claim for trace in world.traces if trace.claim.run not in wide]
    assert count == len(claims) > 20
    assert receipts.keys() == {claim.run for claim in claims}
    for run, receipt in receipts.items():
        recorded = {(c.resource_id, c.interval, c.share) for c in receipt.run.claims()}
        assert recorded == {(c.resource_id, c.interval, c.share) for c in claims if c.run == run}
        assert all(
            mark.price.sku.count("/") == 3 for s in receipt.run.segments for mark in s.prices
        )
    priced = [s.prices[0].price for r in receipts.values() for s in r.run.segments]
    assert {type(price) for price in priced} == {Price, NoPrice}


def test_runs_end_as_they_ended_and_keep_their_labels(tmp_path):
    world = world_of()
    write_records(world, tmp_path, lambda machine, _at: NoPrice(machine.resource_id, "not asked"))
    runs = {run.id: run for run in world.runs}
    statuses = set()
    for receipt in read_receipts(tmp_path):
        true = runs[receipt.run.id]
        assert receipt.run.labels == dict(true.labels)
        ending = true.attempts[-1].ending
        expected = {Ending.COMPLETED: Status.FINISHED, Ending.FAILED: Status.FAILED}
        assert receipt.run.status is expected.get(ending, Status.KILLED)
        statuses.add(receipt.run.status)
    assert len(statuses) == 3
    assert any(s.share < 1 for r in read_receipts(tmp_path) for s in r.run.segments)
    assert all(Fraction(0) < s.share for r in read_receipts(tmp_path) for s in r.run.segments)
