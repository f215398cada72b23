"""History: what advice is held against — what was paid, which runs there were, what GPUs did.

Everything here was measured or billed. What nobody measured is not in it: a run without telemetry
has no stretches of low use, and is never called idle for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.core.claim import Claim
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, Interval
from trainfare.core.recommendation import Slot

OWNER_KEYS = ("team", "project", "experiment", "model")
"""Labels that say whose a run is, the first that it has."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of the history, metered here or known from claims."""

    run: str
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    interval: Interval | None = None
    """From its first start to its last end."""
    status: str | None = None
    """None where only claims tell of it."""
    ending: str | None = None
    """Its status, with what was killed told apart: cancelled, or crashed."""
    is_notebook: bool = False
    stages: tuple[tuple[Interval, str], ...] = ()
    """What its training said it was doing, in order of time; empty where it said nothing."""
    parents: tuple[str, ...] = ()
    """Runs whose result it began from."""

    @property
    def owner(self) -> str:
        """Whose it is: ``team=nlp``, or the run itself where no label says."""
        for key in OWNER_KEYS:
            if key in self.labels:
                return f"{key}={self.labels[key]}"
        return f"run={self.name or self.run}"


@dataclass(frozen=True, slots=True)
class PastMachine:
    """A machine with GPUs, when it was paid for and who held it."""

    place: str
    """The one name of the machine."""
    name: str
    """As the bill spells it."""
    instance_type: str | None
    gpus: Fraction
    paid: tuple[Interval, ...]
    """The stretches that its charges cover, in order; touching ones are one."""
    is_whole: bool
    """Whether it was paid for all of that time, so that every gap is known to the second."""
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuPart:
    """What one owner has of a machine's day in one state: GPU time and money, as utilization has it."""

    place: str
    day: int
    """Days since 1970-01-01; below 0 where a charge has no day."""
    run: str | None
    state: str
    gpu_ns: int
    amount: Money

    @property
    def period(self) -> str | None:
        """The month of its day."""
        return None if self.day < 0 else str(BillingPeriod.of(self.day * DAY))

    @property
    def interval(self) -> Interval:
        """Its day."""
        return Interval(self.day * DAY, (self.day + 1) * DAY)


@dataclass(frozen=True, slots=True)
class History:
    """Everything that advice is computed from."""

    periods: tuple[str, ...]
    """Months in which something was used, in order: of a bill those with more than corrections,
    credits and taxes."""
    book: str
    """``billed``: effective cost of the allocated bill; ``estimated``: of the runs metered here."""
    now_ns: int
    paid: Mapping[Slot, Money]
    """What every run, resource and kept datum cost, by month and component."""
    runs: Mapping[str, PastRun] = field(default_factory=dict)
    machines: Sequence[PastMachine] = ()
    parts: Sequence[GpuPart] = ()
    """GPU time and money by state; they sum to what was paid for the machines."""
    low: Mapping[tuple[str, str], Sequence[Interval]] = field(default_factory=dict)
    """(run, place) → stretches of low use, of each GPU by itself, in absolute time."""
    accepted: frozenset[tuple[str, str]] = frozenset()
    """(rule, subject) of advice that was accepted: a rule speaks of these also where nothing is
    left to save, so that what was saved can be measured."""
