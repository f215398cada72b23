"""Planted waste in experiments is found at its known cost, and honest work is left alone."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advice.trials import advised, make_trial
from trainfare.core.money import Money
from trainfare.core.recommendation import NoAdvice

NAN = math.nan
SAID = {"experiment": "lr", "config_hash": "c1", "data_hash": "d1", "seed": "1"}


def test_a_run_of_the_same_configuration_data_and_seed_is_a_duplicate():
    found = advised(
        make_trial("a", length=4, labels=SAID),
        make_trial("b", length=6, start=5, labels=SAID),
    )
    one = found["duplicate"]
    assert one.saving == Money.parse("6")
    assert one.recommendation.evidence["pairs"] == [{"run": "b", "same_as": "a", "by": "said"}]
    assert one.recommendation.confidence == "medium"


@pytest.mark.parametrize(
    "other",
    [
        {**SAID, "seed": "2"},
        {**SAID, "data_hash": "d2"},
        {**SAID, "config_hash": "c2"},
        {**SAID, "version": "2"},
        {**SAID, "lr": "0.1"},
        {key: value for key, value in SAID.items() if key != "seed"},
    ],
)
def test_a_replicate_or_another_configuration_is_no_waste(other):
    made = make_trial("a", length=4, labels=SAID), make_trial("b", start=5, labels=other)
    assert "duplicate" not in advised(*made)


def test_what_began_before_the_first_had_ended_could_not_know_of_it():
    made = make_trial("a", length=4, labels=SAID), make_trial("b", start=3, labels=SAID)
    assert "duplicate" not in advised(*made)


def test_the_very_same_values_are_the_same_training_but_for_another_seed():
    values = [1 / (n + 1) for n in range(12)]
    first, second = make_trial("a", values), make_trial("b", values, start=20)
    seeded = {"experiment": "lr", "seed": "2"}
    other = make_trial("b", values, start=20, labels=seeded)
    assert "duplicate" not in advised(first, other)
    found = advised(first, second)
    assert found["duplicate"].saving == Money.parse("12")
    assert found["duplicate"].recommendation.confidence == "high"
    constant = advised(make_trial("a", [0.5] * 9), make_trial("b", [0.5] * 9, start=20))
    assert "duplicate" not in constant


@pytest.mark.parametrize(
    "other", [{"config_hash": "c2"}, {"data_hash": "d2"}, {"lr": "0.2"}, {"version": "2"}]
)
def test_a_difference_that_is_stated_goes_before_values_that_are_alike(other):
    values = [1 / (n + 1) for n in range(12)]
    labels = {"experiment": "lr", "config_hash": "c1", "data_hash": "d1"}
    made = make_trial("a", values, labels=labels)
    again = make_trial("b", values, start=20, labels=labels)
    assert "duplicate" in advised(made, again)
    assert "duplicate" not in advised(
        made, make_trial("b", values, start=20, labels={**labels, **other})
    )


def test_a_schedule_that_two_runs_followed_does_not_make_them_one():
    values = [1 / (n + 1) for n in range(12)]
    made = [
        make_trial(n, values, start=20 * k, metric="lr", results=frozenset())
        for k, n in enumerate("ab")
    ]
    assert "duplicate" not in advised(*made)


def test_a_failure_that_comes_again_is_waste_and_the_first_is_not():
    made = [
        make_trial(f"f{n}", length=5, start=10 * n, ending="failed", error=f"CUDA oom at 0x{n}f")
        for n in range(5)
    ]
    one = advised(*made)["failed_again"]
    assert one.saving == Money.parse("20")
    assert one.saving_low == Money.parse("10")
    assert one.saving_high == Money.parse("25")
    assert one.recommendation.evidence["errors"] == [{"error": "CUDA oom at #", "runs": 5}]


def test_what_was_paid_in_two_currencies_is_never_added():
    first = make_trial("a", length=9, ending="failed", error="x")
    again, paid = make_trial("b", length=4, start=20, ending="failed", error="x")
    euros = {slot: Money(amount.nano, "EUR") for slot, amount in paid.items()}
    one = advised(first, (again, euros))["failed_again"]
    assert one.saving == one.saving_high == Money.parse("4", "EUR")
    assert one.recommendation.evidence["paid_by_ending"] == {"failed": "4.000000000"}


def test_runs_that_crashed_without_a_word_are_not_said_to_have_failed_each_in_its_own_way():
    made = [make_trial(name, start=9 * n, ending="crashed") for n, name in enumerate("ab")]
    assert "without an error" in advised(*made)["failed_again"].why


def test_failures_of_different_kinds_and_cancelled_runs_are_no_waste():
    made = [
        make_trial("a", ending="failed", error="KeyError: x"),
        make_trial("b", start=9, ending="failed", error="out of memory"),
        make_trial("c", start=18, ending="cancelled", error="ended by SIGINT"),
        make_trial("d", start=27, ending="cancelled", error="ended by SIGINT"),
    ]
    found = advised(*made)
    assert isinstance(found["failed_again"], NoAdvice)
    assert found["failed_again"].evidence["failed_runs"] == 2


def test_a_failed_run_that_another_began_from_is_not_lost():
    made = [
        make_trial("a", ending="failed", error="x"),
        make_trial("b", start=9, ending="failed", error="x", is_parent=True),
    ]
    assert isinstance(advised(*made)["failed_again"], NoAdvice)


def test_a_loss_that_is_no_number_for_good_ends_the_run_at_its_second_value():
    one = advised(make_trial("a", [3.0, 2.0, NAN, math.inf, NAN, NAN, NAN, NAN]))["diverged"]
    assert one.saving == Money.parse("4")  # eight hours less the four until the second of them


@pytest.mark.parametrize("values", [[3.0, NAN, 2.0], [NAN] * 5, [3.0, 2.0, NAN]])
def test_a_run_that_came_back_or_never_had_a_number_did_not_diverge(values):
    assert "diverged" not in advised(make_trial("a", values))


def test_a_side_metric_that_is_no_number_does_not_make_a_run_diverge():
    values, side = [3 - n / 5 for n in range(10)], [1.0, *[NAN] * 9]
    trial, paid = make_trial("a", values)
    other, _ = make_trial("a", side, metric="recall_class9")
    both = {**trial.series, **other.series}
    made = replace(trial, series=both, results=frozenset(both)), paid
    assert "diverged" not in advised(made)
    auxiliary = replace(trial, series=both, losses=frozenset(both)), paid
    assert "diverged" not in advised(auxiliary)  # a loss is a number to the end


def sweep(count=12, length=40, worst=()):
    made = []
    for n in range(count):
        # All at once, each a little worse than the one before.
        values = [2 + n / 10 + 5 / (k + 1) for k in range(length)]
        made.append(make_trial(f"t{n:02}", values, start=n / 100))
    return made


def test_a_sweep_is_stopped_early_by_the_rule_that_saves_most_and_keeps_the_best():
    found = advised(*sweep())
    one = found["stop_early"]
    rules = one.recommendation.evidence["rules"]
    best = max(Money.parse(r["saving"]) for r in rules.values() if r["best_kept"])
    assert one.saving == best > Money.zero()
    assert one.recommendation.evidence["never_better"]["runs"] == 11
    assert one.saving_low <= one.saving <= one.saving_high
    assert "the best is kept" in one.recommendation.checked


def test_where_either_rule_kills_the_winner_nothing_is_advised_and_the_kill_is_told():
    made = sweep(9)
    made.append(make_trial("late", [30.0] * 39 + [0.0], start=0.5))
    found = advised(*made)["stop_early"]
    assert isinstance(found, NoAdvice)
    assert "killed the best" in found.why
    assert all(rule["winners_killed"] == 1 for rule in found.evidence["rules"].values())


def labelled(**labels):
    """Ten trials on one scale each, with labels that depend on their number."""
    return [
        make_trial(
            f"t{n}",
            [(1 + n) * (1 + 3 / (k + 1)) for k in range(20)],
            start=30 * n,
            labels={"experiment": "lr", **{key: value(n) for key, value in labels.items()}},
        )
        for n in range(10)
    ]


@pytest.mark.parametrize("key", ["task", "dataset", "data_hash", "fold"])
def test_trials_of_different_data_or_tasks_are_not_compared(key):
    found = advised(*labelled(**{key: lambda n: f"d{n}"}))["stop_early"]
    assert isinstance(found, NoAdvice)
    assert "cannot be compared" in found.why
    named = [(replace(one, data=(f"s3://b/{one.run} 9",)), paid) for one, paid in labelled()]
    assert isinstance(advised(*named)["stop_early"], NoAdvice)


def test_of_several_tasks_the_trials_of_the_largest_are_compared():
    found = advised(*labelled(task=lambda n: "a" if n < 7 else f"b{n}"))["stop_early"]
    assert "the 7 of one task among 10" in found.recommendation.checked
    assert found.base == Money.parse("140")


def test_seeds_of_one_configuration_are_not_stopped_for_being_worse():
    found = advised(*labelled(config_hash=lambda _: "c", data_hash=lambda _: "d", seed=str))
    assert isinstance(found["stop_early"], NoAdvice)
    assert (
        "as far as they say its 10 runs are replicates of one configuration,"
        in found["stop_early"].why
    )
    only = advised(*labelled(seed=str))["stop_early"]
    assert isinstance(only, NoAdvice)


def test_a_replicate_of_the_best_configuration_is_never_stopped():
    """Eight configurations; the last two trials repeat the best one and are far worse."""
    config = lambda n: f"c{n if n < 8 else 0}"  # noqa: E731
    found = advised(*labelled(config_hash=config, seed=str))["stop_early"]
    told = {one["run"] for one in found.recommendation.evidence["dearest"]}
    assert told
    assert not told & {"t0", "t8", "t9"}


def test_the_high_end_is_a_rule_that_keeps_the_best_trial_too():
    found = advised(*sweep())["stop_early"]
    rules = found.recommendation.evidence["rules"].values()
    kept = [Money.parse(one["saving"]) for one in rules if one["best_kept"]]
    assert found.saving_high == max(kept)


def test_more_is_better_where_the_metric_says_so():
    made = [
        make_trial(f"t{n:02}", [1 - n / 50 - 1 / (k + 2) for k in range(40)], start=n / 100)
        for n in range(12)
    ]
    evidence = advised(*made, is_lower_better=False)["stop_early"].recommendation.evidence
    assert evidence["best"] == pytest.approx(1 - 1 / 41)


def test_marginal_costs_are_what_was_paid_since_the_last_gain():
    values = [[4.0] * 2, [5.0] * 2, [3.0] * 2, [3.0] * 2, [2.5] * 2, [9.0] * 2]
    made = [make_trial(f"t{n}", own, start=10 * n) for n, own in enumerate(values)]
    found = advised(*made)["stop_early"]
    evidence = getattr(found, "recommendation", found).evidence
    gains = [(one["run"], one["gain"], one["paid"][:1]) for one in evidence["gains"]]
    assert gains == [("t2", 1.0, "4"), ("t4", 0.5, "4")]
    assert evidence["gains"][-1]["per_gain"] == "8.000000000"
    assert evidence["paid_since_the_last_gain"] == "2.000000000"
    assert evidence["never_better"] == {"runs": 3, "paid": "6.000000000"}


def test_runs_that_no_longer_get_better_are_ended_after_ten_values():
    made = [make_trial(f"t{n}", [3.0, 2.0, *[2.0] * 40], start=50 * n) for n in range(3)]
    one = advised(*made)["plateaued"]
    assert one.saving == Money.parse(str(3 * (42 - 12)))
    assert one.saving_low == Money.parse(str(3 * (42 - 22)))


def test_patience_is_not_advised_where_runs_got_better_later():
    values = [3.0, *[3.0] * 15, 1.0]
    found = advised(*[make_trial(f"t{n}", values, start=50 * n) for n in range(3)])["plateaued"]
    assert isinstance(found, NoAdvice)
    assert found.evidence["got_better_later"] == 3


def test_one_dollar_of_a_run_is_claimed_by_one_rule():
    """A duplicate whose loss is lost, on a plateau: its money once."""
    values = [3.0 + n / 100 for n in range(20)] + [NAN] * 20
    made = make_trial("a", values), make_trial("b", values, start=50)
    found = [one for one in advised(*made).values() if not isinstance(one, NoAdvice)]
    assert sum(one.saving.nano for one in found) <= Money.parse("80").nano
    assert sum(s.saving.nano for one in found for s in one.recommendation.stakes) <= 80 * 10**9


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 30))
def test_savings_of_any_experiment_are_at_most_what_it_paid(seed, count, length):
    chance = random.Random(seed)
    endings = ("finished", "failed", "crashed", "cancelled")
    made = [
        make_trial(
            f"t{n}",
            [chance.choice([NAN, chance.random(), 0.5]) for _ in range(length)],
            start=chance.randrange(60),
            ending=chance.choice(endings),
            error=chance.choice([None, "x", "y"]),
        )
        for n in range(count)
    ]
    found = [one for one in advised(*made).values() if not isinstance(one, NoAdvice)]
    claimed = [stake for one in found for stake in one.recommendation.stakes]
    for slot in {stake.slot for stake in claimed}:
        asked = sum(stake.saving.nano for stake in claimed if stake.slot == slot)
        assert asked <= length * 10**9


def test_a_clean_experiment_has_nothing_to_save():
    """Five seeds of one configuration that all get better to the end."""
    made = [
        make_trial(
            f"s{n}",
            [1 / (k + 1) + n / 1000 for k in range(30)],
            start=40 * n,
            labels={**SAID, "seed": str(n)},
        )
        for n in range(5)
    ]
    assert advised(*made) == {}


def test_accepted_advice_is_spoken_of_when_nothing_is_left():
    made = make_trial("a", [1.0, 0.5])
    one = advised(made, accepted=frozenset({("diverged", "lr")}))["diverged"]
    assert one.saving == Money.zero()
    assert one.base == Money.parse("2")
