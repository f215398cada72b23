"""Preemption: how long work takes on machines that may be taken away, and how often to save it.

Machines are taken λ times an hour, independently of the past; a gang of n machines, all of which
stop when one does, nλ times. Work W is saved every τ hours of it, each time in c hours; after every
loss R hours pass until it goes on, which may be interrupted too.

    E[T] = W/τ · e^(λR) · (e^(λ(τ+c)) − 1) / λ
    τ*   = (1 + W₀(−e^(−λc−1))) / λ             W₀: Lambert's W; independent of R

Source: J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps",
Future Generation Computer Systems 22 (2006); J. W. Young, "A first order approximation to the
optimum checkpoint interval", Communications of the ACM 17 (1974).

Hours are floats here: they are statistics. Money is made from them in one place, in :func:`paid`.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.errors import BadInput
from trainfare.core.money import Money

_STEPS = 200
"""So many halvings find any root to the last bit of a double."""

_NEWTON = 50
"""Newton's steps double the digits that are right; fewer than ten were ever needed."""

EXPONENT_MAX = 700.0
"""Beyond e^700 a double overflows; work that takes so long never ends in practice."""


@dataclass(frozen=True, slots=True)
class Saving:
    """How a training saves and restarts, in hours."""

    interval_hours: float
    """Work between two checkpoints: τ."""
    checkpoint_hours: float
    """c."""
    restart_hours: float
    """R: a machine found, booted, data staged, the last checkpoint loaded."""

    def __post_init__(self) -> None:
        if self.interval_hours <= 0 or self.checkpoint_hours < 0 or self.restart_hours < 0:
            raise BadInput("an interval is above 0, a checkpoint and a restart take 0 h or more")


def expected_hours(work_hours: float, rate: float, saving: Saving) -> float:
    """E[T]: the hours that *work_hours* take in expectation; infinite where they never end.

    >>> round(expected_hours(48, 0.1, Saving(0.9665, 0.05, 0.1)), 2)
    53.67

    Args:
        work_hours: what an undisturbed machine needs without checkpoints.
        rate: preemptions an hour; 0 leaves W·(1 + c/τ).
        saving: how it saves.
    """
    length = saving.interval_hours + saving.checkpoint_hours
    if rate * (length + saving.restart_hours) > EXPONENT_MAX:
        return math.inf
    each = length if rate == 0 else math.expm1(rate * length) / rate
    return work_hours / saving.interval_hours * math.exp(rate * saving.restart_hours) * each


def optimal_interval(checkpoint_hours: float, rate: float) -> float:
    """τ*, the interval with the least E[T]; infinite where nothing is ever taken away.

    With u = λτ*, the equation of Lambert's W is u + ln(1 − u) = −λc, which keeps all digits where
    λc is small and W₀ is next to its branch point.

    >>> round(optimal_interval(0.05, 0.1), 4)
    0.9669
    """
    if rate <= 0:
        return math.inf
    target = rate * checkpoint_hours
    if target <= 0:
        return 0.0
    # The left side is convex and grows, so Newton's steps from a bound above come down to the root.
    u = min(math.sqrt(2 * target), -math.expm1(-1 - target))
    for _ in range(_NEWTON):
        step = (_excess(u) - target) * (1 - u) / u if 0 < u < 1 else 0.0
        u -= step
        if abs(step) <= 1e-15 * u:
            break
    return u / rate


def _excess(u: float) -> float:
    """−u − ln(1 − u), from its series u²/2 + u³/3 + … where the difference would lose digits."""
    if u >= 1:
        return math.inf
    if u < 1e-2:
        return sum(u**n / n for n in range(2, 12))
    return -u - math.log1p(-u)


def young_interval(checkpoint_hours: float, rate: float) -> float:
    """Young's first order: √(2c/λ)."""
    return math.sqrt(2 * checkpoint_hours / rate)


def daly_interval(checkpoint_hours: float, rate: float) -> float:
    """Daly's higher order: √(2cM)·(1 + ⅓√(c/2M) + c/18M) − c with M = 1/λ; M where c ≥ 2M."""
    mean = 1 / rate
    if checkpoint_hours >= 2 * mean:
        return mean
    part = checkpoint_hours / (2 * mean)
    series = 1 + math.sqrt(part) / 3 + part / 9
    return math.sqrt(2 * checkpoint_hours * mean) * series - checkpoint_hours


def hours_variance(work_hours: float, rate: float, saving: Saving) -> float:
    """The variance of T in square hours; pieces between checkpoints are independent of each other.

    Source: second moments of the same renewal process as E[T]; A. Duda, "The effects of
    checkpointing on program execution time", Information Processing Letters 16 (1983).
    """
    length = saving.interval_hours + saving.checkpoint_hours
    again = length + saving.restart_hours
    if rate == 0:
        return 0.0
    if rate * again > EXPONENT_MAX / 2:
        return math.inf
    grown, survives = math.exp(rate * again), math.exp(-rate * length)
    mean_again = math.expm1(rate * again) / rate
    square_again = (grown**2 - 1 - 2 * rate * again * grown) / rate**2 + mean_again**2
    first = (1 - survives * (1 + rate * length)) / rate
    second = (2 - survives * ((rate * length) ** 2 + 2 * rate * length + 2)) / rate**2
    square = survives * length**2 + second + 2 * mean_again * first + square_again * (1 - survives)
    mean = math.exp(rate * saving.restart_hours) * math.expm1(rate * length) / rate
    return max(0.0, work_hours / saving.interval_hours * (square - mean**2))


def break_even_rate(
    work_hours: float, paid_hours: float, price_ratio: float, saving: Saving
) -> float | None:
    """The preemptions an hour from which spot costs more; None where it does from the first on.

    Args:
        work_hours: W.
        paid_hours: what the same work takes on demand, with the checkpoints that it makes there.
        price_ratio: spot price over on-demand price.
        saving: how it saves on spot; the interval is held.
    """
    limit = paid_hours / price_ratio if price_ratio > 0 else math.inf
    if expected_hours(work_hours, 0, saving) >= limit:
        return None
    high = 1.0
    while expected_hours(work_hours, high, saving) < limit:
        high *= 2
    low = 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if expected_hours(work_hours, middle, saving) < limit:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def trial_hours(work_hours: float, rate: float, saving: Saving, chance: random.Random) -> float:
    """How long the work took once, with preemptions drawn from *chance*."""
    whole, rest = divmod(work_hours, saving.interval_hours)
    pieces = [saving.interval_hours] * int(whole) + ([rest] if rest > 1e-9 else [])
    total = 0.0
    for piece in pieces:
        total += _until_saved(piece + saving.checkpoint_hours, rate, saving.restart_hours, chance)
    return total


def _until_saved(length: float, rate: float, restart: float, chance: random.Random) -> float:
    passed, needed = 0.0, length
    while True:
        taken = chance.expovariate(rate) if rate > 0 else math.inf
        if taken >= needed:
            return passed + needed
        passed, needed = passed + taken, restart + length


def trials(
    work_hours: float, rate: float, saving: Saving, *, count: int, seed: int
) -> tuple[float, ...]:
    """*count* outcomes in hours, least first: the same for the same seed.

    Work that would take more than a hundred times itself is not tried: it is infinite.
    """
    if expected_hours(work_hours, rate, saving) > 100 * work_hours:
        return (math.inf,) * count
    chance = random.Random(seed)  # noqa: S311 (a simulation, no secret)
    return tuple(sorted(trial_hours(work_hours, rate, saving, chance) for _ in range(count)))


def paid(hours: float, price_per_hour: Fraction, currency: str) -> Money:
    """What *hours* cost: the one place where a statistic of time becomes money, to the nearest nano.

    The hours are first rounded to the nanosecond, as all time that is paid for is.
    """
    return Money.nearest(
        Fraction(round(hours * 3600 * 10**9), 3600 * 10**9) * price_per_hour, currency
    )
