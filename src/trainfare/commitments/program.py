"""The linear program of a portfolio: amounts to begin from, and a bound below which no plan can cost.

The program shares every hour's use among commitments as would be cheapest; the provider does it in a
fixed order, which costs as much or more. So its least cost is a bound, and its amounts are a proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainfare.commitments.application import Pair, pairs_of
from trainfare.commitments.demand import Demand
from trainfare.commitments.merged import Floats, Merged
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.single import Limits
from trainfare.core.errors import MissingExtra, OutsideFailed


def solve_program(
    demand: Demand, offers: Sequence[Offer], held: Sequence[Holding], merged: Merged, limits: Limits
) -> tuple[Floats, float]:
    """Amounts in units an hour, and a cost in units that no amounts of *offers* go below.

    A share b of what is not used comes back, so that a unit committed costs 1 − b and use at rate r
    saves 1 − b·r:

    min  T·Σ (1−b_p) C_p + Σ_g w_g (Σ_k u + Σ (1−b_h) held − Σ (1 − b_p rate/price) x)   over C, x ≥ 0
    s.t. Σ_p x[p,g,k] ≤ u[g,k],   Σ_k (rate/price) x[p,g,k] ≤ C_p,   ΣC ≤ most,   Σ upfront C ≤ cash
    """
    everything = [*held, *(Holding(offer, 0) for offer in offers)]
    pairs = pairs_of(everything, demand.columns)
    lost = 1 - np.array([one.offer.refund for one in everything]) / 100
    base = float(merged.weight @ (merged.spend.sum(axis=1) + merged.held @ lost[: len(held)]))
    if not pairs:
        return np.zeros(len(offers)), base
    values, objective = _solved(_model(pairs, offers, lost, merged, limits))
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


def _model(
    pairs: Sequence[Pair], offers: Sequence[Offer], lost: Floats, merged: Merged, limits: Limits
) -> _Model:
    groups, columns = merged.spend.shape
    holdings = len(lost)
    held = holdings - len(offers)
    limit_row = groups * (columns + holdings)
    rows: list[Any] = []
    values: list[Any] = []
    gain = [float(merged.weight.sum()) * lost[held:]]
    upper = [np.full(len(offers), np.inf)]
    group = np.arange(groups)
    for number, offer in enumerate(offers):
        # an amount stands, negative, in the row of its holding in each group, then in the limits
        rows.append(
            [*(groups * columns + group * holdings + held + number), limit_row, limit_row + 1]
        )
        values.append([*np.full(groups, -1.0), 1.0, offer.upfront_hours])
    for pair in pairs:
        is_there = merged.spend[:, pair.column] > 0
        demand_row = group[is_there] * columns + pair.column
        capacity_row = groups * columns + group[is_there] * holdings + pair.holding
        ratio = pair.rate / pair.price
        rows.extend(np.stack([demand_row, capacity_row], axis=1))
        values.extend([np.array([1.0, ratio])] * int(is_there.sum()))
        gain.append(-merged.weight[is_there] * (1 - (1 - lost[pair.holding]) * ratio))
        upper.append(merged.spend[is_there, pair.column])
    capacity = np.concatenate([merged.held, np.zeros((groups, len(offers)))], axis=1)
    most = [np.inf if one is None else one / 1e9 for one in (limits.most_nano, limits.cash_nano)]
    row_upper = np.concatenate([merged.spend.reshape(-1), capacity.reshape(-1), most])
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
