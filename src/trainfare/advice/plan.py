"""Plans: what a job to come would cost on everything that is for sale, how long, and at what risk.

    hours of n accelerators = hours of one ÷ n ÷ efficiency^log₂(n/n₀), or own scaling where known,
                              ÷ efficiency^log₂(m/m₀) where m machines are more than were tried
    on demand  = price × hours
    spot       = price × E[T], saved at the best interval
    commitment = price × the whole term: this one job is not to be asked to fill it

What is not known of the user's own training is an assumption and stands on the option.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from trainfare.advice.offer import TERM_HOURS, Offer, Span, Speed
from trainfare.advice.preemption import (
    Saving,
    expected_hours,
    hours_variance,
    optimal_interval,
    paid,
)
from trainfare.advice.preemption_rate import Rate, chance_gamma_above
from trainfare.advice.scaling import Scaling, pareto
from trainfare.core.money import Money
from trainfare.core.plain import percent

DOUBLING = Span(0.85, 0.95, 1.0)
"""Efficiency kept with each doubling of accelerators where own runs do not tell: an assumption.

Goyal et al., "Accurate, large minibatch SGD" (2017), kept about 0.98 per doubling up to 256 GPUs on
a fast network; slower networks keep much less."""

ACROSS = Span(0.6, 0.8, 0.95)
"""Efficiency kept with each doubling of small machines beyond what own runs tried: an assumption.

The networks between them are far slower than links inside a machine."""

CLUSTERED = 8
"""Machines of so many accelerators are sold with a network for training across them: they keep
DOUBLING. An assumption too."""

LATE_MAX = 0.1
"""An option meets a deadline, or a budget, if it breaks it in at most one of ten cases."""

RATE_PARTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The uncertain preemption rate is taken at these quantiles, each as likely as the others."""

DEFAULT_CHECKPOINT_HOURS = 2 / 60
DEFAULT_RESTART_HOURS = 10 / 60
"""Where nobody measured or stated them: two minutes to save, ten to go on; assumptions."""


@dataclass(frozen=True, slots=True)
class Work:
    """The job: its speeds, and how it divides and saves."""

    speeds: Mapping[str, Speed]
    """Accelerator → hours of one, for the whole work."""
    base_count: int = 1
    """n₀: the number of accelerators that the hours were seen on."""
    base_machines: int = 1
    """m₀: the most machines that hours, or the law, were seen on."""
    scaling: Scaling | None = None
    """Own law; None where it is not known."""
    checkpoint_hours: float = DEFAULT_CHECKPOINT_HOURS
    restart_hours: float = DEFAULT_RESTART_HOURS
    memory_gb: float | None = None
    """Of one accelerator, at least."""
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user will not go beyond."""

    deadline_hours: float | None = None
    budget: Money | None = None
    devices_max: int = 8
    value_per_hour: Money | None = None
    """What an hour sooner is worth."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to do the job: an offer, so many machines of it, and what comes of that."""

    offer: Offer
    machines: int
    speed: Speed
    hours: Span
    low: Money
    expected: Money
    high: Money
    late: float
    """Probability of missing the deadline; 0 without one."""
    over: float
    """Probability of exceeding the budget; 0 without one."""
    interval_hours: float | None = None
    """Of checkpoints, on spot."""
    rate: Rate | None = None
    is_on_front: bool = False
    """No other choice is both sooner and cheaper."""
    notes: tuple[str, ...] = field(default=())

    @property
    def devices(self) -> int:
        """Accelerators of all machines."""
        return self.machines * self.offer.devices

    @property
    def is_within(self) -> bool:
        """Whether it meets deadline and budget in nine of ten cases."""
        return self.late <= LATE_MAX and self.over <= LATE_MAX


RateOf = Callable[[Offer], Rate | None]
"""How often an offer's machines are taken away; None where nobody knows."""


def plan(work: Work, offers: Iterable[Offer], limits: Limits, rate_of: RateOf) -> list[Choice]:
    """Every choice, the best first: within the limits, then by money and what the time is worth.

    Spot machines of which nobody knows how often they are taken away are left out: see
    :func:`unrated`.
    """
    choices = [
        choice
        for offer in offers
        if offer.accelerator in work.speeds
        for machines in _machine_counts(offer, limits.devices_max)
        if (choice := _choice(work, offer, machines, limits, rate_of)) is not None
    ]
    points = [(one.hours.middle, one.expected.nano / 1e9) for one in choices]
    front = set(pareto(points))
    marked = [replace(one, is_on_front=place in front) for place, one in enumerate(choices)]
    return sorted(marked, key=lambda one: _order(one, limits))


def _order(choice: Choice, limits: Limits) -> tuple[bool, float, float, float, int, str]:
    """Within the limits first; what is late for certain by how soon it ends, the rest by money."""
    worth = 0 if limits.value_per_hour is None else limits.value_per_hour.nano
    nano = choice.expected.nano + worth * choice.hours.middle
    misses = 0.0 if choice.is_within else max(choice.late, choice.over)
    late_hours = choice.hours.middle if choice.late > LATE_MAX else 0.0
    offer = choice.offer
    name = f"{offer.provider}/{offer.region}/{offer.instance}/{offer.option}"
    return not choice.is_within, misses, late_hours, nano, choice.machines, name


def _machine_counts(offer: Offer, devices_max: int) -> Iterable[int]:
    """1, 2, 4, … machines up to so many accelerators."""
    machines = 1
    while machines * offer.devices <= devices_max:
        yield machines
        machines *= 2


def _choice(
    work: Work, offer: Offer, machines: int, limits: Limits, rate_of: RateOf
) -> Choice | None:
    speed = work.speeds[offer.accelerator]
    count = machines * offer.devices
    undisturbed, said = hours_on(work, speed, count, machines)
    notes = [*said, *work.assumptions]
    price = offer.price_per_hour * machines
    if offer.option == "spot":
        return _on_spot(work, (offer, machines, speed), undisturbed, limits, rate_of, notes)
    if offer.option in TERM_HOURS:
        term = Fraction(TERM_HOURS[offer.option])
        whole = Money.nearest(price * term, offer.currency)
        notes.insert(0, _term_words(undisturbed.middle, float(term)))
        low = expected = high = whole
        over = 0.0 if limits.budget is None or whole <= limits.budget else 1.0
    else:
        low, expected, high = (
            paid(hours, price, offer.currency)
            for hours in (undisturbed.low, undisturbed.middle, undisturbed.high)
        )
        over = _over(undisturbed, price, limits)
    return Choice(
        offer,
        machines,
        speed,
        undisturbed,
        low,
        expected,
        high,
        late=_late(undisturbed, limits),
        over=over,
        notes=tuple(notes),
    )


def hours_on(work: Work, speed: Speed, count: int, machines: int = 1) -> tuple[Span, list[str]]:
    """How long the work takes on *count* accelerators of *machines*, and what that assumes."""
    apart = max(0.0, math.log2(machines / work.base_machines))
    across = DOUBLING if count >= CLUSTERED * machines else ACROSS
    lost = f"assumed: {across.middle:g} of the speed kept with each doubling of machines"
    said = [lost] if apart else []
    whole = speed.device_hours
    if work.scaling is not None:
        law = work.scaling
        factor = law.hours(count) / (law.hours(work.base_count) * work.base_count)
        if not law.counts[0] <= count <= law.counts[-1]:
            seen = f"own scaling was seen on {law.counts[0]} to {law.counts[-1]} only"
            said = [seen, *said]
        return _slowed(whole.times(factor), across, apart), said
    inside = max(0.0, math.log2(count / work.base_count) - apart)
    if inside:
        kept = (
            f"scaling assumed: {DOUBLING.middle:g} of the speed kept with each doubling from "
            f"{work.base_count} to {round(work.base_count * 2**inside)} accelerators in a machine"
        )
        said = [kept, *said]
    elif count < work.base_count:
        said = [f"fewer than the {work.base_count} it ran on", *said]
    return _slowed(_slowed(whole.times(1 / count), DOUBLING, inside), across, apart), said


def _slowed(hours: Span, kept: Span, doublings: float) -> Span:
    """*hours* where each of so many *doublings* keeps that part of the speed."""
    best, usual, worst = (each**doublings for each in (kept.high, kept.middle, kept.low))
    return Span(hours.low / best, hours.middle / usual, hours.high / worst)


def _on_spot(
    work: Work,
    what: tuple[Offer, int, Speed],
    undisturbed: Span,
    limits: Limits,
    rate_of: RateOf,
    notes: list[str],
) -> Choice | None:
    """The choice on machines that may be taken away; None where it never ends or nobody knows."""
    offer, machines, speed = what
    rate = rate_of(offer)
    if rate is None:
        return None
    saving = best_saving(work, undisturbed.middle, rate.mean * machines)
    likely = replace(rate, hours=rate.hours / machines)  # a gang stops when one of it is taken
    hours = Span(
        expected_hours(undisturbed.low, likely.low, saving),
        expected_hours(undisturbed.middle, likely.mean, saving),
        expected_hours(undisturbed.high, likely.high, saving),
    )
    if math.isinf(hours.high):
        return None
    price = offer.price_per_hour * machines
    notes.insert(0, likely.basis)
    if offer.is_reference:
        notes.insert(0, "a published spot price, for orientation")
    limit = None if limits.budget is None else float(Fraction(limits.budget.nano, 10**9) / price)
    same = limits.budget is None or limits.budget.currency == offer.currency
    return Choice(
        offer,
        machines,
        speed,
        hours,
        low=paid(hours.low, price, offer.currency),
        expected=paid(hours.middle, price, offer.currency),
        high=paid(hours.high, price, offer.currency),
        late=spot_chance_above(undisturbed, likely, saving, limits.deadline_hours),
        over=spot_chance_above(undisturbed, likely, saving, limit) if same else 1.0,
        interval_hours=saving.interval_hours,
        rate=likely,
        notes=tuple(notes),
    )


def best_saving(work: Work, hours: float, rate: float) -> Saving:
    """Checkpoints at the interval that costs least, at most as long as the work."""
    interval = min(optimal_interval(work.checkpoint_hours, rate), hours)
    return Saving(max(interval, 1e-6), work.checkpoint_hours, work.restart_hours)


def spot_chance_above(work: Span, rate: Rate, saving: Saving, limit: float | None) -> float:
    """Probability of more than *limit* hours, over what is not known of work and rate.

    That nothing is lost has its exact chance; what is lost otherwise is taken as a gamma variable
    of the exact mean and variance.
    """
    if limit is None:
        return 0.0
    weighted = ((work.low, 1), (work.middle, 2), (work.high, 1))
    each = [
        (weight, chance_spot_above(hours, rate.at(part), saving, limit))
        for hours, weight in weighted
        for part in RATE_PARTS
    ]
    return sum(w * chance for w, chance in each) / sum(w for w, _ in each)


def chance_spot_above(hours: float, rate: float, saving: Saving, limit: float) -> float:
    """Probability of more than *limit* hours at one rate: exact but for the gamma's shape."""
    least = expected_hours(hours, 0, saving)
    mean = expected_hours(hours, rate, saving) - least
    square = hours_variance(hours, rate, saving) + mean * mean
    disturbed = -math.expm1(-rate * least)
    if limit < least or math.isinf(square):
        return 1.0
    if disturbed <= 0:
        return 0.0
    mean, square = mean / disturbed, square / disturbed
    variance = square - mean * mean
    if mean <= 0 or variance <= 0:
        return disturbed
    return disturbed * chance_gamma_above(mean * mean / variance, (limit - least) * mean / variance)


def _late(hours: Span, limits: Limits) -> float:
    return 0.0 if limits.deadline_hours is None else hours.chance_above(limits.deadline_hours)


def _over(hours: Span, price: Fraction, limits: Limits) -> float:
    if limits.budget is None or price == 0:
        return 0.0
    return hours.chance_above(float(Fraction(limits.budget.nano, 10**9) / price))


def _term_words(hours: float, term: float) -> str:
    return f"pays for {term:,.0f} h, used or not; this job uses {percent(hours / term)} of it"


def unrated(offers: Sequence[Offer], rate_of: RateOf) -> int:
    """Spot offers of which nobody knows how often they are taken away."""
    return sum(1 for one in offers if one.option == "spot" and rate_of(one) is None)
