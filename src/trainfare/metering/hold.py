"""Holding a run to its budgets: the brake, loaded in the meter's thread once there is a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BudgetExceeded
from trainfare.core.money import Money
from trainfare.metering.counters import Counters
from trainfare.metering.loading import import_alone
from trainfare.metering.meter import Meter
from trainfare.metering.notice import warn

if TYPE_CHECKING:
    from trainfare.core.budget import Budget
    from trainfare.core.price import Price
    from trainfare.metering.brake import Brake, Halt

Vote = Callable[[bool, bool], tuple[bool, bool]]
"""What budgets want of this process (stop, checkpoint) → what its whole run does, at the same step."""

LOOK_NS = 30 * 10**9
"""How often it is looked whether the home has budgets by now."""


class Hold:
    """Of one run on its budgets: its own ones and those of its home."""

    def __init__(
        self,
        home: Path,
        run: str,
        meter: Meter,
        own: Sequence[Budget] = (),
        halt: Halt | None = None,
    ) -> None:
        self._home, self._run, self._meter = home, run, meter
        self._own, self._halt = tuple(own), halt
        self._brake: Brake | None = None
        self._looked_at_ns: int | None = None
        meter.watch = self.tick

    def tick(self) -> None:
        """Look at the budgets, if there are any."""
        if self._brake is None and self._has_budgets():
            import_alone(self._load)
        if self._brake is not None:
            self._brake.tick()

    def settle(self) -> None:
        """Say how it ended, once the run has."""
        spent = self._meter.estimated_cost()
        if self._brake is not None:
            self._brake.settle(spent)
        if spent is None or self._meter.counters.stop is not None:
            return
        for one in self._own:
            if one.is_armed and one.limit.currency == spent.currency and one.limit < spent:
                amounts = spent.display(), one.limit.display()
                warn(
                    "budget %s: %s of %s is spent; it ended before it was stopped", one.id, *amounts
                )

    def _has_budgets(self) -> bool:
        if self._own:
            return True
        now_ns = self._meter.elapsed_ns()
        if self._looked_at_ns is None or now_ns - self._looked_at_ns >= LOOK_NS:
            self._looked_at_ns = now_ns
            return (self._home / "budgets.json").exists()
        return False

    def _load(self) -> None:
        from trainfare.metering.brake import Brake, halt_self
        from trainfare.metering.guard import Guard

        meter, counters = self._meter, self._meter.counters

        def now_ns() -> int:
            """As the record has it: the wall clock at the start, and monotonic time since."""
            return meter.started_wall_ns + meter.elapsed_ns()

        self._brake = Brake(
            self._home,
            self._run,
            Guard(
                self._home,
                self._run,
                self._own,
                own_cost=meter.estimated_cost,
                wall_ns=now_ns,
            ),
            counters,
            self._halt or halt_self(),
            self._meter.note,
        )


class Held:
    """What a run that is held to budgets shows its loop."""

    _counters: Counters
    _was_told = False
    _vote: Vote | None = None

    def stop_together(self, vote: Vote) -> None:
        """From here on ask *vote* at every step, so that all processes of a run end at the same one.

        A process that ends alone leaves the others waiting for its gradients.
        """
        self._vote = vote

    @property
    def should_stop(self) -> bool:
        """Whether a budget wants the run to end; for frameworks that have a stop flag of their own."""
        is_told, counters = self._counters.stop is not None, self._counters
        if self._vote is not None:
            is_told, counters.is_checkpoint_due = self._vote(is_told, counters.is_checkpoint_due)
        self._was_told = self._was_told or is_told
        return self._was_told

    @property
    def should_checkpoint(self) -> bool:
        """Whether a budget asks for a checkpoint; false again once one is recorded."""
        return self._counters.is_checkpoint_due

    @property
    def stopped_by(self) -> str | None:
        """What the budget that wants the run to end has to say; None if none does."""
        return self._counters.stop

    def _heed(self) -> None:
        """Raise what a budget has to say, between two steps.

        Raises:
            BudgetExceeded: a budget that covers this run is used up and armed.
        """
        if self.should_stop:
            words = self._counters.stop or "a budget stops another process of this run"
            raise BudgetExceeded(f"{words}; the run was stopped between two steps")


def own_budgets(
    limit: str | int | Money | Budget | None, stated_price: Price | None = None
) -> tuple[Budget, ...]:
    """What ``track(budget=…)`` states, as a budget of that run alone that really stops it.

    Raises:
        BadInput: it is no amount (floats lose digits), or in another currency than the price that
            is stated beside it, so that it could stop nothing.
    """
    if limit is None:
        return ()
    from trainfare.core.budget import STOP_AT, WARN_AT, Budget, BudgetPeriod, read_limit
    from trainfare.core.errors import BadInput

    if isinstance(limit, Budget):
        own = limit
    else:
        amount = read_limit(limit, "budget")
        own = Budget(
            "own", amount, period=BudgetPeriod.RUN, thresholds=(WARN_AT, STOP_AT), is_armed=True
        )
    if stated_price is not None and stated_price.currency != own.limit.currency:
        raise BadInput(
            f"the budget is in {own.limit.currency} and the price in {stated_price.currency}: it "
            "could not stop the run; give both in one currency"
        )
    return (own,)
