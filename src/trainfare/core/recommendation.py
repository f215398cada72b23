"""Recommendations: what to do, which dollars of the history it would have saved, and how that is known.

A *stake* is an amount that a recommendation would have saved of one *slot*: what one run or
resource cost in one billing period for one component. :func:`settle` gives every dollar to one
recommendation, so that savings add up and are never more than what was paid:

    granted stake = asked stake × (what earlier kinds left of the slot ÷ what was paid for it)

What doing it costs once is taken off the grant; where no more than that is granted, nothing is.

Kinds follow one another in the order of :class:`Kind`: first what nobody used, then what was used
without need, then what could be bought cheaper. Stakes of one kind on one slot are of different
dollars; they are cut off where the slot is used up.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from trainfare.core.charge import Component
from trainfare.core.errors import BadInput
from trainfare.core.money import Money


class Kind(StrEnum):
    """What a recommendation is about, in order of precedence: usage before rate."""

    IDLE = "idle"
    STORAGE = "storage"
    NETWORK = "network"
    EXPERIMENTS = "experiments"
    EFFICIENCY = "efficiency"
    RIGHTSIZE = "rightsize"
    SPOT = "spot"
    COMMITMENT = "commitment"


class Confidence(StrEnum):
    """How sure the expected saving is."""

    HIGH = "high"
    """Measured on all that it claims."""
    MEDIUM = "medium"
    """Measured on most of it, or replayed on few runs."""
    LOW = "low"
    """Estimated from data sheets or from runs of others."""


class Effort(StrEnum):
    """What it takes to do it."""

    LOW = "low"
    """A setting, or a command."""
    MEDIUM = "medium"
    """A change of the training's code or of its job script."""
    HIGH = "high"
    """A change of how people work, or a project."""


class Slot(NamedTuple):
    """What *owner* cost in *period* for *component*; a tuple, for a fleet's year is millions of them."""

    owner: str
    """``run:ID``, ``resource:NAME`` or ``data:URI``."""
    period: str
    """Billing period, ``YYYY-MM``."""
    component: Component = Component.COMPUTE


def run_slot(run: str, period: str, component: Component = Component.COMPUTE) -> Slot:
    """The slot of a run's own cost."""
    return Slot(f"run:{run}", period, component)


def resource_slot(name: str, period: str, component: Component = Component.COMPUTE) -> Slot:
    """The slot of what a resource cost at times when no run had it."""
    return Slot(f"resource:{name}", period, component)


def data_slot(uri: str, period: str) -> Slot:
    """The slot of what it costs to keep a dataset, checkpoint or output."""
    return Slot(f"data:{uri}", period, Component.STORAGE)


@dataclass(frozen=True, slots=True)
class Stake:
    """*saving* of what *slot* cost would not have been paid."""

    slot: Slot
    saving: Money

    def __post_init__(self) -> None:
        if self.saving.nano < 0:
            raise BadInput(f"a stake of {self.saving} on {self.slot.owner} saves nothing")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do about one subject, and what it would have saved in the history that was looked at.

    >>> one = Recommendation(Kind.IDLE, "low_use", "team=nlp", "Stop idle GPUs", "…", method="…")
    >>> one.id, one.saving().text()
    ('idle-381a99f605', '0.000000000')
    """

    kind: Kind
    rule: str
    """Which of the kind's rules found it, in snake case."""
    subject: str
    """What it is about: an owner, an experiment, a resource. With kind and rule it makes the id."""
    title: str
    action: str
    """What to do, in one or two sentences."""
    method: str
    """How the saving was computed."""
    stakes: tuple[Stake, ...] = ()
    """All in one currency; their sum is the expected saving over the history."""
    scope: tuple[Slot, ...] = ()
    """Everything that the subject costs, also where there is nothing to save: what a saving is a
    part of, and what it is later measured on. Empty: the slots of the stakes alone."""
    low: Fraction = Fraction(1)
    """The low end of the interval as a part of the expected saving; below 0 it may cost more."""
    high: Fraction = Fraction(1)
    """The high end, likewise; what it comes to is never more than was paid."""
    once: Money | None = None
    """What doing it costs once, whatever is left to save: taken off what is granted."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Runs, charges, hours and whatever else shows it; as JSON, money as text."""
    assumptions: tuple[str, ...] = ()
    confidence: Confidence = Confidence.HIGH
    effort: Effort = Effort.LOW
    risk: str = ""
    """What may go wrong when it is done; empty where nothing is known."""
    checked: str = ""
    """How it was held against history."""

    def __post_init__(self) -> None:
        if not self.low <= 1 <= self.high:
            raise BadInput(f"{self.id}: an interval of {self.low} to {self.high} misses the middle")
        if len({stake.saving.currency for stake in self.stakes}) > 1:
            raise BadInput(f"{self.id}: its stakes are in several currencies; make one of each")

    @property
    def id(self) -> str:
        """The same for the same advice on the same subject, however often it is computed."""
        words = f"{self.kind}\n{self.rule}\n{self.subject}\n{self.currency}"
        return f"{self.kind}-{hashlib.sha256(words.encode()).hexdigest()[:10]}"

    @property
    def currency(self) -> str:
        """Of its stakes."""
        return self.stakes[0].saving.currency if self.stakes else "USD"

    def saving(self) -> Money:
        """What it asks for, before precedence, less what doing it costs."""
        asked = sum(stake.saving.nano for stake in self.stakes)
        return Money(max(0, asked - (self.once.nano if self.once else 0)), self.currency)


@dataclass(frozen=True, slots=True)
class NoAdvice:
    """What was looked at and is not recommended, and why: not worth it, or not known enough."""

    kind: Kind
    rule: str
    subject: str
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation with the dollars that precedence gave to it, over the whole history."""

    recommendation: Recommendation
    stakes: tuple[Stake, ...]
    """What was granted."""
    bases: Mapping[str, Money]
    """Period → what was paid for its scope."""
    left: Money
    """What kinds before it left of its scope."""
    months: int
    """How many billing periods the history has."""

    @property
    def base(self) -> Money:
        """What was paid for its scope in all periods."""
        return Money.total(self.bases.values(), self.recommendation.currency)

    @property
    def granted(self) -> dict[str, Money]:
        """Period → what would not have been paid."""
        found = {stake.slot.period: Money.zero(stake.saving.currency) for stake in self.stakes}
        for stake in self.stakes:
            found[stake.slot.period] += stake.saving
        return dict(sorted(found.items()))

    @property
    def saving(self) -> Money:
        """The expected saving per month of the history."""
        return self._per_month(Fraction(1))

    @property
    def saving_low(self) -> Money:
        """The low end, likewise."""
        return self._per_month(self.recommendation.low)

    @property
    def saving_high(self) -> Money:
        """The high end, likewise: never more than what was left to save."""
        most = Money.nearest(Fraction(self.left.nano, self.months * 10**9), self.left.currency)
        return min(self._per_month(self.recommendation.high), max(most, self.saving))

    @property
    def base_per_month(self) -> Money:
        """What the saving is a part of."""
        return Money.nearest(Fraction(self.base.nano, self.months * 10**9), self.base.currency)

    @property
    def share(self) -> Fraction | None:
        """The expected saving as a part of its base; None where nothing was paid."""
        granted = sum(stake.saving.nano for stake in self.stakes)
        return Fraction(granted, self.base.nano) if self.base else None

    def _per_month(self, part: Fraction) -> Money:
        granted = sum(stake.saving.nano for stake in self.stakes)
        return Money.nearest(part * granted / (self.months * 10**9), self.base.currency)


def settle(
    recommendations: Iterable[Recommendation], paid: Mapping[Slot, Money], months: int
) -> list[Advice]:
    """Give every dollar of *paid* to at most one recommendation; the largest saving first.

    Laws: the granted stakes of a slot sum to at most what was paid for it; a stake on a slot that
    nobody paid for, or paid in another currency, is granted nothing; the order of
    *recommendations* does not matter.

    Args:
        recommendations: at most one per id.
        paid: what was paid for each slot in the history.
        months: billing periods of the history, at least 1; a part of one counts as one, so that a
            short history is never stretched.

    Raises:
        BadInput: an id occurs twice, or there is no month.
    """
    if months < 1:
        raise BadInput(f"a history of {months} months says nothing")
    ordered = sorted(recommendations, key=_precedence)
    ids = [one.id for one in ordered]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise BadInput(f"recommendation {twice} was made twice; a subject is advised once")
    left = {slot: max(0, amount.nano) for slot, amount in paid.items()}
    advice: list[Advice] = []
    for kind in Kind:
        group = [one for one in ordered if one.kind is kind]
        advice.extend(_grant(group, paid, left, months))
    return sorted(advice, key=lambda a: (-a.saving.nano, a.recommendation.id))


def _precedence(one: Recommendation) -> tuple[int, int, str]:
    return list(Kind).index(one.kind), -one.saving().nano, one.id


def _grant(
    group: Sequence[Recommendation],
    paid: Mapping[Slot, Money],
    left: dict[Slot, int],
    months: int,
) -> list[Advice]:
    """The grants of one kind; *left* is what remains of every slot, and shrinks."""
    before = {
        stake.slot: left[stake.slot] for one in group for stake in one.stakes if stake.slot in left
    }
    result = []
    for one in group:
        currency = one.currency
        asked: dict[Slot, int] = defaultdict(int)
        for stake in one.stakes:
            if stake.slot in before and paid[stake.slot].currency == currency:
                asked[stake.slot] += stake.saving.nano
        there = sum(
            left[slot]
            for slot in {*one.scope, *asked}
            if slot in left and paid[slot].currency == currency
        )
        granted = []
        for slot, nano in sorted(asked.items()):
            whole = max(0, paid[slot].nano)
            part = min(left[slot], nano * before[slot] // whole) if whole else 0
            left[slot] -= part
            granted.append(Stake(slot, Money(part, currency)))
        granted = _less_once(one, granted, left)
        base = _base(one, asked, paid)
        result.append(Advice(one, tuple(granted), base, Money(there, currency), months))
    return result


def _less_once(one: Recommendation, granted: list[Stake], left: dict[Slot, int]) -> list[Stake]:
    """*granted* less what doing it costs once; what that takes is still paid, so it is left."""
    whole = sum(stake.saving.nano for stake in granted)
    if one.once is None or not whole:
        return granted
    net = max(0, whole - one.once.nano)
    parts = [stake.saving.nano * net // whole for stake in granted]
    for stake, part in zip(granted, parts, strict=True):
        left[stake.slot] += stake.saving.nano - part
    return [
        Stake(stake.slot, Money(part, one.currency))
        for stake, part in zip(granted, parts, strict=True)
    ]


def _base(
    one: Recommendation, asked: Iterable[Slot], paid: Mapping[Slot, Money]
) -> Mapping[str, Money]:
    """Period → what the scope of *one* cost, with every slot of *asked*."""
    base: dict[str, int] = defaultdict(int)
    for slot in {*one.scope, *asked}:
        amount = paid.get(slot)
        if amount is not None and amount.currency == one.currency and amount.nano > 0:
            base[slot.period] += amount.nano
    return {period: Money(nano, one.currency) for period, nano in sorted(base.items())}
