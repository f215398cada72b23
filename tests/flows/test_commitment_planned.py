"""What live runs still need: from a recording of a run that goes on, by its own forecast."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cli.recordings import Recorder
from metering.instruments import Clock
from trainfare.core.price import Price
from trainfare.flows import commitment_planned
from trainfare.flows.commitment_planned import live_demand
from trainfare.metering import event as ev
from trainfare.metering.history import read_receipts

HOUR_NS = 3600 * 10**9


def going_on(home, run="r-live", *, steps=120, of=None):
    made = Recorder(home, run, is_alive=True)
    made.stage("train")
    made.ride(60, steps=steps)
    if of is not None:
        made.meter.add_event(ev.PLAN, steps=of)
    return made


@pytest.fixture
def on_demand(monkeypatch):
    """Receipts whose machine is one of the price book, as on a cloud machine."""
    price = Price("aws/us-east-1/p5.48xlarge/on_demand", Decimal("55.04"), "h")

    def receipts(home):
        found = []
        for one in read_receipts(home, now_ns=Clock().wall):
            last = one.run.attempts[-1]
            segments = tuple(
                replace(part, prices=tuple(replace(mark, price=price) for mark in part.prices))
                for part in last.segments
            )
            attempts = (*one.run.attempts[:-1], replace(last, segments=segments))
            found.append(replace(one, run=replace(one.run, attempts=attempts)))
        return found

    monkeypatch.setattr(commitment_planned, "read_receipts", receipts)


def test_a_run_that_says_its_end_is_demand_until_then(tmp_path, on_demand):
    going_on(tmp_path, of=120 + 7200 * 2)  # two hours more, at two steps a second
    now_ns = 490_000 * HOUR_NS + HOUR_NS // 4
    found = live_demand(tmp_path, now_ns=now_ns)
    assert (found.runs, found.unknown) == (1, 0)
    [column] = found.demand.columns
    assert (column.sku, column.price_nano) == ("aws/us-east-1/p5.48xlarge", 55_040_000_000)
    assert found.demand.first_hour == 490_000
    assert found.demand.spend_nano[0, 0] == round(0.75 * column.price_nano)
    assert found.demand.total_nano == pytest.approx(2 * column.price_nano, rel=0.05)


def test_a_run_without_an_end_or_a_price_of_the_book_is_counted(tmp_path, on_demand):
    going_on(tmp_path)
    found = live_demand(tmp_path)
    assert (found.demand, found.runs, found.unknown) == (None, 0, 1)
    assert live_demand(tmp_path, "EUR").demand is None


def test_without_live_runs_nothing_is_planned(tmp_path):
    assert live_demand(tmp_path) == commitment_planned.LiveDemand(None, 0, 0)
