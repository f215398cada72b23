"""Spending: when the estimated money of a run was spent, so that periods sum to the run."""

from __future__ import annotations

from fractions import Fraction

from trainfare.core.estimate import Estimate
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.price import Price
from trainfare.core.run import RunRecord


def spent_within(run: RunRecord, estimate: Estimate, window: Interval) -> Money | None:
    """What a run spent in *window*; over windows that follow each other it sums to the total.

    Machine time is spent while it passes, storage while bytes are held, and everything else
    (network) when the run's last attempt ends. Within a stretch money is spent evenly, rounded
    down from its start.

    Returns:
        None where the run's total is not known.
    """
    until = [_spent_until(run, estimate, at_ns) for at_ns in (window.start_ns, window.end_ns)]
    if until[0] is None or until[1] is None:
        return None
    return until[1] - until[0]


def _spent_until(run: RunRecord, estimate: Estimate, at_ns: int) -> Money | None:
    total = estimate.total
    if total is None:
        return None
    whole = Money.zero(estimate.currency)
    passed = Money.zero(estimate.currency)
    for stretch in estimate.stretches:
        if stretch.estimated_cost is not None:
            whole += stretch.estimated_cost
            passed += _part(stretch.estimated_cost, stretch.interval, at_ns)
    for artifact in (one for segment in run.segments for one in segment.artifacts):
        byte_ns, price = artifact.byte_ns, artifact.price
        if byte_ns and isinstance(price, Price) and price.currency == estimate.currency:
            held = price.of(byte_ns)
            whole += held
            passed += _part(held, artifact.held, at_ns)
    ends_ns = max(attempt.interval.end_ns for attempt in run.attempts)
    rest = total - whole
    return passed + rest if at_ns > ends_ns else passed


def _part(amount: Money, interval: Interval, at_ns: int) -> Money:
    """What of *amount* was spent before *at_ns*, if it is spent evenly over *interval*."""
    if at_ns >= interval.end_ns:
        is_over = at_ns > interval.start_ns  # an instant is spent in the window that begins with it
        return amount if is_over else Money.zero(amount.currency)
    if at_ns <= interval.start_ns:
        return Money.zero(amount.currency)
    share = Fraction(at_ns - interval.start_ns, interval.duration_ns)
    return Money(int(amount.nano * share), amount.currency)
