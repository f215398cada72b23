"""Frames: what a run costs at this moment agrees with its receipt, and gaps are said."""

import os
from datetime import date
from decimal import Decimal

import pytest

from cli.recordings import MACHINE, Recorder
from metering.instruments import Clock
from trainfare.core.machine import Machine
from trainfare.core.price import NoPrice, Price
from trainfare.flows.watch import find_running, take_frame
from trainfare.metering.history import read_receipt

SECOND = 10**9


def at(seconds, clock=None):
    clock = clock or Clock()
    return clock.wall + round(seconds * SECOND)


def going_on(home, run="r-live", *, seconds=60, **more):
    made = Recorder(home, run, is_alive=True, **more)
    made.stage("train", 0)
    made.ride(seconds, steps=2 * seconds)
    return made


def test_a_frame_costs_what_the_receipt_of_that_moment_says(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True, gpus=2)
    for epoch in range(30):
        made.stage("train", epoch)
        made.ride(7, steps=5)
        made.stage("eval", epoch)
        made.ride(2)
    now = at(271)
    frame, receipt = (
        take_frame(tmp_path, "r-live", now),
        read_receipt(tmp_path, "r-live", now_ns=now),
    )
    assert frame.receipt.estimate == receipt.estimate
    assert frame.receipt.estimate.total.text() == "0.270000000"
    assert [one.epoch for one in frame.epochs] == list(range(18, 30))
    assert (frame.stage, frame.epoch) == ("eval", 29)


def test_rates_are_of_the_last_half_minute(tmp_path):
    made = going_on(tmp_path, seconds=100)
    made.ride(30, steps=300, cores=3.5)
    frame = take_frame(tmp_path, "r-live", at(130))
    assert frame.steps_per_second == pytest.approx(10)
    assert frame.cpu_cores[-1] == pytest.approx(3.5)
    assert frame.cpu_count == 8


def test_a_step_slower_than_half_a_minute_still_has_a_rate(tmp_path):
    made = going_on(tmp_path, seconds=100)
    made.ride(50)
    assert take_frame(tmp_path, "r-live", at(150)).steps_per_second == pytest.approx(200 / 150)


def test_waiting_for_data_is_a_share_of_time(tmp_path):
    made = going_on(tmp_path, seconds=40)
    for _ in range(30):
        made.meter.counters.input_wait_ns += SECOND // 4
        made.ride(1)
    assert take_frame(tmp_path, "r-live", at(70)).input_wait == pytest.approx(0.25)


def test_the_hourly_price_is_the_sum_of_the_held_machines(tmp_path):
    second = Machine("i-0def", "node-2", provider="aws", cpu_count=8)
    going_on(tmp_path)
    going_on(tmp_path, segment="rank-1", machine=second, rank=1)
    frame = take_frame(tmp_path, "r-live", at(60))
    assert frame.price_per_hour.text() == "7.200000000"
    assert frame.cpu_count == 16
    assert frame.cpu_cores[-1] == pytest.approx(2)


def test_a_run_that_holds_a_part_of_its_machine_costs_that_part_by_the_hour(tmp_path):
    """The rest of the machine's price is somebody else's, or idle; the frame agrees with its total."""
    going_on(tmp_path, share="1/4")
    frame = take_frame(tmp_path, "r-live", at(60))
    assert frame.price_per_hour.text() == "0.900000000"
    assert frame.receipt.estimate.total.text() == "0.015000000"


def test_ranks_and_wrapper_of_one_machine_count_once(tmp_path):
    for number in range(3):
        going_on(tmp_path, segment=f"rank-{number}", rank=number, wrapper=number == 2)
    frame = take_frame(tmp_path, "r-live", at(60))
    assert frame.price_per_hour.text() == "3.600000000"
    assert frame.cpu_cores[-1] == pytest.approx(1)
    assert frame.receipt.steps == 120


def test_the_hourly_price_is_known_at_the_first_moment(tmp_path):
    Recorder(tmp_path, "r-new", is_alive=True)
    frame = take_frame(tmp_path, "r-new", at(0))
    assert frame.price_per_hour.text() == "3.600000000"
    assert frame.steps_per_second is None


def test_an_ended_run_costs_nothing_more_by_the_hour(tmp_path):
    going_on(tmp_path).end()
    frame = take_frame(tmp_path, "r-live", at(60))
    assert (frame.is_running, frame.price_per_hour, frame.devices) == (False, None, ())
    assert frame.receipt.estimate.total.text() == "0.060000000"


def test_devices_are_listed_once_with_their_latest_windows(tmp_path):
    made = going_on(tmp_path, gpus=2, seconds=20)
    made.activity = [10.0, None]
    made.ride(10)
    first, second = take_frame(tmp_path, "r-live", at(30)).devices
    assert first.activity == (0.9, 0.9, 0.1)
    assert second.activity == (0.9, 0.9, None)
    assert (first.memory_bytes, first.low_ns) == (40 << 30, 0)


def test_idle_devices_are_an_alert_with_their_price(tmp_path):
    made = going_on(tmp_path, gpus=4, seconds=20)
    made.activity[1:3] = [0.0, 0.9]
    made.ride(590)
    assert take_frame(tmp_path, "r-live", at(610)).alerts == ()
    made.ride(10)
    found = take_frame(tmp_path, "r-live", at(620)).alerts
    assert found == ("2 of 4 accelerators idle for 10 min or longer, $1.80/h",)


def test_a_machine_without_a_price_is_an_alert_and_never_free(tmp_path):
    going_on(tmp_path, price=NoPrice("x/y", "nobody sells it"))
    frame = take_frame(tmp_path, "r-live", at(60))
    assert frame.price_per_hour is None
    assert frame.receipt.estimate.total is None
    assert frame.alerts == ("no price for 0.016667 h of machine time: x/y: nobody sells it",)
    assert frame.to_json()["estimated"]["total"] is None


@pytest.mark.parametrize(
    ("more", "said"),
    [({"quality": "stale"}, "stale"), ({"is_reference": True}, "reference only"), ({}, None)],
)
def test_an_old_or_reference_price_is_an_alert(tmp_path, more, said):
    price = Price("x/y", Decimal(2), "h", as_of=date(2026, 1, 2), origin="shipped", **more)
    going_on(tmp_path, price=price)
    alerts = take_frame(tmp_path, "r-live", at(60)).alerts
    assert [said in text for text in alerts] == ([True] if said else [])


def test_a_silent_run_is_an_alert(tmp_path):
    going_on(tmp_path)
    assert take_frame(tmp_path, "r-live", at(69)).alerts == ()
    found = take_frame(tmp_path, "r-live", at(95)).alerts
    assert found == ("no sample from node-1, rank 0 for 35 s: stopped, or its machine is too busy",)


def test_what_went_wrong_while_metering_is_an_alert(tmp_path):
    made = going_on(tmp_path)
    made.meter.note("lost a device reading: gone")
    assert take_frame(tmp_path, "r-live", at(60)).alerts == ("lost a device reading: gone",)


def test_the_running_run_that_started_last_is_found(tmp_path):
    assert find_running(tmp_path) is None
    going_on(tmp_path, "r-old")
    clock = Clock()
    clock.advance(100)
    newer = Recorder(tmp_path, "r-new", clock=clock, is_alive=True)
    going_on(tmp_path, "r-ended").end()
    Recorder(tmp_path, "r-dead", clock=clock, segment="dead")
    assert find_running(tmp_path) == "r-new"
    newer.end()
    assert find_running(tmp_path) == "r-old"


def test_a_day_of_samples_is_not_read_for_a_frame(tmp_path, monkeypatch):
    """Only the end of the samples file is: its size must not matter."""
    made = going_on(tmp_path, seconds=30)
    samples = made.folder / "samples.bin"
    whole = samples.read_bytes()
    with samples.open("wb") as file:
        file.truncate(96 * 86_400)
        file.seek(0, os.SEEK_END)
        file.write(whole)
    read = os.stat(samples).st_size
    frame = take_frame(tmp_path, "r-live", at(30))
    assert read > 8_000_000
    assert frame.receipt.estimate.total.text() == "0.030000000"
    assert len(frame.cpu_cores) == 30
    assert MACHINE.cpu_count == frame.cpu_count
