"""Trials of real Optuna studies as runs."""

import time

import optuna
import pytest

import trainfare
from trainfare.integrations.optuna import (
    ESTIMATED_COST,
    RUN,
    CostPruner,
    TrainfareCallback,
    metered,
    read_cost,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)


def parabola(trial):
    with trainfare.track() as run:
        for _ in run.steps(range(3)):
            time.sleep(0.001)
    return trial.suggest_float("x", -1, 1) ** 2


def study(**words):
    return optuna.create_study(
        study_name="parabola", sampler=optuna.samplers.RandomSampler(seed=1), **words
    )


def test_every_trial_is_a_run_of_the_studys_experiment_with_its_cost(home):
    asked = study()
    asked.optimize(metered(parabola, price="3.6/h", team="nlp"), n_trials=3)
    found = {one.run.id: one for one in trainfare.runs()}
    assert [found[one.user_attrs[RUN]].steps for one in asked.trials] == [3, 3, 3]
    for trial in asked.trials:
        receipt = found[trial.user_attrs[RUN]]
        assert receipt.run.labels == {
            "experiment": "parabola",
            "optuna.trial": str(trial.number),
            "team": "nlp",
        }
        assert read_cost(trial.user_attrs) == receipt.estimate.total
        assert trial.user_attrs[ESTIMATED_COST].endswith(" USD")


def test_the_cost_is_an_objective(home):
    asked = study(directions=["minimize", "minimize"])
    asked.optimize(metered(parabola, with_cost=True, price="3.6/h"), n_trials=2)
    for trial in asked.trials:
        assert trial.values[1] == pytest.approx(read_cost(trial.user_attrs).nano / 1e9)
    assert asked.best_trials


def test_a_cost_that_nobody_knows_is_no_objective(home):
    asked = study(directions=["minimize", "minimize"])
    with pytest.raises(trainfare.BadInput, match="no price"):
        asked.optimize(metered(parabola, with_cost=True), n_trials=1)


def test_a_study_ends_by_its_own_stop_when_its_trials_have_cost_the_budget(home):
    asked = study()
    spend = metered(parabola, price="1000000/h")
    asked.optimize(spend, n_trials=500, callbacks=[TrainfareCallback("5")])
    costs = [read_cost(trial.user_attrs) for trial in asked.trials]
    assert len(costs) < 500
    limit = trainfare.Money.parse("5")
    assert trainfare.Money.total(costs) >= limit
    assert trainfare.Money.total(costs[:-1]) < limit


def endless(trial):
    for step in range(10_000):
        time.sleep(0.01)
        trial.report(1.0, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 1.0


def test_a_trial_that_has_cost_its_limit_is_pruned(home):
    asked = study(pruner=CostPruner("50"))
    asked.optimize(metered(endless, price="1000000/h"), n_trials=1)
    [trial] = asked.trials
    assert trial.state is optuna.trial.TrialState.PRUNED
    assert read_cost(trial.user_attrs) >= trainfare.Money.parse("50")


def test_below_its_limit_another_pruner_decides(home):
    class Always(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return True

    for otherwise, is_pruned in [(Always(), True), (None, False)]:
        pruner = CostPruner("50", otherwise)
        assert pruner.prune(None, None) is is_pruned


def test_a_trials_own_budget_prunes_it(home):
    def spend(trial):
        with trainfare.track() as run:
            for _ in run.steps(range(100_000)):
                time.sleep(0.01)

    asked = study()
    asked.optimize(metered(spend, price="1000000/h", budget="50"), n_trials=1)
    assert asked.trials[0].state is optuna.trial.TrialState.PRUNED
    assert trainfare.runs()[0].run.status.value == "stopped_by_budget"


def test_a_trials_own_budget_prunes_one_that_only_asks_optuna(home):
    def patient(trial):
        for step in range(1000):
            trial.report(step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
            time.sleep(0.05)
        return 1.0

    asked = study()
    asked.optimize(metered(patient, price="3600/h", budget="0.5"), n_trials=1)
    [trial], [receipt] = asked.trials, trainfare.runs()
    assert trial.state is optuna.trial.TrialState.PRUNED
    assert receipt.run.status.value == "stopped_by_budget"


def test_a_trial_that_the_study_prunes_has_ended_as_it_should(home):
    def hopeless(trial):
        raise optuna.TrialPruned

    study().optimize(metered(hopeless, price="3.6/h"), n_trials=1)
    [receipt] = trainfare.runs()
    assert receipt.run.status.value == "finished"


def test_a_study_suggests_the_same_with_and_without(home):
    bare, same = study(), study()
    bare.optimize(parabola, n_trials=4)
    same.optimize(metered(parabola, price="1"), n_trials=4, callbacks=[TrainfareCallback("100")])
    assert [one.params for one in bare.trials] == [one.params for one in same.trials]
