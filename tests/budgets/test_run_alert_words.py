"""Alerts on runs at their borders, with figures that are not round, and in their words."""

from dataclasses import replace

import pytest

from trainfare.budgets.overrun import Past
from trainfare.budgets.run_alerts import Comparable, RunSight, find_run_alerts
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.run import DeviceUse

MINUTE = 60 * SECOND
NOW = 1_000_000 * MINUTE + 17
SIGHT = RunSight("r-1", "bert", NOW)


def told(*sights):
    return [(one.key, one.level, one.sentence) for one in find_run_alerts(sights, Past())]


def device(name, minutes, permille=0, *, ended=0):
    """One window of a device, so many minutes long, which ended so many nanoseconds ago."""
    end_ns = NOW - ended
    return DeviceUse(name, end_ns - round(minutes * MINUTE), end_ns, permille)


def holding(*uses, devices="abc", **words):
    return replace(SIGHT, uses=uses, devices=tuple(devices), **words)


def test_the_shortest_idle_time_is_told_and_the_part_of_the_price():
    one = holding(
        device("a", 17.3),
        device("b", 12.9),
        device("c", 44, 700),
        price_per_hour=Money.parse("10.01"),
    )
    assert told(one) == [
        ("idle:r-1", 1, "bert 2 of 3 accelerators idle for 12 min or longer, $6.67 an hour")
    ]
    all_ = replace(one, uses=(*one.uses[:2], device("c", 44)))
    assert told(all_) == [
        ("idle:r-1", 2, "bert 3 of 3 accelerators idle for 12 min or longer, $10.01 an hour")
    ]


def test_a_run_without_a_price_or_a_name_is_told_of_without_them():
    one = replace(holding(device("a", 30), devices="a"), name="r-1")
    assert told(one) == [("idle:r-1", 2, "1 of 1 accelerators idle for 30 min or longer")]


@pytest.mark.parametrize(("ended", "is_known"), [(120 * SECOND, True), (120 * SECOND + 1, False)])
def test_a_window_is_of_use_for_two_minutes(ended, is_known):
    one = holding(device("a", 30, ended=ended), devices="a")
    [(_, level, sentence)] = told(one)
    assert level == (2 if is_known else 0)
    assert ("is not known" in sentence) is not is_known


def test_what_is_not_known_is_counted_and_hides_no_idle_accelerator():
    unknown, old = device("b", 30, None), device("c", 30, 0, ended=3 * MINUTE)
    busy = device("a", 30, 800)
    assert told(holding(busy, unknown, old)) == [("idle:r-1", 0, "activity of 2 is not known")]
    assert told(holding(unknown, device("a", 30))) == [
        ("idle:r-1", 1, "bert 1 of 3 accelerators idle for 30 min or longer")
    ]


def test_the_last_window_counts_wherever_it_stands():
    idle, busy = device("a", 30, ended=MINUTE), device("a", 1, 900)
    assert told(holding(idle, busy, devices="a")) == []
    assert told(holding(busy, idle, devices="a")) == []


def test_only_accelerators_that_the_run_holds_are_looked_at():
    assert told(holding(device("a", 30), device("b", 30, 900), devices="b")) == []


def test_several_runs_are_each_looked_at():
    others = [replace(holding(device("a", 30), devices="a"), run=run) for run in ("r-2", "r-3")]
    silent = replace(SIGHT, seen_ns=NOW - 9 * MINUTE)
    assert [key for key, *_ in told(SIGHT, silent, *others)] == [
        "stalled:r-1", "idle:r-2", "idle:r-3"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("silent_ns", "sentence"),
    [
        (5 * MINUTE - 1, None),
        (5 * MINUTE, "bert no sample for 5 min: it is stopped, or its machine is"),
        (8 * MINUTE - 1, "bert no sample for 7 min: it is stopped, or its machine is"),
    ],
)
def test_five_minutes_without_a_sample_are_told(silent_ns, sentence):
    expected = [] if sentence is None else [("stalled:r-1", 1, sentence)]
    assert told(replace(SIGHT, seen_ns=NOW - silent_ns)) == expected


def stepping(waited_ns, step_ns, stage="train"):
    return replace(
        SIGHT, seen_ns=NOW - MINUTE, stage=stage, last_step_ns=NOW - waited_ns, step_ns=step_ns
    )


@pytest.mark.parametrize("stage", ["train", "run"])
@pytest.mark.parametrize(
    ("waited_ns", "step_ns", "sentence"),
    [
        (5 * MINUTE - 1, SECOND, None),
        (5 * MINUTE, 1_234_567_890, "bert no step for 5 min; a step usually takes 1.23 s"),
        (431 * SECOND - 1, 43_100_000_000, None),
        (431 * SECOND, 43_100_000_000, "bert no step for 7 min; a step usually takes 43.1 s"),
        (5 * MINUTE, 0, None),
        (5 * MINUTE, None, None),
    ],
)
def test_no_step_for_five_minutes_and_ten_steps_is_told(waited_ns, step_ns, sentence, stage):
    expected = [] if sentence is None else [("stalled:r-1", 1, sentence)]
    assert told(stepping(waited_ns, step_ns, stage)) == expected


def test_where_no_sample_is_known_nothing_is_said_of_steps():
    assert told(replace(stepping(90 * MINUTE, SECOND), seen_ns=None)) == []


def test_a_run_that_never_made_a_step_is_not_stalled():
    assert told(replace(stepping(90 * MINUTE, SECOND), last_step_ns=None)) == []


USUAL = (
    Comparable(Money.parse("81"), Money.parse("8"), 3 * SECOND),
    Comparable(Money.parse("110"), Money.parse("11"), 5 * SECOND),
    Comparable(Money.parse("100"), Money.parse("10"), 4 * SECOND),
)
"""Half of such runs cost $100, $10 an hour, and take 4 s per step."""


def unlike(comparable=USUAL, **words):
    money = {key: Money.parse(text) for key, text in words.items() if isinstance(text, str)}
    one = replace(SIGHT, comparable=comparable, **(words | money))
    return [(level, sentence) for _, level, sentence in told(one)]


NEAR = (0, "about as dear as it may be")
SLOW = "its time per step is 1.8 times that of comparable runs"


@pytest.mark.parametrize(
    ("hourly", "expected"),
    [
        ("13", []),
        ("13.01", [NEAR]),
        ("15", [NEAR]),
        ("15.01", [(1, "bert its price per hour is 1.5 times that of comparable runs")]),
    ],
)
def test_a_price_over_one_and_a_half_times_the_usual_is_told(hourly, expected):
    assert unlike(price_per_hour=hourly) == expected


@pytest.mark.parametrize(
    ("step_ms", "expected"),
    [(5_200, []), (5_201, [NEAR]), (6_000, [NEAR]), (7_200, [(1, f"bert {SLOW}")]), (0, [])],
)
def test_a_step_over_one_and_a_half_times_the_usual_is_told(step_ms, expected):
    assert unlike(recent_step_ns=step_ms * 10**6) == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"spent": "200"}, None),
        ({"spent": "200.01"}, "it spent $200.01; comparable runs cost $100.00"),
        ({"expected": "200"}, None),
        ({"expected": "311.5"}, "it will cost at least $311.50; comparable runs cost $100.00"),
        ({"spent": "9", "expected": "200.01"}, "it will cost at least $200.01; comparable runs cost $100.00"),
        ({"spent": "222", "expected": "333"}, "it spent $222.00; comparable runs cost $100.00"),
    ],
)  # fmt: skip
def test_over_twice_what_comparable_runs_cost_is_told_once(words, sentence):
    assert unlike(**words) == ([] if sentence is None else [(1, f"bert {sentence}")])


def test_each_unlike_figure_is_a_level():
    sentence = f"bert its price per hour is 1.6 times that of comparable runs; {SLOW}"
    figures = {"price_per_hour": "16", "recent_step_ns": 7_200 * 10**6}
    assert unlike(**figures) == [(2, sentence)]
    spent = "; it spent $201.00; comparable runs cost $100.00"
    assert unlike(**figures, spent="201") == [(3, sentence + spent)]
    assert unlike(price_per_hour="14", recent_step_ns=SECOND) == [NEAR]
    assert unlike(price_per_hour="1", recent_step_ns=6 * SECOND) == [NEAR]


def test_what_is_not_known_of_comparable_runs_does_not_count():
    """Three runs that say it are needed, each figure by itself; other currencies do not say it."""
    euro = Comparable(Money.parse("1", "EUR"), Money.parse("1", "EUR"), None)
    wild = {"price_per_hour": "90", "recent_step_ns": 90 * SECOND, "spent": "9999"}
    nothing = Comparable(None, None, None)
    assert unlike(**wild)[0][0] == 3
    assert unlike((*USUAL, nothing, euro, nothing), **wild) == unlike(**wild)
    assert unlike((*USUAL[:2], nothing, euro), **wild) == []


def test_where_comparable_runs_cost_nothing_nothing_is_dear():
    free = (Comparable(Money.zero(), Money.zero(), 0),) * 3
    assert unlike(free, price_per_hour="90", recent_step_ns=SECOND, spent="9999") == []
