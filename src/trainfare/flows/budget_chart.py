"""Chart of a budget: where it stood at every moment of its period → spend against the limit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.budget import Budget, BudgetPeriod, Standing
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.period import Interval
from trainfare.flows.budget import spent_course
from trainfare.flows.chart_question import Question
from trainfare.metering.budget_shelf import find_budget, read_budgets
from trainfare.reports.chart_budget import BudgetCourse, ForecastAt, SpentAt, budget_course

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look


def draw_budget(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """The budget asked for, or the only one there is, in its present period."""
    budget = _chosen(home, question.budget)
    at_ns = time.time_ns()
    standing, course = spent_course(home, budget, at_ns)
    window = budget.window(at_ns)
    if budget.period is BudgetPeriod.TOTAL:
        window = Interval(course[0][0], max(course[-1][0], course[0][0] + 1))
    coverage = standing.forecast_coverage
    note = f"{budget.view.value.capitalize()} cost of {budget.scope}"
    note += f" ({standing.why})" if standing.why else ""
    known = course if standing.spent is not None else []
    return budget_course(
        BudgetCourse(
            window,
            standing.limit,
            tuple(SpentAt(instant_ns, spent) for instant_ns, spent in known),
            () if budget.period is BudgetPeriod.TOTAL else _ahead(standing, at_ns, window.end_ns),
            "" if coverage is None else f"in {round(coverage * 100)} % of cases",
        ),
        title=f"Spend against budget {budget.id}",
        note=note,
        why_empty=f"What is spent is not known: {standing.why}.",
        look=look,
    )


def _ahead(standing: Standing, at_ns: int, end_ns: int) -> tuple[ForecastAt, ...]:
    """From what is spent now to what will have been at the end, where that has an interval."""
    spent, middle = standing.spent, standing.forecast
    low, high = standing.forecast_low, standing.forecast_high
    if spent is None or middle is None or low is None or high is None:
        return ()
    return ForecastAt(at_ns, spent, spent, spent), ForecastAt(end_ns, low, middle, high)


def _chosen(home: Path, budget_id: str | None) -> Budget:
    if budget_id is not None:
        return find_budget(home, budget_id)
    budgets = read_budgets(home)
    if not budgets:
        raise NotFound("there is no budget here; set one with trainfare budget set")
    if len(budgets) > 1:
        listed = ", ".join(one.id for one in budgets)
        raise BadInput(f"there are {len(budgets)} budgets; name one with --budget: {listed}")
    return budgets[0]
