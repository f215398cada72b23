"""Faults: what goes wrong with the records of a month, and a ledger that says where.

The truth does not change: runs ran as they did and bills cost what they cost. What is recorded of
it is cut short, shifted, lost, mislabelled or late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from trainfare.core.claim import Claim
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, Interval
from trainfare.simulation.fleet import Machine, Tags, Venue
from trainfare.simulation.schedule import TrueRun
from trainfare.simulation.seed import stream


class Source(StrEnum):
    """What recorded a claim."""

    METER = "meter"
    """Trainfare's own meter, or any sheet of bookings: the generic CSV of claims."""
    SLURM = "slurm"
    KUBERNETES = "kubernetes"
    SAGEMAKER = "sagemaker"


SOURCES = {
    Venue.SLURM: Source.SLURM,
    Venue.KUBERNETES: Source.KUBERNETES,
    Venue.MANAGED: Source.SAGEMAKER,
}
"""Venue → what records its claims; the meter does elsewhere."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What was recorded of an attempt on one machine."""

    claim: Claim
    source: Source


@dataclass(frozen=True, slots=True)
class Faults:
    """How much of each kind of record goes wrong; 0 is none, 1 is all of it."""

    lost_heartbeats: float = 0.0
    """Of metered attempts: the last part is not recorded."""
    missing_claims: float = 0.0
    """Of runs: nothing is recorded."""
    clock_skew: float = 0.0
    """Of metered machines: the clock is off by up to ten minutes."""
    stale_tags: float = 0.0
    """Of shared machines: they carry the id of the first run that used them."""
    wrong_tags: float = 0.0
    """Of machines started for a run: they carry the id of another."""
    late_corrections: float = 0.0
    """Of machine hours (a twentieth of it): the next month's bill takes some of it back."""
    duplicated_delivery: bool = False
    """The last delivery of every bill comes twice."""
    restated_delivery: bool = False
    """Every bill comes while the month is open, and again, changed, when it is closed."""
    day_grain: bool = False
    """AWS bills by the day as well; Azure and the small GPU cloud always do."""

    def __post_init__(self) -> None:
        for name in RATES:
            rate = getattr(self, name)
            if not 0 <= rate <= 1:
                raise BadInput(f"faults: {name} {rate} is not a rate from 0 to 1")


RATES = (
    "lost_heartbeats",
    "missing_claims",
    "clock_skew",
    "stale_tags",
    "wrong_tags",
    "late_corrections",
)
"""The faults that are rates."""

NO_FAULTS = Faults()
"""Every record is right."""

USUAL_FAULTS = Faults(
    lost_heartbeats=0.03,
    missing_claims=0.02,
    clock_skew=0.05,
    stale_tags=0.2,
    wrong_tags=0.03,
    late_corrections=0.2,
    duplicated_delivery=True,
    restated_delivery=True,
)
"""A month like others: a little of everything."""

ALL_FAULTS = Faults(
    lost_heartbeats=0.1,
    missing_claims=0.05,
    clock_skew=0.2,
    stale_tags=0.3,
    wrong_tags=0.1,
    late_corrections=0.3,
    duplicated_delivery=True,
    restated_delivery=True,
    day_grain=True,
)
"""A bad month."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong: a kind (a field of :class:`Faults`), where, and how."""

    kind: str
    subject: str
    detail: str


def mistagged(
    seed: int, machines: Sequence[Machine], runs: Sequence[TrueRun], faults: Faults
) -> tuple[list[Machine], list[Fault]]:
    """*machines* with stale and wrong tags, and the ledger of them."""
    first: dict[str, tuple[int, str]] = {}
    for run in runs:
        for attempt in run.attempts:
            for machine_id, _ in attempt.holds:
                start_ns = attempt.interval.start_ns
                first[machine_id] = min(
                    first.get(machine_id, (start_ns, run.id)), (start_ns, run.id)
                )
    others = [machine.run for machine in machines if machine.run is not None]
    found, ledger = [], []
    for machine in machines:
        stale, wrong = stream(seed, "stale", machine.id), stream(seed, "wrong", machine.id)
        tags = machine.tags
        if machine.run is None and machine.id in first and stale.random() < faults.stale_tags:
            earlier = first[machine.id][1]
            tags = _tagged(tags, earlier)
            ledger.append(Fault("stale_tags", machine.id, f"carries {earlier}, its first run"))
        if machine.run is not None and wrong.random() < faults.wrong_tags:
            other = wrong.choice([run for run in others if run != machine.run] or ["nobody"])
            tags = _tagged(tags, other)
            ledger.append(Fault("wrong_tags", machine.id, f"carries {other}, not {machine.run}"))
        found.append(machine if tags is machine.tags else replace(machine, tags=tags))
    return found, ledger


def _tagged(tags: Tags, run: str) -> Tags:
    """*tags* with the run's id in them."""
    return tuple(sorted({**dict(tags), "run_id": run}.items()))


def recorded(seed: int, runs: Iterable[TrueRun], faults: Faults) -> tuple[list[Trace], list[Fault]]:
    """What is recorded of *runs*, and the ledger of what is not, or not right."""
    traces: list[Trace] = []
    ledger: list[Fault] = []
    skews: dict[str, int] = {}
    for run in runs:
        if stream(seed, "missing", run.id).random() < faults.missing_claims:
            ledger.append(Fault("missing_claims", run.id, "nothing of it is recorded"))
            continue
        source = SOURCES.get(run.venue, Source.METER)
        for attempt in run.attempts:
            seen = attempt.interval
            if source is Source.METER:
                rng = stream(seed, "lost", run.id, attempt.number)
                if rng.random() < faults.lost_heartbeats:
                    seconds = seen.duration_ns // SECOND
                    kept = seconds * rng.randrange(40, 95) // 100
                    seen = Interval(seen.start_ns, seen.start_ns + kept * SECOND)
                    what = f"attempt {attempt.number}: the last {seconds - kept} s are missing"
                    ledger.append(Fault("lost_heartbeats", run.id, what))
            for resource_id, share in attempt.holds:
                stretch = seen
                if source is Source.METER:
                    skew_ns = _skew(seed, resource_id, faults, skews, ledger)
                    stretch = Interval(seen.start_ns + skew_ns, seen.end_ns + skew_ns)
                claim = Claim(run.id, attempt.number, resource_id, stretch, share)
                traces.append(Trace(claim, source))
    return traces, ledger


def _skew(
    seed: int, machine_id: str, faults: Faults, known: dict[str, int], ledger: list[Fault]
) -> int:
    """How far a machine's clock is off, in nanoseconds; noted when it is first asked for."""
    if machine_id not in known:
        rng = stream(seed, "skew", machine_id)
        seconds = rng.choice((-1, 1)) * rng.randrange(30, 600)
        is_off = rng.random() < faults.clock_skew
        known[machine_id] = seconds * SECOND if is_off else 0
        if is_off:
            ledger.append(Fault("clock_skew", machine_id, f"its clock is off by {seconds:+d} s"))
    return known[machine_id]
