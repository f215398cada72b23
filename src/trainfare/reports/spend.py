"""Spend: what one run was estimated to cost, cut into the parts that reports group.

    Σ parts = the total of the run's receipt, where the parts are of all time

A part's *weight* is what its money is in proportion to: the estimate in nano-units where all of the
run's machine time has a price, else share × nanoseconds. What a bill gives to a run is divided by
the same weights.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from trainfare.core.charge import Component
from trainfare.core.errors import BadInput
from trainfare.core.estimate import Stretch
from trainfare.core.money import NANO, Money, cumulative_parts
from trainfare.core.period import Interval
from trainfare.core.price import Price
from trainfare.core.run import Attempt, RunRecord
from trainfare.core.stage import TRAIN, Status
from trainfare.core.work import Work, leader
from trainfare.metering.metrics import Point
from trainfare.metering.receipt import Receipt

ALL_TIME = ""
"""The period of parts where no period was asked for."""

CANCELLED, CRASHED = "cancelled", "crashed"
"""How a killed run ended: somebody asked it to, or it was gone without a word."""

_ASKED = ("interrupted from", "ended by SIGINT", "ended by SIGTERM", "ended by SIGHUP")


@dataclass(frozen=True, slots=True)
class Part:
    """A run's money of one component in one period, stage, epoch and attempt."""

    period: str
    component: Component
    stage: str | None
    """None outside stages: storage and network are not of the machine's time."""
    epoch: int | None
    """Of the train stage; None outside epochs."""
    attempt: int
    estimated_cost: Money | None
    weight: int
    step: int | None = None
    """Counted from 0 over the whole run, where the part is cut so fine."""


@dataclass(frozen=True, slots=True)
class Spend:
    """One metered run: its parts, what it did, and how it ended."""

    run: str
    name: str | None
    labels: Mapping[str, str]
    status: str
    ending: str
    currency: str | None
    """None where nothing of it has a price."""
    parts: tuple[Part, ...]
    is_whole: bool
    """Whether all of its time lies in the periods asked for, so that its work does too."""
    work: Work
    machine_ns: int
    """Time in attempts."""
    gpu_ns: Fraction
    """Accelerators × time held; 0 where none was seen."""
    stalled: Fraction | None
    """Share of its machine money that stalls took."""
    redone: Fraction | None
    """Share of its machine money that went into steps made before."""
    parents: tuple[str, ...] = ()
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    """Metric → what the run logged, in order of time; read only where a report needs it."""
    epochs: Sequence[tuple[int, int, int]] = ()
    """(start, end, epoch) of its time in epochs, in order."""
    whys: Mapping[str, str] = field(default_factory=dict)
    """What is not known (epochs, steps, samples, tokens, gpu_hours, stall, redone) → why."""

    @property
    def is_unfinished(self) -> bool:
        """Whether it ended without finishing."""
        return self.status in (Status.FAILED, Status.KILLED, Status.STOPPED_BY_BUDGET)

    def epoch_at(self, wall_ns: int) -> int | None:
        """The epoch that the run was in at an instant, its very end included."""
        index = bisect_left(self.epochs, (wall_ns,)) - 1
        if index < 0 or wall_ns > self.epochs[index][1]:
            return None
        return self.epochs[index][2]


def spend_of(
    receipt: Receipt,
    work: Work,
    periods: Mapping[str, Interval] | None = None,
    series: Mapping[str, Sequence[Point]] | None = None,
) -> Spend:
    """The spend of one run.

    Args:
        receipt: from all samples where stalls are asked for.
        work: what it did.
        periods: name → interval; parts are cut at them. None is all time, as one period.
        series: its logged metrics.
    """
    run, estimate = receipt.run, receipt.estimate
    parts = list(_parts(receipt, periods))
    whys = dict(work.whys)
    gpu_ns = _gpu_ns(run, estimate.stretches)
    if not gpu_ns:
        whys["gpu_hours"] = "no GPU was seen"
    stalled = _stalled(run, receipt, whys)
    is_priced = any(isinstance(s.price, Price) for s in estimate.stretches)
    return Spend(
        run=run.id,
        name=run.name,
        labels=run.labels,
        status=run.status.value,
        ending=ending_of(run),
        currency=estimate.currency if is_priced else None,
        parts=tuple(parts),
        is_whole=periods is None or _is_within(run, periods),
        work=work,
        machine_ns=receipt.duration_ns,
        gpu_ns=gpu_ns,
        stalled=stalled,
        redone=_redone(receipt, work),
        parents=run.parents,
        series=series or {},
        epochs=tuple(_epochs(run)) if series else (),
        whys=whys,
    )


STEPS_MOST = 100_000
"""A report by step has at most so many rows of one run."""


def cut_at_steps(spend: Spend) -> Spend:
    """*spend* with each epoch's train stage of an attempt cut evenly at its steps, losing nothing.

    What of the train stage made no step, or lies in two periods, stays as it is.

    Raises:
        BadInput: the run made more than :data:`STEPS_MOST` steps.
    """
    if (spend.work.steps or 0) > STEPS_MOST:
        raise BadInput(
            f"run {spend.run} made {spend.work.steps:,} steps; a report by step takes at most "
            f"{STEPS_MOST:,}: name another with --where run=…, or ask for per_step"
        )
    first, firsts, steps = 0, {}, {}
    for lap in spend.work.laps:
        firsts[lap.attempt, lap.epoch], steps[lap.attempt, lap.epoch] = first, lap.steps
        first += lap.steps
    trained = Counter((p.attempt, p.epoch) for p in spend.parts if p.stage == TRAIN)
    parts: list[Part] = []
    for part in spend.parts:
        key = (part.attempt, part.epoch)
        made = steps.get(key, 0) if part.stage == TRAIN and trained[key] == 1 else 0
        if not made or not spend.is_whole:
            parts.append(part)
            continue
        weights = cumulative_parts(part.weight, [1] * made, made)
        costs: list[Money | None] = [None] * made
        if part.estimated_cost is not None:
            nanos = cumulative_parts(part.estimated_cost.nano, [1] * made, made)
            costs = [Money(nano, part.estimated_cost.currency) for nano in nanos]
        parts += [
            replace(part, step=firsts[key] + n, weight=weight, estimated_cost=costs[n])
            for n, weight in enumerate(weights)
        ]
    return replace(spend, parts=tuple(parts))


def ending_of(run: RunRecord) -> str:
    """Its status, with what was killed told apart: cancelled, or crashed."""
    if run.status is not Status.KILLED:
        return run.status.value
    errors = [s.error for s in run.attempts[-1].segments if s.error]
    return CANCELLED if any(e.startswith(_ASKED) for e in errors) else CRASHED


def within(amount: Money, whole: Interval, interval: Interval) -> Money:
    """The part of an *amount* over *whole* that falls into *interval*; parts of all time sum to it."""
    inside = whole.overlap_ns(interval)
    before = max(0, min(whole.end_ns, interval.start_ns) - whole.start_ns)
    if whole.duration_ns == 0:
        is_inside = interval.start_ns <= whole.start_ns < interval.end_ns
        return amount if is_inside else Money.zero(amount.currency)
    return amount.split([before, inside, whole.duration_ns - inside - before])[1]


def _is_within(run: RunRecord, periods: Mapping[str, Interval]) -> bool:
    return all(
        sum(attempt.interval.overlap_ns(one) for one in periods.values())
        == attempt.interval.duration_ns
        for attempt in run.attempts
    )


Key = tuple[str, Component, str | None, int | None, int]


def _parts(receipt: Receipt, periods: Mapping[str, Interval] | None) -> Iterator[Part]:
    """Sums of everything by period, component, stage, epoch and attempt, in order of time."""
    stretches = receipt.estimate.stretches
    is_priced = all(s.estimated_cost is not None for s in stretches)
    is_free = is_priced and not any(s.estimated_cost for s in stretches)
    costs: dict[Key, list[Money | None]] = defaultdict(list)
    weights: dict[Key, int] = defaultdict(int)
    currency = receipt.estimate.currency
    key: Key
    for stretch, attempt in _in_order(receipt):
        epoch = stretch.epoch if stretch.stage == TRAIN else None
        for name, inside in cuts_of(stretch.interval, periods):
            key = (name, stretch.component, stretch.stage, epoch, attempt)
            amount = stretch.estimated_cost
            if amount is not None and inside != stretch.interval:
                amount = within(amount, stretch.interval, inside)
            costs[key].append(amount)
            by_time = int(stretch.share * NANO) * inside.duration_ns
            weights[key] += (
                amount.nano if amount is not None and is_priced and not is_free else by_time
            )
    for component, amount, interval in _outside(receipt):
        for name, inside in cuts_of(interval, periods):
            key = (name, component, None, None, 0)
            costs[key].append(within(amount, interval, inside) if inside != interval else amount)
    for key, amounts in costs.items():
        known = [amount for amount in amounts if amount is not None]
        total = Money.total(known, currency) if len(known) == len(amounts) else None
        yield Part(*key, total, weights[key])


def _in_order(receipt: Receipt) -> list[tuple[Stretch, int]]:
    """Stretches by time, each with the attempt that it lies in."""
    attempts = receipt.run.attempts
    ordered = sorted(receipt.estimate.stretches, key=lambda s: (s.interval, s.resource_id))
    found, index = [], 0
    for stretch in ordered:
        while (
            index + 1 < len(attempts)
            and attempts[index + 1].interval.start_ns <= stretch.interval.start_ns
        ):
            index += 1
        found.append((stretch, attempts[index].number))
    return found


def cuts_of(
    interval: Interval, periods: Mapping[str, Interval] | None
) -> Iterator[tuple[str, Interval]]:
    """The periods that *interval* touches, each with what of it lies in there."""
    if periods is None:
        yield ALL_TIME, interval
        return
    for name, period in periods.items():
        inside = interval.clip(period)
        if inside is not None:
            yield name, inside
        elif not interval.duration_ns and period.start_ns <= interval.start_ns < period.end_ns:
            yield name, interval


def _outside(receipt: Receipt) -> Iterator[tuple[Component, Money, Interval]]:
    """Storage by artifact and network over the run; what has no price is in no total."""
    estimate, run = receipt.estimate, receipt.run
    for artifact in (a for s in run.segments for a in s.artifacts):
        price, byte_ns = artifact.price, artifact.byte_ns
        if byte_ns and isinstance(price, Price) and price.currency == estimate.currency:
            yield Component.STORAGE, price.of(byte_ns), artifact.held
    network = estimate.components[Component.NETWORK]
    if network:
        yield Component.NETWORK, network, run.interval


def _gpu_ns(run: RunRecord, stretches: Sequence[Stretch]) -> Fraction:
    """Accelerators of the machine × share × time, over all stretches."""
    devices = {s.machine.resource_id: len(s.machine.accelerators) for s in run.segments}
    return sum(
        (s.share * s.interval.duration_ns * devices[s.resource_id] for s in stretches), Fraction(0)
    )


def _train_weights(parts: Sequence[Part]) -> dict[tuple[int, int | None], int]:
    """(attempt, epoch) → weight of its train stage."""
    found: dict[tuple[int, int | None], int] = defaultdict(int)
    for part in parts:
        if part.stage == TRAIN:
            found[part.attempt, part.epoch] += part.weight
    return found


def _redone(receipt: Receipt, work: Work) -> Fraction | None:
    if not work.redone_steps:
        return None if work.redone_steps is None else Fraction(0)
    parts = list(_parts(receipt, None))
    trained, whole = _train_weights(parts), sum(part.weight for part in parts)
    again = sum(
        (
            Fraction(trained.get((lap.attempt, lap.epoch), 0) * lap.redone_steps, lap.steps)
            for lap in work.laps
            if lap.steps
        ),
        Fraction(0),
    )
    return again / whole if whole else Fraction(0)


def _stalled(run: RunRecord, receipt: Receipt, whys: dict[str, str]) -> Fraction | None:
    """Each attempt's train money × the share of its train time in which its leader stalled."""
    parts = list(_parts(receipt, None))
    trained, whole = _train_weights(parts), sum(part.weight for part in parts)
    total = Fraction(0)
    for attempt in run.attempts:
        own, train_ns = leader(attempt), _train_ns(attempt)
        if own.stalled_ns is None:
            if any(s.steps for s in attempt.segments) or len(run.attempts) == 1:
                whys["stall"] = "the training counts no steps"
                return None
            continue
        weight = sum(w for (number, _), w in trained.items() if number == attempt.number)
        if train_ns:
            total += weight * min(Fraction(1), Fraction(own.stalled_ns, train_ns))
    return total / whole if whole else Fraction(0)


def _epochs(run: RunRecord) -> Iterator[tuple[int, int, int]]:
    for attempt in run.attempts:
        own = leader(attempt)
        start_ns = own.started_wall_ns
        for mark, end_ns in own.stage_spans:
            if mark.epoch is not None:
                yield start_ns + mark.at_ns, start_ns + end_ns, mark.epoch


def _train_ns(attempt: Attempt) -> int:
    spans = leader(attempt).stage_spans
    return sum(end_ns - mark.at_ns for mark, end_ns in spans if mark.stage == TRAIN)
