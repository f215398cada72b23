"""An Optuna study whose trials are runs: cost beside loss, dear trials pruned, a budget for all."""

import time

import optuna

import trainfare
from trainfare.integrations.optuna import CostPruner, TrainfareCallback, metered


def objective(trial: optuna.Trial) -> float:
    """A training whose loss falls faster with a better rate."""
    rate, loss = trial.suggest_float("rate", 0.1, 0.9), 1.0
    with trainfare.track() as run:  # joins the trial's run
        for _ in run.steps(range(trial.suggest_int("steps", 5, 20))):
            time.sleep(0.002)
            loss *= 1 - rate / 10
    return loss


def main() -> None:
    study = optuna.create_study(
        study_name="rates", directions=["minimize", "minimize"], pruner=CostPruner("1")
    )
    study.optimize(
        metered(objective, with_cost=True, team="nlp", price="3.6/h"),
        n_trials=8,
        callbacks=[TrainfareCallback("25")],
    )
    for trial in study.best_trials:
        print(trial.params, trial.user_attrs)


if __name__ == "__main__":
    main()
