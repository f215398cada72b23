"""Trips: one run as the finders of savings see it, in plain figures; None is "not measured"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.core.money import Money
from trainfare.core.profile import DeviceProfile
from trainfare.core.recommendation import Slot, Stake
from trainfare.core.stage import Status


@dataclass(frozen=True, slots=True)
class Trip:
    """One run: what it did, on what, and what it paid."""

    run: str
    family: str
    """Runs of one family do the same kind of work: their labels apart from seed and version."""
    status: Status
    currency: str
    paid: Mapping[Slot, Money]
    """What its machines' time cost, by billing period."""
    hours: float
    """In attempts, by the clock."""
    machines: int
    devices: int
    """Accelerators that it holds, on all machines."""
    accelerator: str
    """Canonical; empty where it has none, or several kinds."""
    device_gb: float | None = None
    provider: str | None = None
    region: str | None = None
    instance: str | None = None
    option: str | None = None
    """on_demand, spot …; None where nobody knows."""
    price_per_hour: Fraction | None = None
    """Of one machine."""
    share: Fraction = Fraction(1)
    """Of each machine."""
    machine_cpus: int | None = None
    steps: int | None = None
    samples: int | None = None
    tokens: int | None = None
    epochs: int | None = None
    stage_hours: Mapping[str, float] = field(default_factory=dict)
    """Stage → machine-hours; they sum to all of them."""
    wait_hours: float | None = None
    """Machine-hours in which the training loop waited for its data."""
    checkpoints: int = 0
    evaluations: int = 0
    attempts: int = 1
    preemptions: int = 0
    """Attempts that a kill ended and another followed."""
    dtype: str | None = None
    mfu: float | None = None
    memory_gb: float | None = None
    """The most that was used of one accelerator's memory."""
    active: float | None = None
    """Share of time with any kernel running."""
    profile: DeviceProfile | None = None
    cpu_hours: float | None = None
    """Core-hours."""
    host_gb: float | None = None
    """The most host memory that it used."""
    read_bytes: int | None = None
    """Of datasets that it named."""

    @property
    def machine_hours(self) -> float:
        """Of all machines, in all stages."""
        return sum(self.stage_hours.values())

    @property
    def device_hours(self) -> float:
        """Of accelerators."""
        return self.machine_hours * self.devices / self.machines if self.machines else 0.0

    @property
    def has_stages(self) -> bool:
        """Whether it said what it was doing: without a word all of it counts as setup."""
        return not {"setup", "finish"}.issuperset(self.stage_hours)

    @property
    def total(self) -> Money:
        """What its machines' time cost."""
        return Money(sum(amount.nano for amount in self.paid.values()), self.currency)

    @property
    def paid_per_hour(self) -> float | None:
        """What a whole machine really cost it an hour, to compare; None before any time passed."""
        held = self.machine_hours * float(self.share)
        return self.total.nano / 1e9 / held if held else None

    def stake(self, part: float) -> list[Stake]:
        """*part* of what it paid, 0 to 1, over its billing periods; each amount rounded once, half up."""
        billionths = round(min(1.0, max(0.0, part)) * 10**9)
        return [
            Stake(slot, Money((billionths * amount.nano + 5 * 10**8) // 10**9, amount.currency))
            for slot, amount in self.paid.items()
            if amount.nano > 0
        ]


UNITS = ("tokens", "samples", "steps", "epochs")
"""What work is counted in, the one that depends least on how a run was set up first."""


def common_unit(trips: Iterable[Trip]) -> str | None:
    """The first unit that all of *trips* counted; None where there is none."""
    group = list(trips)
    return next((unit for unit in UNITS if all(getattr(t, unit) for t in group)), None)


def hours_per(trip: Trip, unit: str) -> float:
    """Hours of its train stage for one *unit* of work, by the clock."""
    train = sum(trip.stage_hours.get(stage, 0.0) for stage in ("train", "run"))
    spent = (train or trip.machine_hours) / trip.machines
    return spent / int(getattr(trip, unit))


def device_hours_per(trip: Trip, unit: str) -> float:
    """Accelerator-hours of its train stage for one *unit* of work."""
    return hours_per(trip, unit) * trip.devices


def total_of(trips: Iterable[Trip], currency: str) -> Money:
    """What they paid together."""
    return Money(sum(trip.total.nano for trip in trips), currency)
