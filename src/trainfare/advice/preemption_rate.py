"""Preemption rates: how often machines are taken away, from what one saw and what was known before.

Preemptions are counted as a Poisson process of unknown rate λ. With a Gamma(a, b) before, and k
preemptions seen in h machine-hours, λ is Gamma(a + k, b + h) after: mean (a + k)/(b + h), and a
range from its quantiles. Estimating λ matters more than the last digit of the interval.

Source: A. Gelman et al., "Bayesian Data Analysis", 3rd edition (2013), section 2.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

MONTH_HOURS = 730.0

JEFFREYS = 0.5
"""Prior counts where nothing was known before: Jeffreys' for a Poisson rate, Gamma(½, 0)."""

LOW, HIGH = 0.05, 0.95
"""The range holds nine tenths."""

ADVISED_SHARES = {
    "<5%": 0.025,
    "5-10%": 0.075,
    "10-15%": 0.125,
    "15-20%": 0.175,
    ">20%": 0.30,
}
"""AWS' buckets of machines interrupted in a month → the share in the middle of each; the last has
no end, and 30 % is taken."""

ADVISED_COUNT = 1.0
"""What a provider says of all machines counts as one preemption seen: own history soon outweighs
it."""


TRACE_COUNT = 10.0
"""Traces of another year count as at most ten preemptions, for markets change; our own judgement."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Preemptions of one machine in an hour, and what it rests on."""

    shape: float
    """a + k."""
    hours: float
    """b + h, machine-hours."""
    seen: int
    """k, of one's own."""
    seen_hours: float
    """h, of one's own."""
    basis: str
    """In words."""

    @property
    def mean(self) -> float:
        """Preemptions an hour, expected."""
        return self.shape / self.hours

    def at(self, part: float) -> float:
        """The rate below which *part* of what is believed lies."""
        return quantile(self.shape, part) / self.hours

    @property
    def low(self) -> float:
        """It is less in one of twenty cases."""
        return self.at(LOW)

    @property
    def high(self) -> float:
        """It is more in one of twenty cases."""
        return self.at(HIGH)


def find_rate(
    seen: int,
    seen_hours: float,
    advised: str | None = None,
    watched: tuple[int, float] = (0, 0.0),
) -> Rate | None:
    """The rate from own preemptions, after what traces tell, else after the provider's word.

    None where there is none of them: a rate is not guessed.

    Args:
        seen: own preemptions.
        seen_hours: own machine-hours on spot.
        advised: share of machines interrupted in a month, as AWS prints it: ``5-10%``.
        watched: losses, and hours in which a machine could be had, of traces.
    """
    own = f"{seen} preemptions in {seen_hours:,.0f} own spot hours"
    share = None if advised is None else ADVISED_SHARES.get(advised)
    shape, hours, words = JEFFREYS, 0.0, ""
    if watched[1] > 0:
        words = f"{watched[0]} losses in {watched[1]:,.0f} h of traces"
        shape = min(TRACE_COUNT, watched[0] + JEFFREYS)
        hours = watched[1] * shape / (watched[0] + JEFFREYS)
    elif share is not None:
        words = f"AWS says that {advised} of such machines are interrupted in a month"
        shape, hours = ADVISED_COUNT, ADVISED_COUNT * MONTH_HOURS / -math.log1p(-share)
    if hours + seen_hours <= 0:
        return None
    basis = "; ".join([own] * (seen_hours > 0) + [words] * bool(words))
    return Rate(shape + seen, hours + seen_hours, seen, seen_hours, basis)


def chance_gamma_above(shape: float, x: float) -> float:
    """P(Gamma(shape, 1) > x).

    >>> round(chance_gamma_above(1, 2.0), 4)      # exponential: e^-2
    0.1353
    """
    return 1.0 - _below(shape, x)


@cache
def quantile(shape: float, part: float) -> float:
    """The *part* quantile of Gamma(shape, 1), by bisection on its distribution.

    >>> round(quantile(1, 0.95), 4)      # exponential: −ln 0.05
    2.9957
    """
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 10
    for _ in range(100):
        middle = (low + high) / 2
        if _below(shape, middle) < part:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _below(shape: float, x: float) -> float:
    """P(Gamma(shape, 1) ≤ x): the regularised lower incomplete gamma function, by its series.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 6.5.29.
    """
    if x <= 0:
        return 0.0
    if x > shape + 40 * math.sqrt(shape) + 40:
        return 1.0
    term = total = 1 / shape
    n = shape
    while term > total * 1e-16:
        n += 1
        term *= x / n
        total += term
    return min(1.0, total * math.exp(shape * math.log(x) - x - math.lgamma(shape)))
