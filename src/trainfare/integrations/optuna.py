"""Optuna: every trial of a study is a run, whose cost can prune it, be an objective, end the study.

    study.optimize(metered(objective, price="3.6/h"), callbacks=[TrainfareCallback("25")])

A trial's run and cost are its user attributes ``trainfare.run`` and ``trainfare.estimated_cost``: to the
nano, as the receipt has it when the trial ends. What runs beside it on the machine and has not yet written
its last second lowers the receipt a little afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from optuna import TrialPruned
from optuna.pruners import BasePruner

from trainfare.core.budget import parse_limit
from trainfare.core.errors import BadInput, BudgetExceeded
from trainfare.core.money import NANO, Money
from trainfare.metering.home import make_run_id
from trainfare.metering.notice import warn
from trainfare.metering.ongoing import thread_run
from trainfare.metering.track import Run, track

RUN, ESTIMATED_COST = "trainfare.run", "trainfare.estimated_cost"


def metered(
    objective: Callable[[Any], Any], *, with_cost: bool = False, **words: Any
) -> Callable[[Any], Any]:
    """*objective*, each call of which is a run of the experiment that the study's name is.

    Args:
        objective: of Optuna. Inside it ``trainfare.track()`` joins the trial's run.
        with_cost: return the cost as one more value, for a study with one more direction
            ``"minimize"``. Optuna's values are floating-point numbers; the exact cost is the attribute.
        words: as :func:`trainfare.track` has them. A spent ``budget`` prunes the trial: at the next
            step of its run, or when it asks ``trial.should_prune()``.
    """

    @functools.wraps(objective)
    def run_trial(trial: Any) -> Any:
        run = _begin(trial, words)
        trial.set_user_attr(RUN, run.id)
        asked = trial.should_prune
        trial.should_prune = lambda: run.should_stop or asked()
        try:
            with run:
                values = _of_objective(objective, trial, run)
        except BudgetExceeded as spent:
            raise TrialPruned(str(spent)) from spent
        finally:
            spent_on = _cost_of(run)
            if spent_on is not None:
                trial.set_user_attr(ESTIMATED_COST, f"{spent_on.text()} {spent_on.currency}")
        if not with_cost:
            return values
        if spent_on is None:
            raise BadInput(
                'the cost of a trial is unknown: no price; say metered(…, price="3.6/h")'
            )
        several = values if isinstance(values, list | tuple) else (values,)
        return (*several, spent_on.nano / NANO)

    return run_trial


def _of_objective(objective: Callable[[Any], Any], trial: Any, run: Run) -> Any:
    """What *objective* says; a pruned trial has ended as it should."""
    try:
        return objective(trial)
    except TrialPruned:
        run.finish()
        raise


def _begin(trial: Any, words: Mapping[str, Any]) -> Run:
    labels = {"optuna.trial": trial.number, **(words.get("labels") or {})}
    named = {"name": f"{trial.study.study_name}-{trial.number}", **words}
    named.setdefault("experiment", trial.study.study_name)
    return track(**{**named, "labels": labels, "run_id": make_run_id()})


def _cost_of(run: Run) -> Money | None:
    """By its receipt, which knows of other trials on the machine; None where there is no price."""
    try:
        return run.receipt().estimate.total
    except Exception as error:
        warn("the cost of run %s is not read: %s: %s", run.id, type(error).__name__, error)
        return None


class CostPruner(BasePruner):  # type: ignore[misc]  # untyped
    """Prunes a trial that has cost its limit when it asks ``trial.should_prune()``.

    Args:
        limit: for one trial, as ``"2.50"`` or ``"2.50EUR"``.
        otherwise: the pruner that is asked about trials below it.
    """

    def __init__(self, limit: str, otherwise: BasePruner | None = None) -> None:
        self._limit, self._otherwise = parse_limit(limit), otherwise

    def prune(self, study: Any, trial: Any) -> bool:
        """Whether the run of this thread, which is the trial's, has cost its limit."""
        run = thread_run()
        spent = None if run is None else run.cost
        if spent is not None and spent.currency == self._limit.currency and spent >= self._limit:
            return True
        return self._otherwise is not None and bool(self._otherwise.prune(study, trial))


class TrainfareCallback:
    """Ends a study, by ``study.stop()``, when its trials together have cost *budget*.

    They are added up from the study's storage, so that several processes of one study share it.
    """

    def __init__(self, budget: str) -> None:
        self._limit = parse_limit(budget)

    def __call__(self, study: Any, trial: Any) -> None:
        """After a trial."""
        spent = Money.zero(self._limit.currency)
        for one in study.get_trials(deepcopy=False):
            amount = read_cost(one.user_attrs)
            if amount is not None and amount.currency == spent.currency:
                spent += amount
        if spent >= self._limit:
            study.stop()


def read_cost(attributes: Mapping[str, Any]) -> Money | None:
    """The exact cost among a trial's user attributes; None where it is not known."""
    words = str(attributes.get(ESTIMATED_COST, "")).split()
    return Money.parse(*words) if len(words) == 2 else None
