"""A portfolio: several offers together, by a linear program, priced as the provider will apply it.

1. A linear program over merged hours finds amounts, and a cost that no portfolio can go below.
2. The provider does not apply commitments as the program would: it serves in a fixed order. So the
   amounts are priced by :func:`~trainfare.commitments.application.apply`, and improved one by one.
3. What is left between the two costs is the gap, said with every plan.

Buying nothing, and each offer alone, are always among the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trainfare.commitments.application import Pair, apply, pairs_of
from trainfare.commitments.demand import Demand, exact_sum
from trainfare.commitments.estimate import Estimator
from trainfare.commitments.merged import Floats, Merged, merge
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.single import NO_LIMITS, Limits, best_amount, paid
from trainfare.core.errors import MissingExtra, OutsideFailed

CELLS = 20_000
"""Merged hours times eligible pairs of the program: a tenth of a second of work."""
GROUPS = (60, 9000)
"""Fewest and most merged hours; a year of one SKU is not merged at all."""
CLOSE = 1e-7
"""Estimates that are nearer than this share of the cost are told apart by counting exactly."""
STEPS = (0.25, 0.1, 0.03, 0.01)
"""Shares by which an amount is moved when a portfolio is improved."""


@dataclass(frozen=True)
class Portfolio:
    """What to hold beside what is held, what it costs over the demand, and the bound below it."""

    holdings: tuple[Holding, ...]
    cost_nano: int
    """With everything held, over the hours of the demand."""
    without_nano: int
    """With what is held already, and nothing bought."""
    bound_nano: int
    """No portfolio of these offers costs less."""

    @property
    def saving_nano(self) -> int:
        """What buying saves over the hours of the demand."""
        return self.without_nano - self.cost_nano

    @property
    def gap(self) -> float:
        """How far the cost may be above the least possible one, as a share of that."""
        return max(0.0, self.cost_nano / self.bound_nano - 1) if self.bound_nano > 0 else 0.0


def best_portfolio(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding] = (),
    *,
    limits: Limits = NO_LIMITS,
    cells: int = CELLS,
) -> Portfolio:
    """The portfolio of *offers* that history would have made cheapest, beside what is *held*.

    >>> from trainfare.commitments.demand import demand_of
    >>> demand = demand_of([("2026-01-01T00:00Z", "p5", "2", "100")])
    >>> best_portfolio(demand, [Offer("aws_compute_savings_plan", "1y", {"p5": 60 * 10**9})]).cost_nano
    120000000000
    """
    pairs = pairs_of([*held, *(Holding(offer, 0) for offer in offers)], demand.columns)
    groups = min(max(cells // max(1, len(pairs)), GROUPS[0]), GROUPS[1])
    amounts, bound = _program(demand, offers, held, merge(demand, held, offers, groups), limits)
    starts = [amounts, np.zeros(len(offers))]
    open_ = replace(demand, spend_nano=apply(demand, held).on_demand_nano) if held else demand
    for number, offer in enumerate(offers):
        alone = np.zeros(len(offers))
        alone[number] = best_amount(open_, offer, limits=limits) / 1e9
        starts.append(alone)
    estimator = Estimator(demand, offers, held)
    starts.sort(key=estimator.paid)
    improved = [_improved(estimator, start, limits) for start in starts[:2]]
    best = _cheapest(demand, offers, held, [*improved, *starts], estimator, limits)
    with_it = paid(demand, [*held, *best])
    return Portfolio(best, with_it, paid(demand, held), min(with_it, int(bound * 1e9)))


def _cheapest(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    choices: Sequence[Floats],
    estimator: Estimator,
    limits: Limits,
) -> tuple[Holding, ...]:
    """Of *choices* as they can be bought, the allowed one that costs least; what is close is counted."""
    found = {one: estimator.paid(amounts_of(one, offers)) for one in
             (_bought(offers, some) for some in choices)
             if _keeps(demand, held, one, limits)}  # fmt: skip
    least = min(found.values())
    close = [one for one, estimate in found.items() if estimate <= least + abs(least) * CLOSE]
    if len(close) == 1:
        return close[0]
    return min(close, key=lambda some: (paid(demand, [*held, *some]), len(some)))


def amounts_of(holdings: Sequence[Holding], offers: Sequence[Offer]) -> Floats:
    """Units an hour of each of *offers* in *holdings*."""
    found = np.zeros(len(offers))
    for one in holdings:
        found[offers.index(one.offer)] += one.amount_nano / 1e9
    return found


def _bought(offers: Sequence[Offer], amounts: Floats) -> tuple[Holding, ...]:
    """Amounts as they can be bought: whole quanta, and nothing where it is none."""
    bought = []
    for offer, amount in zip(offers, amounts, strict=True):
        quanta = round(amount * 1e9 / offer.quantum_nano)
        if quanta > 0:
            bought.append(Holding(offer, quanta * offer.quantum_nano))
    return tuple(bought)


def _keeps(
    demand: Demand, held: Sequence[Holding], bought: Sequence[Holding], limits: Limits
) -> bool:
    if not bought:
        return True
    if limits.most_nano is not None and sum(one.amount_nano for one in bought) > limits.most_nano:
        return False
    if limits.least_used <= 0:
        return True
    applied = apply(demand, [*held, *bought])
    used = exact_sum(applied.used_nano[:, len(held) :])
    return used >= limits.least_used * demand.hours * sum(one.amount_nano for one in bought)


def _improved(estimator: Estimator, start: Floats, limits: Limits) -> Floats:
    """*start* with single amounts moved up and down, and moved between offers, while that helps."""
    best, least = start, estimator.paid(start)
    scale = max(float(start.max(initial=0.0)), 1e-3)
    most = np.inf if limits.most_nano is None else limits.most_nano / 1e9
    for step in STEPS:
        is_better = True
        while is_better:
            is_better = False
            for moved in _neighbours(best, step * scale, estimator):
                if moved.sum() > most:
                    continue
                estimate = estimator.paid(moved)
                if estimate < least * (1 - 1e-7):
                    best, least, is_better = moved, estimate, True
                    break
    return best


def _neighbours(amounts: Floats, step: float, estimator: Estimator) -> list[Floats]:
    found = []
    size = len(amounts)
    steps = np.where(
        estimator.is_count,
        np.maximum(1, np.round(step / estimator.quanta)) * estimator.quanta,
        step,
    )
    for one in range(size):
        for change in (steps[one], -steps[one]):
            moved = amounts.copy()
            moved[one] = max(0.0, moved[one] + change)
            found.append(moved)
            for other in range(size):
                if other != one and change < 0 and amounts[one] > 0:
                    swapped = moved.copy()
                    swapped[other] += steps[other]
                    found.append(swapped)
    return found


def _program(
    demand: Demand, offers: Sequence[Offer], held: Sequence[Holding], merged: Merged, limits: Limits
) -> tuple[Floats, float]:
    """Amounts in units an hour, and the least cost in units, by the linear program.

    min  T·ΣC + Σ_g w_g (Σ_k u + held − Σ x)   over C, x ≥ 0
    s.t. Σ_p x[p,g,k] ≤ u[g,k],   Σ_k (rate/price) x[p,g,k] ≤ C_p,   ΣC ≤ most
    """
    everything = [*held, *(Holding(offer, 0) for offer in offers)]
    pairs = pairs_of(everything, demand.columns)
    base = float(merged.weight @ (merged.spend.sum(axis=1) + merged.held.sum(axis=1)))
    if not pairs:
        return np.zeros(len(offers)), base
    model = _model(pairs, len(offers), len(held), merged, limits)
    values, objective = _solved(model)
    return np.maximum(values[: len(offers)], 0.0), objective + base


@dataclass(frozen=True)
class _Model:
    """A program in columns: bounds, costs and the sparse matrix."""

    gain: Floats
    upper: Floats
    row_upper: Floats
    start: Any
    index: Any
    value: Floats


def _model(pairs: Sequence[Pair], offers: int, held: int, merged: Merged, limits: Limits) -> _Model:
    groups, columns = merged.spend.shape
    holdings = held + offers
    hours = float(merged.weight.sum())
    budget_row = groups * (columns + holdings)
    rows: list[Any] = []
    values: list[Any] = []
    gain = [np.full(offers, hours)]
    upper = [np.full(offers, np.inf)]
    group = np.arange(groups)
    for offer in range(
        offers
    ):  # an amount stands, negative, in the row of its holding in each group
        rows.append(np.append(groups * columns + group * holdings + held + offer, budget_row))
        values.append(np.append(np.full(groups, -1.0), 1.0))
    for pair in pairs:
        is_there = merged.spend[:, pair.column] > 0
        demand_row = group[is_there] * columns + pair.column
        capacity_row = groups * columns + group[is_there] * holdings + pair.holding
        rows.extend(np.stack([demand_row, capacity_row], axis=1))
        values.extend([np.array([1.0, pair.rate / pair.price])] * int(is_there.sum()))
        gain.append(-merged.weight[is_there])
        upper.append(merged.spend[is_there, pair.column])
    capacity = np.concatenate([merged.held, np.zeros((groups, offers))], axis=1)
    most = np.inf if limits.most_nano is None else limits.most_nano / 1e9
    row_upper = np.concatenate([merged.spend.reshape(-1), capacity.reshape(-1), [most]])
    lengths = np.array([len(one) for one in rows])
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return _Model(
        np.concatenate(gain), np.concatenate(upper), row_upper, start,
        np.concatenate(rows).astype(np.int32), np.concatenate(values),
    )  # fmt: skip


def _solved(model: _Model) -> tuple[Floats, float]:
    try:
        import highspy
    except ImportError:
        raise MissingExtra("optimize", "plan a portfolio of commitments") from None
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(model.gain), len(model.row_upper)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = model.gain, np.zeros(len(model.gain)), model.upper
    lp.row_lower_, lp.row_upper_ = np.full(len(model.row_upper), -np.inf), model.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = (
        model.start,
        model.index,
        model.value,
    )
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option in ("output_flag", "log_to_console"):
        solver.setOptionValue(option, False)
    solver.passModel(lp)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise OutsideFailed(
            f"the solver stopped: {solver.modelStatusToString(solver.getModelStatus())}"
        )
    return (
        np.array(solver.getSolution().col_value),
        float(solver.getInfo().objective_function_value),
    )
