"""Spend: the parts of real records sum to their receipts, whole and month by month."""

from fractions import Fraction

import pytest

from cli.recordings import NOW, Recorder, record_training
from metering.instruments import Clock
from trainfare.core.money import Money
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import NoPrice
from trainfare.metering.history import read_receipts
from trainfare.metering.metrics import read_logged_steps, read_series
from trainfare.reports.spend import cut_at_steps, spend_of

START = Clock().wall


def spends(home, periods=None, *, is_whole=True, logged=False):
    found = {}
    for receipt in read_receipts(home, now_ns=NOW, is_whole=is_whole):
        work = receipt.work
        series = read_series(home, receipt.run.id) if logged else {}
        found[receipt.run.id] = receipt, spend_of(receipt, work, periods, series)
    return found


def later(seconds):
    clock = Clock()
    clock.advance(seconds)
    return clock


def total(parts):
    return Money.total([p.estimated_cost for p in parts])


def test_parts_sum_to_the_receipt_and_epochs_to_the_train_stage(tmp_path):
    record_training(tmp_path, "r-1", gpus=2)
    receipt, spend = spends(tmp_path)["r-1"]
    assert total(spend.parts) == receipt.estimate.total
    trained = [p for p in spend.parts if p.stage == "train"]
    assert total(trained) == receipt.estimate.train_cost()
    assert [p.epoch for p in trained] == [0, 1, 2]
    assert {p.stage for p in spend.parts} == {"setup", "train", "checkpoint", None}
    assert spend.gpu_ns == Fraction(receipt.duration_ns * 2)


def test_parts_of_all_periods_sum_to_those_of_all_time(tmp_path):
    record_training(tmp_path, "r-1", losses=(1.0,))
    edges = [0, START + 7 * 10**9, START + 31 * 10**9 + 123, NOW + 10**15]
    periods = {f"p{n}": Interval(*edges[n : n + 2]) for n in range(3)}
    receipt, spend = spends(tmp_path, periods)["r-1"]
    assert total(spend.parts) == receipt.estimate.total
    assert spend.is_whole
    first = {"p0": periods["p0"]}
    _, cut = spends(tmp_path, first)["r-1"]
    assert not cut.is_whole
    assert total(cut.parts) == total([p for p in spend.parts if p.period == "p0"])


def test_steps_cost_what_their_epoch_costs(tmp_path):
    record_training(tmp_path, "r-1")
    receipt, spend = spends(tmp_path)["r-1"]
    steps = [p for p in cut_at_steps(spend).parts if p.step is not None]
    assert [p.step for p in steps] == list(range(300))
    assert total(steps) == receipt.estimate.train_cost()


def test_without_a_price_parts_weigh_by_time_held(tmp_path):
    record_training(tmp_path, "r-1", price=NoPrice("x", "nobody said"))
    _, spend = spends(tmp_path)["r-1"]
    assert spend.currency is None
    weights = {p.epoch: p.weight for p in spend.parts if p.stage == "train"}
    assert len(set(weights.values())) == 1
    assert min(weights.values()) > 0


def test_redone_work_is_the_money_of_the_steps_made_again(tmp_path):
    first = Recorder(tmp_path, "r-1", segment="s-1")
    first.stage("train", 0)
    first.ride(100, steps=100)
    first.end("killed", error="ended by SIGTERM")
    second = Recorder(tmp_path, "r-1", segment="s-2", clock=later(1000))
    second.meter.add_event("resume", step=60, steps=0)
    second.stage("train", 0)
    second.ride(50, steps=50)
    second.end()
    _, spend = spends(tmp_path)["r-1"]
    assert spend.redone == Fraction(40, 150)
    assert spend.ending == "finished"


def test_where_a_log_goes_on_is_where_the_run_went_on(tmp_path):
    made = Recorder(tmp_path, "r-1", segment="s-2")
    made.ride(10, steps=10)
    made.log(global_step=70.0)
    made.end()
    assert read_logged_steps(tmp_path, "r-1") == {"s-2": 60}


def test_a_stall_is_known_from_all_samples_only(tmp_path):
    made = Recorder(tmp_path, "r-1")
    made.stage("train", 0)
    made.ride(100, steps=100)
    made.ride(300, steps=0)
    made.end("killed", error="ended by SIGKILL")
    _, spend = spends(tmp_path)["r-1"]
    assert spend.stalled == Fraction(299, 400)
    assert spend.ending == "crashed"


@pytest.mark.parametrize(
    ("status", "error", "ending"),
    [
        ("finished", None, "finished"),
        ("failed", "ValueError: x", "failed"),
        ("killed", "interrupted from the keyboard", "cancelled"),
        ("killed", "ended by SIGTERM", "cancelled"),
        ("killed", "ended by SIGSEGV", "crashed"),
        ("killed", "the process ended without saying so", "crashed"),
        ("stopped_by_budget", "over", "stopped_by_budget"),
    ],
)
def test_cancelled_is_told_from_crashed(tmp_path, status, error, ending):
    made = Recorder(tmp_path, "r-1")
    made.ride(1)
    made.end(status, error=error)
    assert spends(tmp_path)["r-1"][1].ending == ending


def test_a_log_belongs_to_the_epoch_that_it_ends(tmp_path):
    record_training(tmp_path, "r-1")
    _, spend = spends(tmp_path, logged=True)["r-1"]
    assert [spend.epoch_at(point.wall_ns) for point in spend.series["loss"]] == [0, 1, 2]
    assert spend.epoch_at(START) is None
    assert spend.epoch_at(NOW + HOUR) is None
