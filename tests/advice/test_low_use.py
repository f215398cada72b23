"""Planted low use is found under the rule of its place, and busy runs are left alone."""

from dataclasses import replace

import pytest

from advice.histories import Fleet, hours, settled
from trainfare.advice.low_use import REMEDIES, advise_low_use, rule_of
from trainfare.core.money import Money

A_DAY = hours(0, 20)


def fleet(*stretches, **run):
    made = Fleet(price=10).machine("i-1", A_DAY, [("a", A_DAY)])
    made.runs["a"] = replace(made.runs["a"], **run)
    return made.low_use("i-1", "a", *stretches)


@pytest.mark.parametrize(
    ("stretch", "run", "rule", "low", "expected", "high"),
    [
        (hours(5, 8), {"is_notebook": True}, "notebook", "20", "27.5", "30"),
        (hours(16, 20), {}, "kept_after_training", "30", "37.5", "40"),
        (hours(2, 4), {"stages": ((hours(2, 4), "data"),)}, "waiting_for_data", "10", "15", "20"),
        (
            hours(2, 4),
            {"stages": ((hours(1, 4), "checkpoint"),)},
            "slow_checkpoint",
            "10",
            "15",
            "20",
        ),
        (hours(2, 4), {"stages": ((hours(2, 5), "eval"),)}, "long_evaluation", "10", "15", "20"),
        (hours(5, 8), {"stages": ((hours(0, 20), "train"),)}, "stalled", "10", "20", "27.5"),
        (hours(5, 8), {}, "stalled", "10", "20", "27.5"),
        (hours(0, 20), {}, "never_used", "0", "200", "200"),
        (hours(0.5, 20), {}, "never_used", "0", "195", "195"),
    ],
)
def test_planted_low_use_is_found(stretch, run, rule, low, expected, high):
    found = settled(fleet(stretch, **run).history(), advise_low_use)
    assert list(found) == [(rule, "team=nlp")]
    one = found[rule, "team=nlp"]
    assert [one.saving_low, one.saving, one.saving_high] == [
        Money.parse(low),
        Money.parse(expected),
        Money.parse(high),
    ]
    assert one.base == Money.parse("200")
    assert one.recommendation.evidence["dearest"][0]["run"] == "a"


def test_a_busy_run_is_left_alone():
    assert settled(fleet().history(), advise_low_use) == {}


def test_setup_is_not_low_use():
    stages = ((hours(0, 1), "setup"), (hours(1, 20), "train"))
    assert settled(fleet(hours(0, 1), stages=stages).history(), advise_low_use) == {}


def test_gpu_time_without_telemetry_is_unknown_and_lowers_the_confidence():
    made = fleet(hours(16, 20))
    known = settled(made.history(), advise_low_use)["kept_after_training", "team=nlp"]
    made.parts += [replace(made.parts[0], state="unknown", gpu_ns=10**18)]
    some = settled(made.history(), advise_low_use)["kept_after_training", "team=nlp"]
    assert (known.saving, known.recommendation.confidence) == (some.saving, "high")
    assert some.recommendation.confidence == "medium"


def test_accepted_advice_is_still_spoken_of_when_nothing_is_left_to_save():
    history = fleet().history(accepted=frozenset({("stalled", "team=nlp")}))
    one = settled(history, advise_low_use)["stalled", "team=nlp"]
    assert one.saving == Money.zero()
    assert one.base == Money.parse("200")


def test_every_remedy_saves_no_less_at_its_high_end_than_at_its_low_end():
    for remedy in REMEDIES.values():
        assert remedy.waits[0] >= remedy.waits[1] >= remedy.waits[2]
        assert remedy.parts[0] <= remedy.parts[1] <= remedy.parts[2]


def test_a_stretch_belongs_to_the_stage_that_it_lies_most_in():
    run = fleet(stages=((hours(0, 3), "data"), (hours(3, 20), "train"))).runs["a"]
    assert rule_of(run, hours(2, 3.5)) == "waiting_for_data"
    assert rule_of(run, hours(2.8, 5)) == "stalled"
