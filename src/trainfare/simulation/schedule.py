"""Schedules: plans find machines, and become runs with attempts.

A run waits for free GPUs in its venue; one that finds none within a dozen tries gets an instance of
its own. Preempted runs go on some minutes later, on whichever machines are free then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from random import Random

from trainfare.core.period import SECOND, Interval
from trainfare.simulation.company import Plan
from trainfare.simulation.fleet import (
    ACCOUNTS,
    G5,
    ML_G5,
    ML_P4,
    P4,
    P5,
    REGIONS,
    Machine,
    MachineType,
    Tags,
    Venue,
    dedicated_machine,
)
from trainfare.simulation.line import Provider

CLUSTER = "hpc"
"""Name of the Slurm cluster."""

_TRIES = 12
_TICK_S = {Venue.KUBERNETES: 36}
"""Kubernetes' times are hundredths of an hour, so that OpenCost's GPU-hours are exact."""


class Ending(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"


class Habit(StrEnum):
    """What a run does that need not be, by the rule of advice that speaks of it."""

    DUPLICATE = "duplicate"
    FAILED_AGAIN = "failed_again"
    DIVERGED = "diverged"
    NEVER_USED = "never_used"
    KEPT_AFTER_TRAINING = "kept_after_training"
    UNREAD_CHECKPOINTS = "unread_checkpoints"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One uninterrupted stretch of a run."""

    number: int
    interval: Interval
    holds: tuple[tuple[str, Fraction], ...]
    """Machine (or job ARN) and the share of it."""
    ending: Ending


@dataclass(frozen=True, slots=True)
class TrueRun:
    """A run as it really was."""

    id: str
    labels: Tags
    user: str
    venue: Venue
    type: MachineType
    """Of its machines; of the first of them where they differ."""
    nodes: int
    attempts: tuple[Attempt, ...]
    job: str = ""
    """Slurm's job id, or the ARN of the managed job."""
    is_named: bool = True
    """Whether the scheduler was told the run's id."""
    habit: Habit | None = None
    """How it wastes money, where that was planted."""
    error: str = ""
    """What it failed with."""


@dataclass(slots=True)
class Calendar:
    """Which GPUs of which machine are taken when; times in seconds since the epoch."""

    machines: Sequence[Machine]
    taken: dict[str, list[tuple[int, int, int]]]

    @classmethod
    def of(cls, machines: Sequence[Machine]) -> Calendar:
        """An empty calendar."""
        return cls(machines, defaultdict(list))

    def is_free(self, machine: Machine, start: int, end: int, gpus: int) -> bool:
        """Whether *machine* lives and has *gpus* free all the time from *start* to *end*."""
        life = machine.life
        if life.start_ns > start * SECOND or end * SECOND > life.end_ns:
            return False
        busy = [b for b in self.taken[machine.id] if b[0] < end and start < b[1]]
        peak = max(
            (
                sum(other[2] for other in busy if other[0] <= at < other[1])
                for at in [start, *(begin for begin, _, _ in busy if begin > start)]
            ),
            default=0,
        )
        return peak + gpus <= machine.type.gpus

    def book(self, machine: Machine, start: int, end: int, gpus: int) -> None:
        """Take *gpus* GPUs of *machine*."""
        self.taken[machine.id].append((start, end, gpus))


def schedule(
    rng: Random, plans: Iterable[Plan], machines: Sequence[Machine], window: Interval
) -> tuple[list[TrueRun], list[Machine]]:
    """Place *plans* on *machines* within *window*.

    Returns:
        One run per plan, in their order; and the machines that were started for single runs.
    """
    calendar = Calendar.of(machines)
    runs, started = [], []
    for number, plan in enumerate(plans):
        run: TrueRun | None = None
        if plan.venue is Venue.MANAGED:
            run = _managed(rng, plan, window)
        elif plan.venue is not Venue.DEDICATED:
            run = _shared(rng, plan, number, calendar, window)
        if run is None:
            run, own = _dedicated(rng, plan, window)
            started.extend(own)
        runs.append(run)
    return runs, started


def _pieces(rng: Random, plan: Plan) -> list[int]:
    """The seconds of each attempt."""
    tick = _TICK_S.get(plan.venue, 1)
    cuts = sorted(rng.randrange(1, plan.seconds) for _ in range(plan.attempts - 1))
    edges = [0, *cuts, plan.seconds]
    lengths = (after - before for before, after in pairwise(edges))
    return [max(tick, length // tick * tick) for length in lengths]


def _start(rng: Random, window: Interval, seconds: int, after: int | None, tick: int) -> int:
    """When an attempt may begin: anywhere in *window*, or some minutes *after* the last one."""
    if after is not None:
        at = after + rng.randrange(60, 1800)
    else:
        first = window.start_ns // SECOND
        at = first + rng.randrange(max(1, window.duration_ns // SECOND - seconds))
    return -(-at // tick) * tick


def _shared(
    rng: Random, plan: Plan, number: int, calendar: Calendar, window: Interval
) -> TrueRun | None:
    """A run on machines that others use too; None if nothing is free for it."""
    crowded = [m for m in calendar.machines if m.venue is plan.venue and m.is_crowded]
    is_crowded = bool(crowded) and rng.random() < 0.3
    pool = [m for m in calendar.machines if m.venue is plan.venue and not m.is_crowded]
    tick = _TICK_S.get(plan.venue, 1)
    attempts: list[Attempt] = []
    used: list[Machine] = []
    after: int | None = None
    pieces = _pieces(rng, plan)
    for piece, seconds in enumerate(pieces):
        for _ in range(_TRIES):
            start = _start(rng, window, sum(pieces), after, tick)
            end = start + seconds
            rng.shuffle(pool)
            gpus = plan.gpus
            free = [m for m in pool if calendar.is_free(m, start, end, min(gpus, m.type.gpus))]
            chosen = crowded if is_crowded else free[: plan.nodes]
            if len(chosen) >= (1 if is_crowded else plan.nodes):
                break
        else:
            break
        holds = []
        for machine in chosen:
            held = machine.type.gpus if is_crowded else min(plan.gpus, machine.type.gpus)
            if not is_crowded:
                calendar.book(machine, start, end, held)
            holds.append((machine.id, Fraction(held, machine.type.gpus)))
        used.extend(chosen)
        ending = Ending.PREEMPTED if piece + 1 < len(pieces) else _ending(rng)
        stretch = Interval(start * SECOND, end * SECOND)
        attempts.append(Attempt(len(attempts) + 1, stretch, tuple(holds), ending))
        after = end
    if not attempts:
        return None
    return _run(rng, plan, number, used[0].type, attempts)


def _run(
    rng: Random, plan: Plan, number: int, machine_type: MachineType, attempts: list[Attempt]
) -> TrueRun:
    """A run under the name that its scheduler knows."""
    is_slurm = plan.venue is Venue.SLURM
    is_named = not is_slurm or rng.random() < 0.6
    job = f"{4000 + number}" if is_slurm else ""
    if is_slurm and rng.random() < 0.2:
        job += f"_{rng.randrange(1, 9)}"
    return TrueRun(
        id=plan.id if is_named else f"slurm-{CLUSTER}-{job.replace('_', '-')}",
        labels=plan.labels,
        user=plan.user,
        venue=plan.venue,
        type=machine_type,
        nodes=plan.nodes,
        attempts=tuple(attempts),
        job=job,
        is_named=is_named,
    )


def _ending(rng: Random) -> Ending:
    return rng.choices((Ending.COMPLETED, Ending.FAILED, Ending.CANCELLED), (8, 1, 1))[0]


def _stretches(rng: Random, plan: Plan, window: Interval) -> list[tuple[Interval, Ending]]:
    """The attempts of a run that need not wait for anybody."""
    pieces = _pieces(rng, plan)
    made: list[tuple[Interval, Ending]] = []
    after: int | None = None
    for piece, seconds in enumerate(pieces):
        start = _start(rng, window, sum(pieces), after, 1)
        after = start + seconds
        ending = Ending.PREEMPTED if piece + 1 < len(pieces) else _ending(rng)
        made.append((Interval(start * SECOND, after * SECOND), ending))
    return made


def _dedicated(rng: Random, plan: Plan, window: Interval) -> tuple[TrueRun, list[Machine]]:
    """A run with an instance of its own for every attempt."""
    machine_type = rng.choice((G5, G5, P4, P5))
    tags = tuple(sorted((("run_id", plan.id), *plan.labels)))
    attempts, machines = [], []
    is_spot = plan.attempts > 1 or rng.random() < 0.3
    for number, (stretch, ending) in enumerate(_stretches(rng, plan, window), start=1):
        machine = dedicated_machine(rng, machine_type, stretch, plan.id, tags, is_spot=is_spot)
        machines.append(machine)
        attempts.append(Attempt(number, stretch, ((machine.id, Fraction(1)),), ending))
    run = TrueRun(
        plan.id, plan.labels, plan.user, Venue.DEDICATED, machine_type, 1, tuple(attempts)
    )
    return run, machines


def _managed(rng: Random, plan: Plan, window: Interval) -> TrueRun:
    """A SageMaker training job; its spot interruptions are attempts."""
    region, _ = REGIONS[Provider.AWS]
    arn = f"arn:aws:sagemaker:{region}:{ACCOUNTS[Provider.AWS][0]}:training-job/{plan.id}"
    attempts = tuple(
        Attempt(number, stretch, ((arn, Fraction(1)),), ending)
        for number, (stretch, ending) in enumerate(_stretches(rng, plan, window), start=1)
    )
    machine_type = ML_P4 if plan.gpus == 8 else ML_G5
    return TrueRun(
        plan.id, plan.labels, plan.user, plan.venue, machine_type, plan.nodes, attempts, arn
    )
