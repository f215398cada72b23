"""Ray: the workers of a training are one run, every trial of a tuning is one.

def train_loop_per_worker(config):
    with trainfare.integrations.ray.track(price="3.6/h") as run:
        for batch in run.steps(loader):
            ...
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import ray
from ray.tune import Stopper

from trainfare.core.budget import parse_limit
from trainfare.core.money import Money
from trainfare.integrations import torch as ranks
from trainfare.metering.environment import derive_run_id
from trainfare.metering.inheritance import RUN_ID_VARIABLE
from trainfare.metering.track import Run
from trainfare.metering.track import track as track_one

ESTIMATED_COST = "trainfare.estimated_cost"


def track(name: str | None = None, **words: Any) -> Run:
    """:func:`trainfare.track` in a worker of Ray Train or in a trial of Ray Tune.

    All workers of a training, also those that Ray starts again, are one run; its name and storage
    tell a training from others. Each trial of a tuning is one run, of the experiment that the
    tuning's name is. PyTorch workers end at the same step.

    Raises:
        BadInput: a label, price or run id is malformed; nothing was started.
    """
    here = ray.get_runtime_context()
    within = (here.get_session_name(), here.get_job_id())
    trial, experiment = _trial()
    if trial is not None:
        words.setdefault("experiment", experiment)
        words.setdefault("run_id", derive_run_id("ray", trial, within=(*within, str(experiment))))
    elif not os.environ.get(RUN_ID_VARIABLE):
        training = _training()
        if training is not None:
            name_of, folder = training
            words.setdefault("run_id", derive_run_id("ray", name_of, within=(*within, folder)))
    run = track_one(name, **words)
    with contextlib.suppress(ImportError):
        if ranks.is_distributed():
            run.stop_together(ranks.Vote())
    return run


def _trial() -> tuple[str | None, str | None]:
    """The trial of Ray Tune that this is, and what its tuning is called."""
    from ray import tune

    with contextlib.suppress(Exception):
        context = tune.get_context()
        return context.get_trial_id(), context.get_experiment_name()
    return None, None


def _training() -> tuple[str, str] | None:
    """What the training of Ray Train is called that this worker is of, and where it is stored."""
    from ray import train

    with contextlib.suppress(Exception):
        context = train.get_context()
        return context.get_experiment_name(), str(context.get_storage().experiment_fs_path)
    return None


def cost_words(run: Run) -> dict[str, str]:
    """What the run cost so far, for ``tune.report({**metrics, **cost_words(run)})``."""
    spent = run.cost
    return {} if spent is None else {ESTIMATED_COST: f"{spent.text()} {spent.currency}"}


class BudgetStopper(Stopper):  # type: ignore[misc]  # untyped
    """Ends a tuning whose trials together have cost *budget*, by what they report.

    ``tune.RunConfig(stop=BudgetStopper("25"))``, with trials that report :func:`cost_words`.
    """

    def __init__(self, budget: str) -> None:
        self._limit = parse_limit(budget)
        self._spent: dict[str, Money] = {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Note what the trial cost so far; whether to end it."""
        words = str(result.get(ESTIMATED_COST, "")).split()
        if len(words) == 2 and words[1] == self._limit.currency:
            self._spent[trial_id] = Money.parse(*words)
        return self.stop_all()

    def stop_all(self) -> bool:
        """Whether all trials together have cost the budget."""
        return Money.total(self._spent.values(), self._limit.currency) >= self._limit
