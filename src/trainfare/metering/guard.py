"""The guard: holds a running run to its budgets, from the meter's own thread.

It reads the spools of the home now and then, and goes on from there at the rate at which the runs of
the budget spend; where that says that a threshold is reached, the spools are read again, and only
what they say counts. Of a run that has its machine for itself that is everything; where other runs
are on the machine, what was spent up to :data:`LAG_SECONDS` ago, for by then they have written what
they used of it. It needs no server and no network. A budget is acted on at most once by a run; what
was done is in the run's record and in the home's audit trail.

The bound. A run that a budget of its own stops spends at most its price per second × (the sampling
interval + the lag where there is one + the longest step, or two graces where those are shorter +
:data:`SLACK_SECONDS`) beyond the limit: a tick notices, the step in hand ends, and what has not
ended by then is made to. A budget that several runs share is overspent by at most the sum over its
runs, and by what they spend in :data:`REREAD_SECONDS`, because a run that has just started is only
seen when the spools are read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.budget import (
    Action,
    Budget,
    BudgetPeriod,
    BudgetView,
    Measure,
    Standing,
    Threshold,
)
from trainfare.core.money import NANO, Money
from trainfare.core.period import SECOND, Interval
from trainfare.core.price import Price

if TYPE_CHECKING:
    from trainfare.core.errors import TrainfareError
    from trainfare.metering.receipt import Receipt

REREAD_SECONDS = 30
"""How often the spools of the other runs are read, where a budget is shared."""

STALE_SECONDS = 30
"""A record that is so far behind is not being written: the disk is full, or the home is gone."""

LAG_SECONDS = 2
"""Spending on a machine that other runs are on counts when it is so long ago."""

SLACK_SECONDS = 1
"""What starting threads, writing the record and ending a process may take together."""

GRACE_ORDER = (Action.NOTIFY, Action.CHECKPOINT, Action.STOP, Action.CANCEL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a budget asks of this run, once."""

    budget: Budget
    threshold: Threshold
    standing: Standing
    rate: Fraction
    """Nano-units per nanosecond at which the runs of the budget were spending."""
    lag_ns: int = 0
    """How far back spending had to be in order to count."""

    @property
    def is_dry(self) -> bool:
        """Whether it is only told."""
        is_gentle = self.threshold.action in (Action.NOTIFY, Action.CHECKPOINT)
        return not is_gentle and not self.budget.is_armed

    @property
    def words(self) -> str:
        """``budget nlp: $50.02 of $50.00 is spent``."""
        spent = (
            "an unknown amount" if self.standing.spent is None else self.standing.spent.display()
        )
        return f"budget {self.budget.id}: {spent} of {self.standing.limit.display()} is spent"


class Guard:
    """Asks, tick by tick, whether a budget wants something of this run."""

    def __init__(
        self,
        home: Path,
        run: str,
        own: Sequence[Budget] = (),
        *,
        own_cost: Callable[[], Money | None] = lambda: None,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._home, self._run, self._own = home, run, tuple(own)
        self._wall_ns, self._mono_ns = wall_ns, mono_ns
        self._own_cost = own_cost
        self._is_alone = False
        self._done: set[tuple[str, Threshold]] = set()
        self._known: list[tuple[Standing, Fraction, int]] = []
        self._read_at_ns: int | None = None
        self._settled: dict[str, Receipt] = {}
        self._shelf: list[Budget] = []
        self.trouble: TrainfareError | None = None
        """Why the budgets of the home are those that were read last, or none."""
        self.powerless: dict[str, str] = {}
        """Armed budget → why it cannot stop the run."""

    def look(self) -> list[Verdict]:
        """The thresholds that are reached now and were not acted on, the gentlest action first."""
        now_ns = self._mono_ns()
        since_ns = None if self._read_at_ns is None else now_ns - self._read_at_ns
        if (
            since_ns is None
            or since_ns >= REREAD_SECONDS * SECOND
            or self._is_alone
            or self._news(since_ns)
        ):
            self._known = self._stand()
            self._read_at_ns = now_ns
        found = self._news(0)
        self._done |= {(one.budget.id, one.threshold) for one in found}
        return sorted(found, key=lambda one: GRACE_ORDER.index(one.threshold.action))

    def _news(self, since_ns: int) -> list[Verdict]:
        """What is reached, or will be if spending went on for *since_ns*, and was not acted on."""
        return [
            Verdict(standing.budget, threshold, standing, rate, lag_ns)
            for standing, rate, lag_ns in self._known
            for threshold in _moved(standing, rate * since_ns).reached
            if threshold.measure is Measure.ACTUAL
            and (standing.budget.id, threshold) not in self._done
        ]

    def _stand(self) -> list[tuple[Standing, Fraction, int]]:
        """Where each budget on this run stands, how fast its runs spend, and what lag counts."""
        from trainfare.core.errors import TrainfareError
        from trainfare.core.standing import stand
        from trainfare.metering.history import read_receipt
        from trainfare.metering.spender import estimated_by, spender_of

        at_ns = self._wall_ns()
        try:
            mine = read_receipt(
                self._home, self._run, now_ns=at_ns, with_makers=False, is_recent=True
            )
        except (TrainfareError, OSError):
            return self._stand_alone()
        last_ns = max(one.interval.end_ns for one in mine.run.attempts)
        if at_ns - last_ns > STALE_SECONDS * SECOND:
            return self._stand_alone()
        self._is_alone = False
        labels, name = mine.run.labels, mine.run.name
        budgets = [
            one
            for one in (*self._own, *self._of_home())
            if one.view is not BudgetView.BILLED and one.covers(self._run, labels, name)
        ]
        if mine.estimate.prices:
            self._note_foreign(budgets, mine.estimate.currency)
        if not budgets:
            return []
        is_shared = any(one.period is not BudgetPeriod.RUN for one in budgets)
        receipts = self._all(at_ns) if is_shared else {self._run: mine}
        found = []
        for budget in budgets:
            if budget.period is BudgetPeriod.RUN:
                chosen: Mapping[str, Receipt] = {self._run: mine}
            else:
                chosen = {
                    run: each
                    for run, each in receipts.items()
                    if budget.covers(run, each.run.labels, each.run.name)
                }
            spenders = [
                spender_of(each, _until(at_ns - _lag_ns(each), estimated_by(each)))
                for each in chosen.values()
            ]
            lag_ns = max(map(_lag_ns, chosen.values()), default=0)
            rate = sum(
                (_rate(each, budget.limit.currency) for each in chosen.values()), Fraction(0)
            )
            found += [(one, rate, lag_ns) for one in stand(budget, spenders, at_ns)]
        return found

    def _stand_alone(self) -> list[tuple[Standing, Fraction, int]]:
        """The run's own budgets by its own clock, where its record cannot be read or written."""
        self._is_alone = True
        spent = self._own_cost()
        if spent is not None:
            self._note_foreign(self._own, spent.currency)
        return [
            (Standing(one, one.limit, spent, run=self._run), Fraction(0), 0)
            for one in self._own
            if spent is not None and spent.currency == one.limit.currency
        ]

    def _note_foreign(self, budgets: Sequence[Budget], currency: str) -> None:
        """Say which armed budgets are not in the *currency* that the run costs."""
        for one in budgets:
            if one.is_armed and one.limit.currency != currency:
                self.powerless[one.id] = (
                    f"budget {one.id} is in {one.limit.currency}, this run costs {currency}: "
                    "it cannot stop it; give both in one currency"
                )

    def _of_home(self) -> list[Budget]:
        """The budgets of the home; those that were read last while their file cannot be read."""
        from trainfare.core.errors import TrainfareError
        from trainfare.metering.budget_shelf import read_budgets

        try:
            self._shelf, self.trouble = read_budgets(self._home), None
        except TrainfareError as error:
            self.trouble = error
        return self._shelf

    def _all(self, at_ns: int) -> dict[str, Receipt]:
        """Every run of the home; one that ended and stored nothing is read once."""
        from trainfare.core.errors import TrainfareError
        from trainfare.core.stage import Status
        from trainfare.metering.history import read_receipt, run_ids

        found = {}
        for run in run_ids(self._home):
            receipt = self._settled.get(run)
            if receipt is None:
                try:
                    receipt = read_receipt(
                        self._home, run, now_ns=at_ns, with_makers=False, is_recent=True
                    )
                except TrainfareError:
                    continue  # a damaged record is the business of the commands that list runs
                stores = any(segment.artifacts for segment in receipt.run.segments)
                if receipt.run.status is not Status.RUNNING and not stores:
                    self._settled[run] = receipt
            found[run] = receipt
        return found


def _lag_ns(receipt: Receipt) -> int:
    """The others on a machine write what they use of it a moment later; alone, nothing is awaited."""
    return LAG_SECONDS * SECOND if any(receipt.beside.values()) else 0


def _until(
    at_ns: int, spent: Callable[[Interval], Money | None]
) -> Callable[[Interval], Money | None]:
    """*spent*, up to *at_ns* only."""

    def sooner(window: Interval) -> Money | None:
        end_ns = max(window.start_ns, min(window.end_ns, at_ns))
        return spent(Interval(window.start_ns, end_ns))

    return sooner


def _rate(receipt: Receipt, currency: str) -> Fraction:
    """What the run spends now, in nano-units per nanosecond; 0 when it has ended.

    Now is the latest stretch on every machine that the run still had in the last minute.
    """
    from trainfare.core.stage import Status

    if receipt.run.status is not Status.RUNNING:
        return Fraction(0)
    latest = {one.resource_id: one for one in receipt.estimate.stretches}.values()
    end_ns = max((one.interval.end_ns for one in latest), default=0)
    return sum(
        (
            one.price.per_quantum * one.share * NANO
            for one in latest
            if end_ns - one.interval.end_ns < 60 * SECOND
            and isinstance(one.price, Price)
            and one.price.currency == currency
        ),
        Fraction(0),
    )


def _moved(standing: Standing, spent: Fraction) -> Standing:
    """*standing* after so many nano-units more were spent, rounded up."""
    if standing.spent is None:
        return standing
    more = Money(-(-spent.numerator // spent.denominator), standing.spent.currency)
    return replace(standing, spent=standing.spent + more)
