"""Budgets that hold: no run gets beyond its stated bound, and none is stopped below its budget."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import trainfare
from cli.recordings import Recorder
from trainfare.core.budget import STOP_AT, Action, Budget, BudgetPeriod, Threshold
from trainfare.core.errors import BadInput, BudgetExceeded
from trainfare.core.money import Money
from trainfare.core.period import HOUR, SECOND
from trainfare.core.price import Price, parse_hourly
from trainfare.core.selection import select_runs
from trainfare.metering.audit import read_audit
from trainfare.metering.brake import Brake, Halt, overshoot_bound
from trainfare.metering.budget_shelf import put_budget
from trainfare.metering.guard import Guard
from trainfare.metering.history import read_receipt
from trainfare.metering.hold import own_budgets


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    for name in ("TRAINFARE_RUN_ID", "TRAINFARE_PRICE"):
        monkeypatch.delenv(name, raising=False)
    return folder


class Training:
    """A loop on a clock that the test turns: steps of a fixed length, and a will of its own."""

    def __init__(self, home, run, budgets, *, price, step_seconds, obeys="loop", grace=5, **more):
        self.recorder = Recorder(home, run, price=price, is_alive=True, **more)
        self.counters, self.clock = self.recorder.meter.counters, self.recorder.clock
        self.step_seconds, self.obeys, self.signals = step_seconds, obeys, []
        self.is_over, self.passed = False, 0
        halt = Halt(
            ask=lambda: self.hear("ask"),
            force=lambda: self.hear("force"),
            is_stepping=lambda: self.counters.steps > 0,
        )
        guard = Guard(
            home,
            run,
            budgets,
            wall_ns=lambda: self.recorder.meter.started_wall_ns + self.recorder.meter.elapsed_ns(),
            mono_ns=lambda: self.clock.mono,
        )
        self.brake = Brake(
            home, run, guard, self.counters, halt, self.recorder.meter.note,
            mono_ns=lambda: self.clock.mono,
        )  # fmt: skip
        self.recorder.stage("train", 0)

    def hear(self, how):
        self.signals.append(how)
        if how == "force" or self.obeys in ("loop", "ask"):
            self.end()

    def end(self):
        if not self.is_over:
            self.is_over = True
            self.recorder.end("stopped_by_budget" if self.counters.stop else "finished")
            self.brake.settle(self.recorder.meter.estimated_cost())

    def second(self, jump_ns=0):
        self.clock.wall += jump_ns
        self.recorder.ride(1)
        self.passed += 1
        self.brake.tick()
        if not self.is_over and self.step_seconds and self.passed % self.step_seconds == 0:
            self.counters.steps += 1
            if self.counters.stop and self.obeys == "loop":
                self.end()


def per_second(dollars):
    return Price("stated", Decimal(dollars) * 3600, "h", source="stated by the user")


@pytest.mark.parametrize("text", ["{", "null", '{"form": 99, "budgets": []}'])
def test_a_damaged_file_of_the_home_leaves_a_run_its_own_budget(home, text):
    home.mkdir()
    (home / "budgets.json").write_text(text)
    limit = Money.parse("5")
    own = Budget("own", limit, period=BudgetPeriod.RUN, thresholds=(STOP_AT,), is_armed=True)
    training = Training(home, "r-1", [own], price=per_second("1"), step_seconds=1)
    for _ in range(30):
        if not training.is_over:
            training.second()
    receipt = read_receipt(home, "r-1")
    assert receipt.run.status.value == "stopped_by_budget"
    [told] = [
        note
        for one in receipt.run.segments
        for note in one.notes
        if "only budgets known before" in note
    ]
    assert "budgets.json" in told


def test_a_budget_that_was_read_holds_when_its_file_is_damaged_later(home):
    budget = Budget("all", Money.parse("60"), thresholds=(STOP_AT,), is_armed=True)
    put_budget(home, budget)
    training = Training(home, "r-1", [], price=per_second("1"), step_seconds=1)
    training.second()
    (home / "budgets.json").write_text("{")
    for _ in range(90):
        if not training.is_over:
            training.second()
    assert read_receipt(home, "r-1").run.status.value == "stopped_by_budget"


def test_an_armed_budget_in_another_currency_says_once_that_it_cannot_stop_the_run(home):
    """It would look like a brake, and nothing would ever be braked."""
    put_budget(home, Budget("far", Money.parse("5", "EUR"), thresholds=(STOP_AT,), is_armed=True))
    put_budget(home, Budget("told", Money.parse("5", "EUR"), thresholds=(STOP_AT,)))
    training = Training(home, "r-1", [], price=per_second("1"), step_seconds=1)
    for _ in range(40):
        training.second()
    training.end()
    run = read_receipt(home, "r-1").run
    notes = [note for one in run.segments for note in one.notes if "budget" in note]
    assert notes == [
        "budget far is in EUR, this run costs USD: it cannot stop it; give both in one currency"
    ]
    assert run.status.value == "finished"


@pytest.mark.parametrize("seed", range(100))
def test_no_run_gets_beyond_its_bound_and_none_is_stopped_below_its_budget(seed, home, monkeypatch):
    dice = random.Random(seed)
    price = per_second(f"0.{dice.randrange(1, 1000):03}")
    seconds, step = dice.randrange(20, 120), dice.choice([0, 1, 2, 3, 7, 15])
    limit = Money.nearest(Fraction(price.amount) / 3600 * dice.randrange(5, 150))
    grace = dice.choice([0, 1, 3, 10])
    budget = Budget(
        "own", limit, period=BudgetPeriod.RUN, thresholds=(STOP_AT,), is_armed=True,
        grace_seconds=grace,
    )  # fmt: skip
    obeys = dice.choice(["loop", "loop", "ask", "nobody"])
    training = Training(home, "r-1", [budget], price=price, step_seconds=step, obeys=obeys)
    jumps = {dice.randrange(seconds): dice.choice([-5, -1, 1, 5]) * HOUR for _ in range(2)}
    lost = dice.randrange(seconds)  # for three seconds nobody looks: the thread got no CPU
    for second in range(seconds):
        if training.is_over:
            break
        if lost <= second < lost + 3:
            training.recorder.ride(1)
            training.passed += 1
        else:
            training.second(jumps.get(second, 0) if dice.random() < 0.5 else 0)
    training.end()
    spent = read_receipt(home, "r-1").estimate.total
    is_stopped = read_receipt(home, "r-1").run.status.value == "stopped_by_budget"
    rate = price.per_quantum * 10**9
    step_ns = step * SECOND if obeys == "loop" else 0  # without a step that ends, two graces
    bound = overshoot_bound(rate, "USD", budget, sampling_ns=SECOND, step_ns=step_ns)
    away = Money.nearest(price.per_quantum * 3 * SECOND)
    assert spent <= limit + bound + away
    if is_stopped:
        assert spent >= limit
    else:
        assert spent < limit + Money.nearest(price.per_quantum * SECOND * 4)


@pytest.mark.parametrize(("is_alone", "most"), [(True, "0.10"), (False, "0.12")])
def test_a_run_alone_on_its_machine_is_stopped_at_the_next_look_one_in_company_two_seconds_on(
    home, is_alone, most
):
    """Alone nothing is awaited; in company the others' records of the last seconds are."""
    limit = Money.parse("0.10")
    own = Budget("own", limit, period=BudgetPeriod.RUN, thresholds=(STOP_AT,), is_armed=True)
    price = per_second("0.01")
    other = None if is_alone else Recorder(home, "r-2", price=price, is_alive=True)
    training = Training(home, "r-1", [own], price=price, step_seconds=1)
    while not training.is_over and training.passed < 60:
        training.second()
        if other is not None:
            other.ride(1)  # a moment later, as another process does
    spent = read_receipt(home, "r-1").estimate.total
    assert limit <= spent <= Money.parse(most)
    assert training.passed == (10 if is_alone else 22)
    [stop] = [one for one in read_audit(home) if one["action"] == "budget stop"]
    seconds = 62 if is_alone else 64  # sampling, two graces, slack, and the lag
    assert Money.parse(stop["overshoot_bound"]).nano % seconds == 0


def test_a_shared_budget_counts_every_run_and_stops_only_those_of_its_scope(home):
    put_budget(
        home,
        Budget(
            "nlp", Money.parse("1"), select_runs("team=nlp"), thresholds=(STOP_AT,), is_armed=True
        ),
    )
    price = per_second("0.01")
    trainings = [
        Training(home, run, [], price=price, step_seconds=1, labels={"team": team})
        for run, team in (("r-1", "nlp"), ("r-2", "nlp"), ("r-3", "cv"))
    ]
    for _ in range(200):
        for each in trainings:
            if not each.is_over:
                each.second()
    states = [read_receipt(home, f"r-{n}").run.status.value for n in (1, 2, 3)]
    assert states == ["stopped_by_budget", "stopped_by_budget", "running"]
    spent = [read_receipt(home, f"r-{n}").estimate.total for n in (1, 2)]
    assert Money.parse("1") <= Money.total(spent) <= Money.parse("1.1")


def test_a_dry_run_says_what_it_would_stop_and_stops_nothing(home):
    budget = Budget("own", Money.parse("0.05"), period=BudgetPeriod.RUN, thresholds=(STOP_AT,))
    training = Training(home, "r-1", [budget], price=per_second("0.01"), step_seconds=1)
    for _ in range(20):
        training.second()
    assert not training.is_over
    assert [one["action"] for one in read_audit(home)] == ["budget would stop"]


def test_a_checkpoint_is_asked_for_once(home):
    half = Threshold(Fraction(1, 2), action=Action.CHECKPOINT)
    budget = Budget("own", Money.parse("0.10"), period=BudgetPeriod.RUN, thresholds=(half,))
    training = Training(home, "r-1", [budget], price=per_second("0.01"), step_seconds=1)
    for _ in range(20):
        training.second()
    assert training.counters.is_checkpoint_due
    assert [one["action"] for one in read_audit(home)] == ["budget checkpoint"]


def cancelling(command, grace=5):
    return Budget(
        "own",
        Money.parse("0.05"),
        period=BudgetPeriod.RUN,
        thresholds=(Threshold(Fraction(1), action=Action.CANCEL),),
        is_armed=True,
        grace_seconds=grace,
        cancel_command=command,
    )


SCANCEL = """
import pathlib, sys
tries = pathlib.Path(sys.argv[1])
count = int(tries.read_text()) + 1 if tries.exists() else 1
tries.write_text(str(count))
print("scancel: error: Unable to contact slurm controller", file=sys.stderr)
sys.exit(1 if count <= 2 else 0)
"""


def test_a_cancel_that_fails_twice_is_tried_again_until_it_works(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    script, tries = tmp_path / "scancel.py", tmp_path / "tries"
    script.write_text(SCANCEL)
    command = (sys.executable, str(script), str(tries), "{job}", "{run}", "{odd}")
    training = Training(
        home, "r-1", [cancelling(command, grace=60)], price=per_second("0.01"), step_seconds=1
    )
    for _ in range(60):
        training.second()
        time.sleep(0.02)  # the command is a real process
        if tries.exists() and tries.read_text() == "3":
            break
    training.end()
    lines = [one for one in read_audit(home) if one["action"] == "budget cancel command"]
    assert [one["exit_code"] for one in lines][:2] == [1, 1]
    assert lines[0]["command"][-3:] == ["4711", "r-1", "{odd}"]
    assert tries.read_text() == "3"


def test_a_run_that_cannot_be_cancelled_is_stopped(home):
    training = Training(
        home, "r-1", [cancelling(("/no/such/scancel", "{job}"), grace=2)],
        price=per_second("0.01"), step_seconds=1,
    )  # fmt: skip
    for _ in range(30):
        training.second()
    assert training.is_over
    actions = [one["action"] for one in read_audit(home)]
    assert actions[0] == "budget cancel"
    assert "budget cancel failed" in actions
    assert "No such file" in next(one["error"] for one in read_audit(home) if "error" in one)


def test_a_real_loop_is_stopped_between_two_steps(home):
    done = []
    with pytest.raises(BudgetExceeded, match=r"budget own: \$.* of \$2.00 is spent"):
        with trainfare.track(price="3600/h", budget="2") as run:
            for step in run.steps(range(10_000)):
                time.sleep(0.01)
                done.append(step)
    receipt = run.receipt()
    assert receipt.run.status.value == "stopped_by_budget"
    assert receipt.steps == len(done)
    assert Money.parse("2") <= receipt.estimate.total <= Money.parse("6")


def test_a_budget_holds_where_the_home_is_gone(home):
    with trainfare.track(price="3600/h", budget="3") as run:
        time.sleep(0.5)
        shutil.rmtree(home)
        began = time.monotonic()
        while not run.should_stop and time.monotonic() - began < 60:
            time.sleep(0.01)
    assert run.should_stop


def test_a_flag_is_for_loops_that_must_not_be_interrupted(home):
    with trainfare.track(price="3600/h", budget=Money.parse("1")) as run:
        while not run.should_stop:
            time.sleep(0.01)
    assert run.receipt().run.status.value == "stopped_by_budget"


@pytest.mark.parametrize("budget", [2.5, "much", "0", 0, True, [1]])
def test_a_budget_that_is_no_amount_starts_nothing(home, budget):
    with pytest.raises(BadInput):
        trainfare.track(budget=budget)
    assert not (home / "runs").exists()


def test_a_whole_number_is_an_amount_for_it_loses_no_digit():
    assert own_budgets(3) == own_budgets("3")


def test_a_budget_in_another_currency_than_the_stated_price_is_refused_before_the_start(home):
    euro, dollar = (parse_hourly(text) for text in ("3.6EUR/h", "3.6/h"))
    assert own_budgets("3EUR", euro) == own_budgets("3EUR")
    assert own_budgets("3", dollar) == own_budgets("3")
    with pytest.raises(BadInput, match=r"budget is in EUR and the price in USD.*in one currency"):
        trainfare.track("r", budget="3EUR", price="3.6/h")
    assert not (home / "runs").exists()


def command(home, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "trainfare", "run", *words],
        env={**os.environ, "TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_that_does_not_listen_is_killed_after_the_grace(home):
    put_budget(
        home,
        Budget("all", Money.parse("1"), thresholds=(STOP_AT,), is_armed=True, grace_seconds=1),
    )
    deaf = 'trap "" TERM; sleep 60'
    child = command(home, "--price", "3600/h", "--quiet", "--", "sh", "-c", deaf)
    child.communicate(timeout=50)
    assert child.returncode == -signal.SIGKILL
    actions = [one["action"] for one in read_audit(home)]
    assert actions == [
        "budget stop",
        "budget sent SIGTERM",
        "budget sent SIGKILL",
        "budget stopped",
    ]
    [run] = trainfare.runs()
    assert run.run.status.value == "stopped_by_budget"


LOOP = """
import time, trainfare
with trainfare.track() as run:
    print("began", flush=True)
    for _ in run.steps(range(3000)):
        time.sleep(0.02)
"""


def test_a_loop_goes_on_being_held_when_its_wrapper_is_killed(home):
    put_budget(home, Budget("all", Money.parse("3"), thresholds=(STOP_AT,), is_armed=True))
    wrapper = command(
        home, "--price", "3600/h", "--quiet", "--", sys.executable, "-c", textwrap.dedent(LOOP)
    )
    assert wrapper.stdout.readline() == "began\n"
    wrapper.kill()
    wrapper.communicate(timeout=50)  # the pipe closes when the loop has ended
    [run] = trainfare.runs()
    segments = {one.is_wrapper: one.status.value for one in run.run.segments}
    assert segments[False] == "stopped_by_budget"
    assert run.estimate.total <= Money.parse("40")


def test_an_audit_line_stands_alone(home):
    put_budget(home, Budget("all", Money.parse("1")))
    path = Path(home) / "audit.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"action": "whole"}\n{"action": "cut sh')
    assert read_audit(home) == [json.loads('{"action": "whole"}')]


def test_a_run_that_ends_beyond_its_budget_before_it_is_stopped_says_so(home, caplog):
    with trainfare.track(price="3600000/h", budget="0.01") as run:
        time.sleep(0.05)
    assert run.receipt().run.status.value == "finished"
    assert "of $0.0100 is spent; it ended before it was stopped" in caplog.text
    caplog.clear()
    with trainfare.track(price="3.6/h", budget="1"):
        pass
    assert "is spent" not in caplog.text
