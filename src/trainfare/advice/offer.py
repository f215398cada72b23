"""Offers: what can be bought to train on, and how fast each accelerator is with the work.

Own runs say best how fast an accelerator is. Where there are none, a roofline does, labelled so:
work that is bound by arithmetic goes as the peaks of two accelerators, work that is bound by memory
as their bandwidths, and real work lies between.

Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model",
Communications of the ACM 52 (2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.prices.accelerators import AcceleratorModel, models

OPTIONS = ("on_demand", "spot", "commit_1y", "commit_3y", "commit_1y_savings_plan")
"""Ways to pay that a plan compares."""

TERM_HOURS = {"commit_1y": 8760, "commit_1y_savings_plan": 8760, "commit_3y": 26280}
"""Hours of a year or three: what a commitment pays for, used or not."""

DTYPES = ("bf16", "fp16")
"""Where a number format is not stated, the first of these whose peak is known of both."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A machine that somebody sells in one place by one option."""

    provider: str
    region: str
    instance: str
    option: str
    accelerator: str
    """Canonical."""
    devices: int
    """Accelerators of one machine."""
    price_per_hour: Fraction
    """Of one machine."""
    currency: str = "USD"
    source: str = ""
    is_reference: bool = False
    """A published spot price: for orientation."""
    interruption: str | None = None
    """Share of such machines interrupted in a month, as its seller says."""
    cpus: float | None = None
    memory_gb: float | None = None
    high: Fraction | None = None
    """Of spot: the price in the dearest zone."""


def listed(offers: Iterable[Offer], instance: str | None, region: str | None) -> Offer | None:
    """The offer of exactly this type in this region; None where nobody lists it.

    List prices are compared with list prices: what a bill says of one machine, with its discounts,
    tells nothing of another's.
    """
    return next((one for one in offers if (one.instance, one.region) == (instance, region)), None)


@dataclass(frozen=True, slots=True)
class Span:
    """A figure with its interval: nine of ten are expected inside."""

    low: float
    middle: float
    high: float

    def times(self, factor: float) -> Span:
        """All three times *factor*, which is above 0."""
        return Span(self.low * factor, self.middle * factor, self.high * factor)

    def chance_above(self, limit: float) -> float:
        """Probability of more than *limit*: none above the high end, all above the low end, linear.

        >>> Span(8, 10, 14).chance_above(12)
        0.25
        """
        if limit >= self.high:
            return 0.0
        if limit < self.low:
            return 1.0
        if limit >= self.middle:
            return 0.5 * (self.high - limit) / (self.high - self.middle)
        return 0.5 + 0.5 * (self.middle - limit) / (self.middle - self.low)


@dataclass(frozen=True, slots=True)
class Speed:
    """How many hours one accelerator of a model takes for the work, alone, and who says so."""

    accelerator: str
    device_hours: Span
    basis: str
    is_measured: bool


def measured_speed(accelerator: str, device_hours: Sequence[float], basis: str) -> Speed:
    """From own runs of the same work: median, least and most."""
    ordered = sorted(device_hours)
    middle = ordered[len(ordered) // 2]
    return Speed(accelerator, Span(ordered[0], middle, ordered[-1]), basis, is_measured=True)


def roofline_speed(
    known: Speed, have: AcceleratorModel, want: AcceleratorModel, dtype: str | None
) -> Speed | None:
    """What *want* takes for what *have* does in *known*; None where data sheets do not tell.

    The ends of the interval are the ratios of peaks and of bandwidths, its middle their geometric
    mean.
    """
    ratios = roofline_ratios(have, want, dtype)
    if ratios is None:
        return None
    low, high = min(ratios), max(ratios)
    span = Span(
        known.device_hours.low * low,
        known.device_hours.middle * math.sqrt(low * high),
        known.device_hours.high * high,
    )
    words = f"roofline estimate from {have.name}: {_times(1 / high)} to {_times(1 / low)} as fast"
    return Speed(want.name, span, words, is_measured=False)


def with_rooflines(own: Speed, others: Iterable[Speed], dtype: str | None) -> dict[str, Speed]:
    """Speeds on all accelerators: measured, else by a roofline, from *own* where data sheets tell.

    Args:
        own: on the accelerator that the work itself ran on.
        others: where else it ran; asked only for what a roofline from *own* does not tell.
        dtype: what it computes in; None where nobody knows.
    """
    known = models()
    speeds = {one.accelerator: one for one in (own, *others)}
    told = [one for one in speeds.values() if one.accelerator in known]
    for name, model in known.items():
        guesses = (roofline_speed(one, known[one.accelerator], model, dtype) for one in told)
        guess = next((one for one in guesses if one is not None), None)
        if guess is not None:
            speeds.setdefault(name, guess)
    return speeds


ALIKE = 1.25
"""Runs of the same work differ by so much and no more: an assumption."""


def too_fast(one: Speed, own: Speed, dtype: str | None, kept: float) -> str | None:
    """Why *one* cannot be of the same work as *own*; None where it can, or nobody knows.

    An accelerator takes no less than by the better ratio of its data sheet, or than *own* where
    neither is what the work waits for. Slower is possible: a machine is more than its accelerator.

    Args:
        one: on another accelerator.
        own: on the accelerator that the work itself ran on.
        dtype: what it computes in.
        kept: the least part of its speed that *own* kept at its larger number of accelerators.
    """
    factor = one.device_hours.middle / own.device_hours.middle
    return not_alike(one.accelerator, own.accelerator, factor, dtype, kept)


def not_alike(
    one: str, own: str, factor: float, dtype: str | None, kept: float = 1.0
) -> str | None:
    """Why runs on accelerator *one* that take *factor* times the hours of those on *own* did other work.

    None where they can be of the same work, or nobody knows; *dtype* and *kept* as above.
    """
    have, want = models().get(own), models().get(one)
    ratios = roofline_ratios(have, want, dtype) if have and want else None
    if ratios is None or factor * ALIKE >= min(1.0, *ratios) * kept:
        return None
    return (
        f"not believed: own runs on {one} would take {factor:.2g}× the hours of {own}, "
        f"data sheets say {min(ratios):.2g} to {max(ratios):.2g}×; they did other work"
    )


def roofline_ratios(
    have: AcceleratorModel, want: AcceleratorModel, dtype: str | None
) -> tuple[float, float] | None:
    """Time on *want* over time on *have*, by arithmetic and by memory; None where not known.

    Accelerators of two makers run other software, which data sheets say nothing of: not compared.
    """
    if _maker(have.name) != _maker(want.name):
        return None
    for each in (dtype,) if dtype else DTYPES:
        old, new = have.peak_flops(each), want.peak_flops(each)
        if old and new and have.memory_gb_per_second and want.memory_gb_per_second:
            return float(old / new), have.memory_gb_per_second / want.memory_gb_per_second
    return None


_OTHER_MAKERS = {
    "MI": "amd",
    "tpu": "google",
    "Gaudi": "intel",
    "Trainium": "aws",
    "Inferentia": "aws",
}


def _maker(name: str) -> str:
    found = [maker for start, maker in _OTHER_MAKERS.items() if name.startswith(start)]
    return found[0] if found else "nvidia"


def _times(factor: float) -> str:
    return f"{factor:.2g}×"
