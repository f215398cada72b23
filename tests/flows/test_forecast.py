"""Forecasts of live runs: from the loop's own words, through restarts, and with a real process."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

import trainfare
from cli.recordings import Recorder
from metering.instruments import Clock
from trainfare.core.budget import Budget, BudgetPeriod
from trainfare.core.forecast import Method
from trainfare.core.money import Money
from trainfare.flows.forecast import Forecaster
from trainfare.metering import event as ev
from trainfare.metering.budget_shelf import put_budget
from trainfare.metering.forecast_text import forecast_sentence
from trainfare.metering.history import read_receipt

SECOND = 10**9


def forecast(home, run="r-live", *, seconds=0):
    now_ns = Clock().wall + seconds * SECOND
    receipt = read_receipt(home, run, now_ns=now_ns, is_recent=True)
    return Forecaster(home).forecast(receipt)


def going_on(home, *, seconds=60, steps=120, run="r-live", **more):
    made = Recorder(home, run, is_alive=True, **more)
    made.stage("train")
    made.ride(seconds, steps=steps)
    return made


def test_declared_steps_give_a_total_at_the_price_of_the_machine(tmp_path):
    made = going_on(tmp_path)
    made.meter.add_event(ev.PLAN, steps=200)
    found = forecast(tmp_path)
    assert found.remaining_ns == pytest.approx(40 * SECOND, rel=0.02)
    assert found.total.nano == pytest.approx(100_000_000, rel=0.02)
    assert found.unit == "steps"


def test_without_a_word_on_the_end_there_is_no_total(tmp_path):
    going_on(tmp_path)
    found = forecast(tmp_path)
    assert (found.total, found.ends_at_ns, found.low, found.method) == (None, None, None, None)
    assert found.price_per_hour.text() == "3.600000000"
    assert found.why == "nobody said how much there is to do: run.expect(steps=…)"


def test_epochs_that_are_planned_are_forecast_by_their_steps_with_their_evaluations(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True)
    made.meter.add_event(ev.PLAN, epochs=10)
    for epoch in range(4):
        made.stage("train", epoch)
        made.ride(20, steps=40)
        made.stage("eval", epoch)
        made.ride(5)
    made.stage("train", 4)
    made.ride(10, steps=20)
    found = forecast(tmp_path)
    assert (found.work_done, found.work_planned) == (180, 400)
    assert found.remaining_ns == pytest.approx((110 + 6 * 5) * SECOND, rel=0.01)


def test_epochs_alone_are_work_enough(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True)
    made.meter.add_event(ev.PLAN, epochs=10)
    for epoch in range(5):
        made.stage("train", epoch)
        made.ride(20)
    found = forecast(tmp_path)
    assert (found.unit, found.work_done, found.work_planned) == ("epochs", 4, 10)
    assert found.remaining_ns == 100 * SECOND


def test_declared_tokens_are_the_work(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True)
    made.meter.add_event(ev.PLAN, tokens=10_000)
    made.stage("train")
    for _ in range(40):
        made.meter.counters.take(None, 100)
        made.ride(1, steps=1)
        made.meter._tick_host()
    found = forecast(tmp_path)
    assert (found.unit, found.work_done, found.work_planned) == ("tokens", 4000, 10_000)
    assert found.remaining_ns == pytest.approx(60 * SECOND, rel=0.05)


def test_a_resumed_run_does_its_lost_steps_again(tmp_path):
    clock = Clock()
    first = Recorder(tmp_path, "r-live", segment="a", clock=clock)
    first.meter.add_event(ev.PLAN, steps=1000)
    first.stage("train")
    first.ride(100, steps=500)
    first.end("failed")
    clock.advance(60)
    again = Recorder(tmp_path, "r-live", segment="b", clock=clock, is_alive=True)
    again.meter.add_event(ev.PLAN, steps=1000)
    again.meter.add_event(ev.RESUME, step=400, steps=0)
    again.stage("train")
    again.ride(20, steps=100)
    found = forecast(tmp_path, seconds=180)
    assert (found.work_done, found.work_planned) == (600, 1100)
    assert found.remaining_ns == pytest.approx(100 * SECOND, rel=0.01)
    assert found.total.nano == pytest.approx(220_000_000, rel=0.01)


def test_a_restart_that_does_not_say_where_it_goes_on_has_no_total(tmp_path):
    clock = Clock()
    first = Recorder(tmp_path, "r-live", segment="a", clock=clock)
    first.stage("train")
    first.ride(100, steps=500)
    first.end("failed")
    clock.advance(60)
    again = Recorder(tmp_path, "r-live", segment="b", clock=clock, is_alive=True)
    again.meter.add_event(ev.PLAN, steps=1000)
    again.stage("train")
    again.ride(20, steps=100)
    found = forecast(tmp_path, seconds=180)
    assert found.total is None
    assert "run.resume(step=…)" in found.why


def test_a_run_that_has_ended_has_no_forecast(tmp_path):
    made = going_on(tmp_path)
    made.end()
    assert forecast(tmp_path) is None


def test_half_an_hour_and_a_day_of_samples_tell_the_same(tmp_path):
    short = going_on(tmp_path, run="r-short", seconds=1000, steps=1000)
    short.meter.add_event(ev.PLAN, steps=10_000)
    long = going_on(tmp_path, run="r-long", seconds=5000, steps=5000)
    long.meter.add_event(ev.PLAN, steps=10_000)
    assert forecast(tmp_path, "r-short").remaining_ns == 9000 * SECOND
    assert forecast(tmp_path, "r-long").remaining_ns == 5000 * SECOND


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """What a training said of its work, as it stands in its record."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return lambda run: run.receipt().run.attempts[-1].segments[-1].plan


def test_loops_say_how_long_they_are(plan):
    with trainfare.track(price="1") as run:
        for epoch in run.epochs(range(2, 5)):
            for _ in run.steps([1, 2, 3]):
                pass
            with run.stage("eval"):
                for _ in run.steps([1]):
                    pass
            assert (plan(run).epochs, plan(run).epoch_steps) == (5, 3), epoch


def test_a_loop_outside_epochs_is_the_work_until_another_begins(plan):
    with trainfare.track(price="1") as run:
        for _ in run.steps(range(7)):
            assert plan(run).loop_steps == 7
        for _ in run.steps(range(7)):
            assert plan(run).loop_steps is None


def test_a_loader_without_length_or_with_a_broken_one_plans_nothing(plan):
    class Broken(list):
        def __len__(self):
            raise RuntimeError("no length here")

    for loader in (iter([1, 2]), Broken([1, 2])):
        with trainfare.track(price="1") as run:
            assert sum(1 for _ in run.steps(loader)) == 2
            assert plan(run).loop_steps is None


def test_what_is_expected_can_be_said_and_nonsense_is_passed_over(plan, caplog):
    with trainfare.track(price="1") as run:
        run.expect(steps=300, tokens=10**9)
        run.expect(steps=400, epochs=-1)
        assert (plan(run).steps, plan(run).tokens, plan(run).epochs) == (400, 10**9, None)


TRAINING = """
    import time, trainfare
    with trainfare.track("live", price="3600/h") as run:
        for _ in run.epochs(range(1000)):
            for _ in run.steps(range(5)):
                time.sleep(0.02)
"""


def test_a_real_training_is_forecast_while_it_runs(tmp_path):
    words = {"TRAINFARE_HOME": str(tmp_path), "TRAINFARE_METADATA": "off"}
    env = {**os.environ, **words}
    training = subprocess.Popen([sys.executable, "-c", textwrap.dedent(TRAINING)], env=env)
    try:
        found = {}
        deadline = time.monotonic() + 60
        while not (found or {}).get("total") and time.monotonic() < deadline:
            time.sleep(0.2)
            command = [sys.executable, "-m", "trainfare", "runs", "--format", "json"]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            listed = json.loads(done.stdout)["runs"]
            found = listed[0]["forecast"] if listed else {}
    finally:
        training.kill()
        training.wait()
    assert found["work_planned"] == pytest.approx(5000, rel=0.01)
    assert found["method"] in {one.value for one in Method}
    assert float(found["total"]) > 50  # of 100 s and more; a busy machine blurs the first seconds


SLOW_END = ((30, 60), (30, 30), (40, 10))
"""Seconds and steps: a schedule by which the last steps take eight times as long."""


def ended(home, run, *, factor=1, after=0, parts=SLOW_END, status="finished", **more):
    clock = Clock()
    clock.advance(after)
    made = Recorder(home, run, clock=clock, **more)
    made.stage("train")
    for seconds, steps in parts:
        made.ride(seconds * factor, steps=steps)
    made.end(status)
    return made


LABELS = {"model": "bert", "team": "nlp"}


def live_beside(home, count, **more):
    for number in range(count):
        words = {**LABELS, "seed": str(number)}
        ended(home, f"r-{number}", after=1000 * number, labels=words, **more)
    made = Recorder(home, "r-live", labels={**LABELS, "seed": "9"}, is_alive=True)
    made.meter.add_event(ev.PLAN, steps=100)
    made.stage("train")
    made.ride(60, steps=60)
    return forecast(home)


def test_earlier_runs_of_the_configuration_know_what_a_schedule_brings(tmp_path):
    found = live_beside(tmp_path, 3)
    assert (found.method, found.runs) == (Method.PROFILE, 3)
    # Twice as slow as they were: 60 steps took 60 s instead of 30.
    assert found.remaining_ns == pytest.approx((30 + 40) * 2 * SECOND, rel=0.02)
    assert found.coverage == pytest.approx(0.75)
    assert found.calibrated_on == "runs of this configuration"


def test_one_earlier_run_gives_a_profile_and_others_the_interval(tmp_path):
    found = live_beside(tmp_path, 1)
    assert (found.method, found.runs) == (Method.PROFILE, 1)
    assert (found.calibrated_on, found.coverage) == ("published runs", pytest.approx(0.9))
    assert found.low < found.total < found.high


@pytest.mark.parametrize(
    "unlike",
    [
        {"labels": {"model": "gpt"}},
        {"status": "failed"},
        {"parts": ((30, 60), (30, 30))},
    ],
    ids=["other labels", "not finished", "other work"],
)
def test_a_run_that_is_not_alike_is_no_profile(tmp_path, unlike):
    for number in range(3):
        ended(tmp_path, f"r-{number}", after=1000 * number, **({"labels": LABELS} | unlike))
    going_on(tmp_path, labels=LABELS).meter.add_event(ev.PLAN, steps=200)
    found = forecast(tmp_path)
    assert (found.runs, found.method is Method.PROFILE) == (0, False)
    assert found.calibrated_on == "published runs"


def test_many_other_runs_here_speak_before_published_ones(tmp_path):
    for number in range(9):
        labels = {"model": f"m{number}"}
        ended(tmp_path, f"r-{number}", after=1000 * number, labels=labels, parts=((100, 100),))
    going_on(tmp_path, labels=LABELS).meter.add_event(ev.PLAN, steps=200)
    found = forecast(tmp_path)
    assert (found.calibrated_on, found.coverage) == ("other runs here", pytest.approx(0.9))


def test_a_run_without_a_known_end_says_how_long_its_budget_lasts(tmp_path):
    going_on(tmp_path)
    put_budget(tmp_path, Budget("wide", Money.parse("9"), period=BudgetPeriod.RUN))
    put_budget(tmp_path, Budget("each", Money.parse("3.66"), period=BudgetPeriod.RUN))
    found = forecast(tmp_path)
    assert found.budget_id == "each"
    # $0.06 are spent after a minute; $3.60 more last an hour.
    assert found.budget_used_up_ns == found.at_ns + 3600 * SECOND
    assert "budget each ($3.66) lasts until " in forecast_sentence(found)
    assert found.to_json()["budget"]["breach_probability"] is None


def test_a_run_says_how_likely_it_breaks_its_budget(tmp_path):
    going_on(tmp_path).meter.add_event(ev.PLAN, steps=200)
    put_budget(tmp_path, Budget("each", Money.parse("0.09"), period=BudgetPeriod.RUN))
    found = forecast(tmp_path)
    assert found.breach_probability(Money.parse("0.09")) > 0.9
    assert forecast_sentence(found).endswith(" % likely over budget each ($0.0900)")
    assert found.breach_probability(Money.parse("1")) == 0


def test_what_would_take_ages_is_not_forecast(tmp_path):
    made = going_on(tmp_path)
    put_budget(tmp_path, Budget("each", Money.parse("9000000000"), period=BudgetPeriod.RUN))
    made.meter.add_event(ev.PLAN, steps=2**62)
    found = forecast(tmp_path)
    assert (found.total, found.ends_at_ns, found.budget_used_up_ns) == (None, None, None)
    assert found.why == "at this speed it would take over a hundred years"
    assert found.to_json()["total"] is None


def test_an_endless_range_of_epochs_is_not_walked(plan):
    with trainfare.track(price="1") as run:
        for epoch in run.epochs(range(10**18)):
            if epoch == 1:
                break
        assert plan(run).epochs == 10**18


def test_samples_that_may_not_be_read_leave_the_epochs(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True)
    made.meter.add_event(ev.PLAN, epochs=10)
    for epoch in range(5):
        made.stage("train", epoch)
        made.ride(20)
    (made.folder / "samples.bin").unlink()
    assert forecast(tmp_path).remaining_ns == 120 * SECOND
