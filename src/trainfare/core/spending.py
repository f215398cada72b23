"""Spending: when the estimated money of a run was spent, so that periods sum to the run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

from trainfare.core.charge import Component
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
    if estimate.total is None:
        return None
    known = components_within(run, estimate, window).values()
    return Money.total((one for one in known if one is not None), estimate.currency)


def components_within(
    run: RunRecord, estimate: Estimate, window: Interval
) -> dict[Component, Money | None]:
    """What a run spent in *window* on each component, as :func:`spent_within`.

    None where nothing of a component has a price; what is partly without one is what is known.
    """
    before, after = (
        _spent_until(run, estimate, at_ns) for at_ns in (window.start_ns, window.end_ns)
    )
    return {
        one: None if amount is None else after[one] - before[one]
        for one, amount in estimate.components.items()
    }


def spent_at(run: RunRecord, estimate: Estimate, instants: Sequence[int]) -> list[int]:
    """Nano-units that a run had spent by each of *instants*, which ascend, as :func:`spent_within`.

    One pass over the run, however many instants; what has no price is not in it.
    """
    during, over = [0] * len(instants), [0] * (len(instants) + 1)
    rest = sum(amount.nano for amount in estimate.components.values() if amount is not None)
    for _, amount, interval in _pieces(run, estimate):
        rest -= amount.nano
        first = bisect_right(instants, interval.start_ns)
        last = bisect_left(instants, interval.end_ns, lo=first)
        over[last] += amount.nano
        for place in range(first, last):
            during[place] += part_until(amount, interval, instants[place]).nano
    end_ns = max(attempt.interval.end_ns for attempt in run.attempts)
    over[bisect_right(instants, end_ns)] += rest
    return [sum(pair) for pair in zip(accumulate(over[:-1]), during, strict=True)]


def _spent_until(run: RunRecord, estimate: Estimate, at_ns: int) -> dict[Component, Money]:
    zero = Money.zero(estimate.currency)
    whole, passed = dict.fromkeys(Component, zero), dict.fromkeys(Component, zero)
    for component, amount, interval in _pieces(run, estimate):
        whole[component] += amount
        passed[component] += part_until(amount, interval, at_ns)
    if at_ns > max(attempt.interval.end_ns for attempt in run.attempts):
        for component, all_of_it in estimate.components.items():
            passed[component] += (all_of_it or zero) - whole[component]
    return passed


def _pieces(run: RunRecord, estimate: Estimate) -> Iterator[tuple[Component, Money, Interval]]:
    """What is spent over time: each stretch of a machine, and each artifact while it is held."""
    for stretch in estimate.stretches:
        if stretch.estimated_cost is not None:
            yield stretch.component, stretch.estimated_cost, stretch.interval
    for artifact in (one for segment in run.segments for one in segment.artifacts):
        byte_ns, price = artifact.byte_ns, artifact.price
        if byte_ns and isinstance(price, Price) and price.currency == estimate.currency:
            yield Component.STORAGE, price.of(byte_ns), artifact.held


def part_until(amount: Money, interval: Interval, at_ns: int) -> Money:
    """What of *amount* was spent before *at_ns*, if it is spent evenly over *interval*."""
    if at_ns >= interval.end_ns:
        is_over = at_ns > interval.start_ns  # an instant is spent in the window that begins with it
        return amount if is_over else Money.zero(amount.currency)
    if at_ns <= interval.start_ns:
        return Money.zero(amount.currency)
    share = Fraction(at_ns - interval.start_ns, interval.duration_ns)
    return Money(int(amount.nano * share), amount.currency)
