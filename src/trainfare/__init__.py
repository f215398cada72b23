"""Trainfare: what every AI training run costs, live while it runs and exact when billed.

    import trainfare
    with trainfare.track(model="bert-base", team="nlp", price="3.6/h") as run:
        for epoch in run.epochs(range(3)):
            for batch in run.steps(loader):
                ...
    print(run.receipt())

Importing it is silent and light: the standard library only, no thread, no file, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, BudgetExceeded, NotFound, TrainfareError
from trainfare.core.money import Money
from trainfare.metering.track import Run, track

if TYPE_CHECKING:
    from altair import LayerChart

    from trainfare import integrations
    from trainfare.core.budget import Budget, Standing
    from trainfare.flows.reconcile import Reconciliation
    from trainfare.reports.table import Table

__all__ = [
    "BadInput",
    "Budget",
    "BudgetExceeded",
    "Money",
    "NotFound",
    "Run",
    "TrainfareError",
    "__version__",
    "chart",
    "frontier",
    "integrations",
    "receipt",
    "reconcile",
    "report",
    "runs",
    "set_budget",
    "standings",
    "track",
    "utilization",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load ``Budget`` and ``integrations`` when asked for; whoever has none pays nothing for it."""
    if name == "Budget":
        from trainfare.core.budget import Budget

        return Budget
    if name == "integrations":
        import importlib

        return importlib.import_module("trainfare.integrations")
    raise AttributeError(f"module 'trainfare' has no attribute {name!r}")


def chart(
    name: str,
    *,
    period: str | None = None,
    run: str | None = None,
    by: str | None = None,
    budget: str | None = None,
    theme: str = "light",
    width: int = 760,
) -> LayerChart:
    """A chart of what is known here, as an Altair chart; a notebook shows it.

    Args:
        name: ``spend``, ``groups``, ``timeline``, ``epochs``, ``frontier``, ``waterfall``, ``idle``
            or ``budget``.
        period: one billing period (``"2026-10"``), otherwise all.
        run: an id, the beginning of one, a name, or ``last``.
        by: a label, ``run`` or ``component``: what spend is grouped by, or runs compared within.
        budget: which budget; the only one where there is but one.
        theme: ``light`` or ``dark``.
        width: pixels, all in all.
    """
    from trainfare.flows.chart_question import Question
    from trainfare.flows.charts import draw, need_charts
    from trainfare.metering.home import home_folder

    need_charts()
    from trainfare.reports.chart_theme import THEMES, Look

    if theme not in THEMES:
        raise BadInput(f"theme {theme!r} is not one of {', '.join(THEMES)}")
    question = Question(period=period, run=run, by=by, budget=budget)
    return draw(home_folder(), name, question, Look(THEMES[theme], width))


def receipt(run: str = "last") -> object:
    """The receipt of a run of this home: an id, the beginning of one, a name, or ``last``."""
    from trainfare.flows.months import with_bills
    from trainfare.metering.history import find_run_id, read_receipt
    from trainfare.metering.home import home_folder

    home = home_folder()
    [found] = with_bills(home, [read_receipt(home, find_run_id(home, run))])
    return found


def report(
    by: str | Sequence[str] = "model",
    *,
    measures: str | Sequence[str] = (),
    where: Mapping[str, str | Sequence[str]] | None = None,
    period: str | None = None,
    view: str = "effective",
    carry: str | None = None,
) -> Table:
    """Money by any keys, as one table; rows, remainders and what is left out sum to the bill.

    Where no bill is allocated yet, it reports what runs were estimated at.

    Args:
        by: one key or several: labels, ``run``, ``status``, ``ending``, ``component``, ``stage``,
            ``epoch``, ``step``; of bills ``resource``, ``service``, ``account``, ``region``, ``day``,
            ``method``.
        measures: unit costs and work beside the money: ``per_epoch``, ``per_1m_tokens``,
            ``stall``, ``lineage``, ``per:accuracy`` … (``trainfare report --help`` lists them).
        where: key → the value, or values, that stay in: ``{"team": "nlp"}``.
        period: one billing period (``"2026-10"``), otherwise all.
        view: which cost column: billed, effective, list or contracted.
        carry: the cost of data runs carried to the runs that read what they made, by ``even``,
            ``bytes``, ``time``, ``cost``, ``first``, or kept ``apart``; None leaves it aside.
    """
    from dataclasses import replace

    from trainfare.core.carry import CarryRule
    from trainfare.core.charge import View
    from trainfare.flows.report import make_report
    from trainfare.metering.home import home_folder

    if view not in {one.value for one in View}:
        raise BadInput(f"view={view!r} is not one of {', '.join(View)}")
    if carry is not None and carry not in {one.value for one in CarryRule}:
        raise BadInput(f"carry={carry!r} is not one of {', '.join(CarryRule)}")
    first, *others = make_report(
        home_folder(),
        _several(by),
        measures=_several(measures),
        where=_filters(where),
        period=period,
        view=View(view),
        carry=None if carry is None else CarryRule(carry),
    ).tables
    return replace(first, others=tuple(others))


def frontier(
    *,
    where: Mapping[str, str | Sequence[str]] | None = None,
    metric: str | None = None,
    target: str | float | None = None,
) -> Table:
    """Comparable runs by time and cost, and which of them no other beats.

    Args:
        where: key → the value, or values, of the runs that answer one question:
            ``{"experiment": "lr-sweep"}``.
        metric: what they reached: ``"accuracy"``, ``"loss:min"``.
        target: compare time and cost until *metric* reached it.
    """
    from trainfare.core.money import decimal_of
    from trainfare.flows.frontier import find_frontier
    from trainfare.metering.home import home_folder

    aim = None if target is None else decimal_of(str(target))
    return find_frontier(home_folder(), _filters(where), metric=metric, target=aim)


def standings() -> list[Standing]:
    """Where every budget of this home stands; a budget on each run answers for each."""
    from trainfare.flows.budget import standings as stand
    from trainfare.metering.home import home_folder

    return stand(home_folder())


def set_budget(
    name: str,
    limit: str | Money,
    *,
    scope: str = "",
    period: str = "total",
    view: str = "estimated",
    at: Sequence[str] = ("80%", "100%"),
    arm: bool = False,
) -> Budget:
    """Set a budget, or replace the one of that name; ``trainfare budget set`` says what words mean.

    Args:
        name: 1 to 63 of ``a-z0-9._-``.
        limit: as ``"5000"`` or ``"5000EUR"``.
        scope: which runs, as ``"team=nlp and not model=gpt-*"``; empty means all.
        period: run, day, week, month, quarter or total.
        view: estimated, billed or blended.
        at: thresholds, as ``"100%:stop"``.
        arm: really stop runs; otherwise it is only told.

    Raises:
        BadInput: one of the words makes no sense; nothing was set.
    """
    from trainfare.core.budget import make_budget
    from trainfare.flows.budget import set_budget as keep
    from trainfare.metering.home import home_folder

    budget = make_budget(
        name, limit, scope=scope, period=period, view=view, thresholds=at, is_armed=arm
    )
    keep(home_folder(), budget)
    return budget


def _several(one: str | Sequence[str]) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else tuple(one)


def _filters(where: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    return {key: _several(values) for key, values in (where or {}).items()}


def reconcile(period: str | None = None, *, run: str | None = None) -> Reconciliation:
    """What runs were estimated at beside what they were billed, and why the two differ.

    Args:
        period: one billing period (``"2026-10"``), otherwise whole runs.
        run: only this one: an id, the beginning of one, or a name.
    """
    from trainfare.flows.reconcile import reconcile as compare
    from trainfare.metering.home import home_folder

    return compare(home_folder(), period, run=run)


def runs() -> list[object]:
    """The receipts of all runs of this home, oldest first."""
    from trainfare.flows.months import with_bills
    from trainfare.metering.history import read_receipts
    from trainfare.metering.home import home_folder

    return list(with_bills(home_folder(), read_receipts(home_folder())))


def utilization(
    by: str | Sequence[str] = "run", *, period: str | None = None, run: str | None = None
) -> Table:
    """What paid GPUs did: busy, low use, unknown, idle, shared, unallocated, summing to what was paid.

    Args:
        by: labels, ``run``, ``resource``, ``day`` or ``state``; one, or several.
        period: one billing period (``"2026-10"``), otherwise all.
        run: only what this run held.
    """
    from dataclasses import replace

    from trainfare.flows.utilization import make_utilization
    from trainfare.metering.home import home_folder

    found = make_utilization(home_folder(), _several(by), period=period, run=run)
    first, *others = found.tables()
    return replace(first, others=tuple(others))
