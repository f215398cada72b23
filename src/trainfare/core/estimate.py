"""Estimates: what a run costs by the prices known while it ran, cut by stage and epoch.

    compute, data = Σ over stretches of time: price × effective share × duration
    storage       = Σ over artifacts: price × bytes × time held
    network       = price of the stated traffic class × bytes sent

Money is brought to nano by cumulative rounding along each resource's time, so that the stretches,
and with them epochs, stages and components, sum to the total exactly. What has no price is not 0:
it stands in ``unpriced`` with its quantity and the reason.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.charge import Component
from trainfare.core.claim import Claim, Holding, holdings, merge_claims
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR, SECOND, Interval
from trainfare.core.price import GIB, ORIGINS, NoPrice, Price
from trainfare.core.run import (
    Artifact,
    RunRecord,
    Segment,
    StageMark,
)
from trainfare.core.stage import SETUP, TRAIN, UNNAMED, is_data


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a run's time on one resource, in one stage and epoch, at one price."""

    resource_id: str
    interval: Interval
    share: Fraction
    """What the run holds of the resource; below what it claims where other runs claim it too."""
    claimed_share: Fraction
    stage: str
    epoch: int | None
    price: Price | NoPrice
    estimated_cost: Money | None
    """None where there is no price."""
    idle_cost: Money | None
    """The price of what nobody claimed of the machine meanwhile; beside the cost, not in it."""

    @property
    def component(self) -> Component:
        """Time in the stage *data* or a part of it is data processing; all other is compute."""
        return Component.DATA if is_data(self.stage) else Component.COMPUTE


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A measured quantity for which no price is known, and why."""

    meter: str
    quantity: str
    why: str


@dataclass(frozen=True, slots=True)
class EpochCost:
    """The train stage of one epoch."""

    epoch: int
    seconds: Fraction
    estimated_cost: Money | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated book of one run."""

    currency: str
    stretches: tuple[Stretch, ...]
    components: dict[Component, Money | None]
    """None: something of it was measured and none of it has a price."""
    idle_cost: Money | None
    unpriced: tuple[Unpriced, ...]
    prices: tuple[Price, ...]

    @property
    def total(self) -> Money | None:
        """The sum of the components that are known, or None where compute or data is unknown."""
        if any(self.components[c] is None for c in (Component.COMPUTE, Component.DATA)):
            return None
        known = [amount for amount in self.components.values() if amount is not None]
        return Money.total(known, self.currency)

    @property
    def paid_share(self) -> Fraction | None:
        """What part of the machine time that the run claimed it pays for, None before any passed.

        Other runs that claimed the same machines at the same time pay for the rest.
        """
        claimed = sum(s.claimed_share * s.interval.duration_ns for s in self.stretches)
        held = sum(s.share * s.interval.duration_ns for s in self.stretches)
        return Fraction(held, claimed) if claimed else None

    def by_stage(self) -> dict[str, tuple[int, Money | None]]:
        """Stage → (nanoseconds, cost), in order of first appearance; time counts once a resource."""
        groups: dict[str, list[Stretch]] = defaultdict(list)
        for stretch in self.stretches:
            groups[stretch.stage].append(stretch)
        return {stage: (_time(group), self._sum(group)) for stage, group in groups.items()}

    def by_epoch(self) -> list[EpochCost]:
        """The train-stage cost of every epoch, in order; their sum is that stage's cost in epochs."""
        groups: dict[int, list[Stretch]] = defaultdict(list)
        for stretch in self.stretches:
            if stretch.epoch is not None and stretch.stage == TRAIN:
                groups[stretch.epoch].append(stretch)
        return [
            EpochCost(epoch, Fraction(_longest(groups[epoch]), SECOND), self._sum(groups[epoch]))
            for epoch in sorted(groups)
        ]

    def train_cost(self) -> Money | None:
        """The cost of the train stage, or of a command that named no stage."""
        for stage in (TRAIN, UNNAMED):
            group = [s for s in self.stretches if s.stage == stage]
            if group:
                return self._sum(group)
        return None

    def _sum(self, group: Sequence[Stretch]) -> Money | None:
        known = [s.estimated_cost for s in group if s.estimated_cost is not None]
        return Money.total(known, self.currency) if len(known) == len(group) else None


def _time(group: Iterable[Stretch]) -> int:
    return sum(s.interval.duration_ns for s in group)


def _longest(group: Sequence[Stretch]) -> int:
    """Time on the resource that spent most: nodes of one epoch train side by side."""
    by_resource: dict[str, int] = defaultdict(int)
    for stretch in group:
        by_resource[stretch.resource_id] += stretch.interval.duration_ns
    return max(by_resource.values())


def estimate_run(
    run: RunRecord, others: Sequence[Claim] = (), *, network_price: Price | NoPrice | None = None
) -> Estimate:
    """Estimate *run*.

    Args:
        run: its segments with stamped prices.
        others: claims of other runs on the same resources; where claims exceed a resource they
            share it, so the estimates of all runs never exceed the price of the machine.
        network_price: per GB of the run's stated traffic class; None where no class was stated.
    """
    currency = _currency(run)
    stretches = [
        stretch
        for resource_id in sorted({s.machine.resource_id for s in run.segments})
        for stretch in _resource_stretches(run, resource_id, others, currency)
    ]
    artifacts = [a for s in run.segments for a in s.artifacts]
    used = [s.price for s in stretches] + [a.price for a in artifacts] + [network_price]
    prices = dict.fromkeys(p for p in used if isinstance(p, Price) and p.currency == currency)
    unpriced = _unpriced_time(stretches)
    components: dict[Component, Money | None] = dict.fromkeys(Component, Money.zero(currency))
    for component in (Component.COMPUTE, Component.DATA):
        group = [s for s in stretches if s.component is component]
        known = [s.estimated_cost for s in group if s.estimated_cost is not None]
        components[component] = Money.total(known, currency) if known or not group else None
    components[Component.STORAGE], missing = _storage(run, currency)
    unpriced += missing
    components[Component.NETWORK], missing = _network(run, currency, network_price)
    unpriced += missing
    idle = [s.idle_cost for s in stretches if s.idle_cost is not None]
    return Estimate(
        currency=currency,
        stretches=tuple(stretches),
        components=components,
        idle_cost=Money.total(idle, currency) if idle else None,
        unpriced=tuple(unpriced),
        prices=tuple(prices),
    )


def _currency(run: RunRecord) -> str:
    """The currency of the first price that a segment carries; one estimate has one currency."""
    marks = (mark.price for segment in run.segments for mark in segment.prices)
    return next((price.currency for price in marks if isinstance(price, Price)), "USD")


def _resource_stretches(
    run: RunRecord, resource_id: str, others: Sequence[Claim], currency: str
) -> list[Stretch]:
    own = merge_claims(c for c in run.claims() if c.resource_id == resource_id)
    foreign = merge_claims(c for c in others if c.resource_id == resource_id and c.run != run.id)
    segments = [s for s in run.segments if s.machine.resource_id == resource_id]
    ledger = _Ledger(currency)
    stretches: list[Stretch] = []
    held = holdings([*own, *foreign])
    claimed: dict[Interval, Fraction] = defaultdict(Fraction)
    for holding in held:
        claimed[holding.interval] += holding.share
    for holding in held:
        if holding.claim.run == run.id:
            idle_share = 1 - claimed[holding.interval]
            stretches.extend(_cut(holding, idle_share, segments, ledger))
    return stretches


class _Ledger:
    """Running sums of each price on one resource: what makes rounding cumulative."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._sums: dict[tuple[Price, str], tuple[Fraction, Fraction, int]] = {}
        """Nano per quantum, quanta so far, nano so far."""

    def charge(self, price: Price, book: str, quanta: Fraction) -> Money:
        """The nano between the running total before *quanta* and after, each rounded half up."""
        key = (price, book)
        if key not in self._sums:
            self._sums[key] = (price.per_quantum * NANO, Fraction(0), 0)
        rate, before, charged = self._sums[key]
        exact = rate * (before + quanta)
        rounded = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
        self._sums[key] = (rate, before + quanta, rounded)
        return Money(rounded - charged, price.currency)


def _cut(
    holding: Holding, idle_share: Fraction, segments: Sequence[Segment], ledger: _Ledger
) -> Iterable[Stretch]:
    """One holding cut wherever the stage, the epoch, the price or the recording segment changes."""
    edges = {holding.interval.start_ns, holding.interval.end_ns}
    for segment in segments:
        start_ns = segment.started_wall_ns
        edges.update((start_ns, segment.interval.end_ns))
        edges.update(start_ns + mark.at_ns for mark in segment.stages)
        edges.update(start_ns + mark.at_ns for mark in segment.prices)
    inside = sorted(e for e in edges if holding.interval.start_ns <= e <= holding.interval.end_ns)
    for start_ns, end_ns in itertools.pairwise(inside):
        active = [
            s for s in segments if s.interval.start_ns <= start_ns < s.interval.end_ns
        ] or list(segments)
        price = min((_price_at(s, start_ns, ledger.currency) for s in active), key=_trust)
        if isinstance(price, NoPrice):
            price = _stated_beside(active, segments, start_ns, ledger.currency) or price
        mark = _stage_at(_speaker(active), start_ns)
        amount = idle = None
        if isinstance(price, Price):
            length = end_ns - start_ns
            amount = ledger.charge(price, "held", holding.share * length)
            idle = ledger.charge(price, "idle", idle_share * length)
        yield Stretch(
            holding.claim.resource_id,
            Interval(start_ns, end_ns),
            holding.share,
            holding.claim.share,
            mark.stage,
            mark.epoch,
            price,
            amount,
            idle,
        )


def _stated_beside(
    active: Sequence[Segment], segments: Sequence[Segment], at_ns: int, currency: str
) -> Price | None:
    """What a process of the run stated for the machine, before it began or after it had ended.

    A wrapper that knows no price lasts a moment longer than the training that states one. Only who
    ran beside one of *active* speaks for it: the last who had begun, else the first who will.
    """
    spoken = [
        (segment, price)
        for segment in sorted(segments, key=lambda s: (s.started_wall_ns, s.id))
        if any(segment.interval.overlap_ns(one.interval) for one in active)
        and isinstance(price := _price_at(segment, at_ns, currency), Price)
        and price.origin == "stated"
    ]
    begun = [price for segment, price in spoken if segment.started_wall_ns <= at_ns]
    return begun[-1] if begun else spoken[0][1] if spoken else None


def _trust(price: Price | NoPrice) -> int:
    return ORIGINS.index(price.origin) if isinstance(price, Price) else len(ORIGINS)


def _speaker(active: Sequence[Segment]) -> Segment:
    """Whose stages count: training code before its wrapper, low ranks before high."""
    return min(active, key=lambda s: (s.is_wrapper, not s.stages, s.rank, s.started_wall_ns))


def _price_at(segment: Segment, at_ns: int, currency: str) -> Price | NoPrice:
    """The price in force; the first one stamped also holds for the time before it was found."""
    if not segment.prices:
        return NoPrice(segment.machine.resource_id, "no price was looked up yet")
    since_ns = at_ns - segment.started_wall_ns
    index = bisect_right(segment.prices, since_ns, key=lambda mark: mark.at_ns)
    price = segment.prices[max(0, index - 1)].price
    if isinstance(price, Price) and price.currency != currency:
        return NoPrice(price.sku, f"its price is in {price.currency}, the run's is in {currency}")
    return price


def _stage_at(segment: Segment, at_ns: int) -> StageMark:
    if not segment.stages:
        return StageMark(0, UNNAMED if segment.is_wrapper else SETUP)
    since_ns = at_ns - segment.started_wall_ns
    index = bisect_right(segment.stages, since_ns, key=lambda mark: mark.at_ns)
    return segment.stages[max(0, index - 1)]


def _unpriced_time(stretches: Sequence[Stretch]) -> list[Unpriced]:
    groups: dict[NoPrice, Fraction] = defaultdict(Fraction)
    for stretch in stretches:
        if isinstance(stretch.price, NoPrice):
            groups[stretch.price] += stretch.share * stretch.interval.duration_ns
    return [
        Unpriced("machine time", f"{float(quanta / HOUR):.6f} h", f"{missing.sku}: {missing.why}")
        for missing, quanta in groups.items()
    ]


def _storage(run: RunRecord, currency: str) -> tuple[Money | None, list[Unpriced]]:
    amounts = []
    missing: dict[tuple[str, str], list[Artifact]] = defaultdict(list)
    for artifact in (a for s in run.segments for a in s.artifacts):
        byte_ns = artifact.byte_ns
        if byte_ns is None:
            missing[artifact.role, "its size is unknown"].append(artifact)
        elif isinstance(artifact.price, Price) and artifact.price.currency == currency:
            amounts.append(artifact.price.of(byte_ns))
        elif byte_ns:
            why = _why_not(artifact.price, currency, "no storage price was looked up")
            missing[artifact.role, why].append(artifact)
    unpriced = [
        Unpriced(f"{role} storage", _held_text(artifacts), why)
        for (role, why), artifacts in missing.items()
    ]
    return (Money.total(amounts, currency) if amounts or not unpriced else None), unpriced


def _held_text(artifacts: Sequence[Artifact]) -> str:
    """What is held: the file where it is one, and byte-hours."""
    byte_ns = sum((a.byte_ns or Fraction(0) for a in artifacts), Fraction(0))
    uris = {a.uri for a in artifacts}
    what = uris.pop() if len(uris) == 1 else f"{len(uris)} files"
    return f"{float(byte_ns / (GIB * HOUR)):.9f} GB-hours of {what}"


def _why_not(price: Price | NoPrice | None, currency: str, otherwise: str) -> str:
    if isinstance(price, NoPrice):
        return price.why
    return otherwise if price is None else f"its price is in {price.currency}, not in {currency}"


def _network(
    run: RunRecord, currency: str, price: Price | NoPrice | None
) -> tuple[Money | None, list[Unpriced]]:
    """Bytes sent, once per machine: the segments of one machine see the same interfaces."""
    by_machine: dict[tuple[str, int], int] = defaultdict(int)
    for attempt in run.attempts:
        for segment in attempt.segments:
            key = (segment.machine.resource_id, attempt.number)
            by_machine[key] = max(by_machine[key], segment.totals.net_tx_bytes or 0)
    sent = sum(by_machine.values())
    if sent == 0:
        measured = any(s.totals.net_tx_bytes is not None for s in run.segments)
        return (Money.zero(currency) if measured else None), []
    if isinstance(price, Price) and price.currency == currency:
        return price.of(sent), []
    why = _why_not(price, currency, "class unknown: internet, inter-region, inter-zone or local")
    return None, [Unpriced("network bytes sent", f"{sent} bytes", why)]
