"""The forecasting path: live run + its course + those of earlier runs → what it will have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from trainfare.budgets.conformal import band
from trainfare.budgets.forecast import project
from trainfare.core.budget import Budget, BudgetPeriod
from trainfare.core.forecast import LONGEST_NS, Forecast
from trainfare.core.money import Money
from trainfare.core.price import UNITS, NoPrice, Price
from trainfare.core.run import Segment
from trainfare.core.stage import Status
from trainfare.flows.course import read_course
from trainfare.flows.past import Past
from trainfare.metering.budget_shelf import read_budgets
from trainfare.metering.receipt import Receipt


class Forecaster:
    """Forecasts the live runs of one home; what it learnt of ended runs it keeps."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._past = Past(home)
        self._budgets = [b for b in read_budgets(home) if b.period is BudgetPeriod.RUN]

    def forecast(self, receipt: Receipt) -> Forecast | None:
        """What the run of *receipt* will have cost; None where it has ended."""
        run = receipt.run
        if run.status is not Status.RUNNING:
            return None
        live = [s for s in run.attempts[-1].segments if s.status is Status.RUNNING]
        known = read_course(self._home, run)
        course, why = known.course, known.why
        budget = _tightest(self._budgets, receipt)
        plain = Forecast(
            at_ns=run.attempts[-1].interval.end_ns,
            spent=receipt.estimate.total,
            price_per_hour=price_per_hour(receipt, live),
            unit=course.unit if course else None,
            work_done=course.done if course else None,
            work_planned=course.planned if course else None,
            why=why,
            budget_id=budget.id if budget else None,
            budget_limit=budget.limit if budget else None,
        )
        if course is None or course.planned is None:
            return plain
        profiles = self._past.profiles(run, course)
        projection = project(course, profiles)
        if projection is None:
            return replace(plain, why="nothing was done yet")
        if projection.remaining_ns > LONGEST_NS:
            return replace(plain, why="at this speed it would take over a hundred years")
        calibration = self._past.calibration(run, profiles, course.progress or 0.0)
        found = band(calibration.ratios)
        remaining_ns = projection.remaining_ns
        return replace(
            plain,
            remaining_ns=remaining_ns,
            method=projection.method,
            runs=len(profiles),
            ratios=calibration.ratios,
            low_ns=round(remaining_ns * found.low) if found else None,
            high_ns=round(remaining_ns * found.high) if found else None,
            coverage=found.coverage if found else None,
            calibrated_on=calibration.on if found else "",
        )


def _tightest(budgets: Sequence[Budget], receipt: Receipt) -> Budget | None:
    """The least limit on this run by itself, in the currency that it is paid in."""
    run, currency = receipt.run, receipt.estimate.currency
    covering = [
        one
        for one in budgets
        if one.limit.currency == currency and one.covers(run.id, run.labels, run.name)
    ]
    return min(covering, key=lambda one: one.limit.nano, default=None)


def with_forecasts(
    home: Path, receipts: Sequence[Receipt], forecaster: Forecaster | None = None
) -> list[Receipt]:
    """The same receipts, those of runs that go on with their forecasts."""
    forecasts = forecasts_of(home, receipts, forecaster)
    return [replace(one, forecast=forecasts.get(one.run.id)) for one in receipts]


def forecasts_of(
    home: Path, receipts: Sequence[Receipt], forecaster: Forecaster | None = None
) -> dict[str, Forecast]:
    """Run → forecast, of those that go on; *forecaster* spares learning of ended runs again."""
    forecaster = forecaster or Forecaster(home)
    found = {one.run.id: forecaster.forecast(one) for one in receipts}
    return {run: forecast for run, forecast in found.items() if forecast is not None}


def price_per_hour(receipt: Receipt, segments: Sequence[Segment]) -> Money | None:
    """What the machines of *segments* cost now: the sum of price × share of each one's last stretch.

    None without a segment, or where one machine has no price.
    """
    latest: dict[str, tuple[Price | NoPrice, Fraction]] = {
        s.machine.resource_id: (s.prices[-1].price, s.share) for s in segments if s.prices
    }
    for stretch in receipt.estimate.stretches:
        if stretch.resource_id in latest:
            latest[stretch.resource_id] = stretch.price, stretch.share
    if not latest:
        return None
    total = Fraction(0)
    for price, share in latest.values():
        if not isinstance(price, Price):
            return None
        total += price.per_quantum * share * UNITS["h"]
    return Money.nearest(total, receipt.estimate.currency)
