"""Alerts on runs, from handmade sights: what raises them, and what must not."""

from dataclasses import replace

import pytest

from trainfare.budgets.alert import Kind
from trainfare.budgets.overrun import Past
from trainfare.budgets.run_alerts import STALL_NS, Comparable, RunSight, find_run_alerts
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.run import DeviceUse

MINUTE = 60 * SECOND
NOW = 1_000_000 * MINUTE


def sight(*activities, until=0, **words):
    """A run with one device per list of activities, a window a minute, the last ends *until* ago."""
    uses = tuple(
        DeviceUse(f"g{n}", end - MINUTE, end, value)
        for n, values in enumerate(activities)
        for back, value in enumerate(reversed(values))
        for end in [NOW - until - back * MINUTE]
    )
    devices = tuple(f"g{n}" for n in range(len(activities)))
    words = {"seen_ns": NOW, "stage": "train"} | words
    return RunSight("r-1", "bert", NOW, uses=uses, devices=devices, **words)


def found(*sights):
    return [(one.kind, one.level) for one in find_run_alerts(sights, Past())]


def test_a_whole_window_of_nothing_is_idle():
    assert found(sight([900] + [0] * 10)) == [(Kind.IDLE, 2)]
    assert found(sight([900] + [0] * 9)) == []
    assert found(sight([0] * 5 + [900] + [0] * 9)) == []


def test_some_of_its_accelerators_are_told_of_and_all_are_worse():
    busy, idle = [900] * 12, [0] * 12
    assert found(sight(busy, idle)) == [(Kind.IDLE, 1)]
    assert found(sight(idle, idle)) == [(Kind.IDLE, 2)]


@pytest.mark.parametrize(
    ("activities", "until"),
    [([0] * 11 + [None], 0), ([None] * 12, 0), ([], 0), ([0] * 12, 3 * MINUTE)],
)
def test_missing_telemetry_is_unknown_not_idle(activities, until):
    """No window, the latest without a figure, or an old one: no alert opens, none is closed."""
    assert found(sight(activities, until=until)) == [(Kind.IDLE, 0)]


def test_a_gap_within_the_window_is_not_idle():
    assert found(sight([0] * 6 + [None] + [0] * 9)) == []


def test_a_run_without_accelerators_is_not_idle():
    assert found(sight()) == []


def test_idle_says_what_it_costs():
    one = sight([0] * 12, [900] * 12, price_per_hour=Money.parse("20"))
    [told] = find_run_alerts([one], Past())
    assert told.sentence == "bert 1 of 2 accelerators idle for 12 min or longer, $10.00 an hour"


def stepping(waited, step=SECOND, **words):
    return sight(last_step_ns=NOW - waited, step_ns=step, **words)


@pytest.mark.parametrize(
    ("waited", "step", "is_stalled"),
    [
        (STALL_NS, SECOND, True),
        (STALL_NS - 1, SECOND, False),
        (STALL_NS, 40 * SECOND, False),
        (400 * SECOND, 40 * SECOND, True),
    ],
)
def test_no_step_for_long_and_for_ten_usual_steps_is_a_stall(waited, step, is_stalled):
    assert found(stepping(waited, step)) == ([(Kind.STALLED, 1)] if is_stalled else [])


@pytest.mark.parametrize("stage", ["eval", "checkpoint", "setup", "my own", None])
def test_outside_the_train_stage_no_step_is_no_stall(stage):
    assert found(stepping(9 * STALL_NS, stage=stage)) == []


def test_a_run_that_counts_no_steps_is_never_stalled():
    assert found(sight(last_step_ns=None, step_ns=None)) == []


def test_a_silent_run_is_told_of_whatever_it_does():
    assert found(sight(seen_ns=NOW - STALL_NS, stage="eval")) == [(Kind.STALLED, 1)]


def like(count, total="100", hourly="10", step=SECOND):
    return (Comparable(Money.parse(total), Money.parse(hourly), step),) * count


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ({"price_per_hour": Money.parse("16")}, 1),
        ({"price_per_hour": Money.parse("14")}, 0),
        ({"recent_step_ns": 2 * SECOND}, 1),
        ({"recent_step_ns": 2 * SECOND, "price_per_hour": Money.parse("30")}, 2),
        ({"spent": Money.parse("201")}, 1),
        ({"spent": Money.parse("10"), "expected": Money.parse("201")}, 1),
        ({"spent": Money.parse("201"), "expected": Money.parse("400")}, 1),
    ],
)
def test_a_run_unlike_comparable_ones_is_told_of(words, level):
    assert found(sight(comparable=like(3), **words)) == [(Kind.RUN, level)]


@pytest.mark.parametrize(
    "words",
    [
        {"price_per_hour": Money.parse("11"), "recent_step_ns": SECOND},
        {"spent": Money.parse("199"), "expected": Money.parse("200")},
        {"spent": Money.parse("999", "EUR"), "price_per_hour": Money.parse("99", "EUR")},
        {},
    ],
)
def test_a_run_like_comparable_ones_or_of_another_currency_is_not(words):
    assert found(sight(comparable=like(3), **words)) == []


def test_two_comparable_runs_say_nothing():
    wild = {"price_per_hour": Money.parse("90"), "spent": Money.parse("9999")}
    assert found(sight(comparable=like(2), **wild)) == []


def test_a_run_that_has_no_money_known_is_not_compared():
    assert found(replace(sight(comparable=like(3)), spent=None)) == []
