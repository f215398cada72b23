"""Worlds: one month of a small company, made from a seed, with the truth about it.

    world = make_world(7, runs=40, days=5)
    world.truth()                        # what every run truly cost
    write_world(world, folder)           # bills and records as files (simulation.folder)

A company trains on AWS (a shared pool, a Slurm cluster, instances of its own, SageMaker), Azure,
Google Kubernetes Engine and a small GPU cloud. Its runs are preempted and requeued, share machines,
span nodes and leave gaps; its bills have disks, addresses, traffic, commitments, credits, refunds,
support and tax. Everything is whole: seconds of time, nano-units of money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR, SECOND, BillingPeriod, Interval
from trainfare.simulation.commitment import Coverage
from trainfare.simulation.company import make_plans
from trainfare.simulation.delivery import Delivery, deliveries, grained
from trainfare.simulation.fault import NO_FAULTS, Fault, Faults, Trace, mistagged, recorded
from trainfare.simulation.fleet import Machine, standing_fleet
from trainfare.simulation.line import DAY, Line
from trainfare.simulation.occupancy import occupancies
from trainfare.simulation.overhead import RULES, closing, overhead
from trainfare.simulation.rent import managed_jobs, rent
from trainfare.simulation.schedule import TrueRun, schedule
from trainfare.simulation.seed import stream
from trainfare.simulation.truth import TruthRow, truth
from trainfare.simulation.waste import Wasted, wasteful

_AROUND_NS = 6 * HOUR
"""Runs begin up to so long before the bill, and end up to so long after it."""


@dataclass(frozen=True)
class World:
    """A month: what happened, what is recorded of it, and what it cost."""

    seed: int
    period: BillingPeriod
    bill: Interval
    """The time that the bills of *period* cover."""
    runs: tuple[TrueRun, ...]
    machines: tuple[Machine, ...]
    traces: tuple[Trace, ...]
    """What meters and schedulers recorded."""
    deliveries: tuple[Delivery, ...]
    """Every bill that arrived, in order."""
    faults: tuple[Fault, ...]
    """The ledger of faults: everything that went wrong with the records."""
    waste: tuple[Wasted, ...] = ()
    """The ledger of what was planted for advice to find."""

    @cached_property
    def final(self) -> tuple[Delivery, ...]:
        """The last delivery of each provider and period: what counts in the end."""
        last = {(each.provider, each.period): each for each in self.deliveries}
        return tuple(last.values())

    @property
    def lines(self) -> list[Line]:
        """Every line of the final deliveries."""
        return [line for delivery in self.final for line in delivery.lines]

    @property
    def attachments(self) -> Mapping[str, str]:
        """Disk, address or gateway → the machine that it hangs on, as the bills name them."""
        return {
            part.resource_id: machine.place.resource_id
            for machine in self.machines
            for part in (machine.volume, machine.address, machine.gateway)
            if part is not None
        }

    @property
    def jobs(self) -> Mapping[str, str]:
        """ARN of a managed training job → its run, for the jobs that are recorded."""
        seen = {trace.claim.run for trace in self.traces}
        return {
            run.job: run.id for run in self.runs if run.job.startswith("arn:") and run.id in seen
        }

    @property
    def rules(self) -> str:
        """The company's rules file, as TOML: who pays for what everybody uses."""
        return RULES

    def truth(self, *, view: View = View.EFFECTIVE, is_detailed: bool = False) -> list[TruthRow]:
        """What every run truly cost, and every remainder; see :func:`.truth.truth`."""
        return truth(self.lines, view=view, is_detailed=is_detailed)


def make_world(
    seed: int,
    *,
    runs: int = 200,
    days: int = 31,
    teams: int = 6,
    machines: int = 3,
    period: str = "2026-10",
    faults: Faults = NO_FAULTS,
    waste: float = 0,
) -> World:
    """A month made from *seed*; the same arguments give the same world, on any machine.

    Args:
        seed: any whole number.
        runs: how many runs there are.
        days: the bills cover the first so many days of the month, at most all of them.
        teams: how many teams train.
        machines: how many machines each shared pool has.
        period: the month, as ``YYYY-MM``.
        faults: what goes wrong with the records; the truth does not depend on it, but for late
            corrections, which are charges of their own.
        waste: of the runs, how many have each habit that advice speaks of.

    Raises:
        BadInput: a size is below 1.

    >>> world = make_world(7, runs=8, days=1, machines=1)
    >>> total = sum(delivery.total(View.EFFECTIVE) for delivery in world.final)
    >>> sum(row.nano for row in world.truth()) == total
    True
    """
    for name, size in (("runs", runs), ("days", days), ("teams", teams), ("machines", machines)):
        if size < 1:
            raise BadInput(f"a world has at least 1 of {name}, not {size}")
    month = BillingPeriod.parse(period)
    whole = month.interval
    bill = Interval(whole.start_ns, min(whole.end_ns, whole.start_ns + days * DAY))
    window = Interval(bill.start_ns - _AROUND_NS, bill.end_ns + _AROUND_NS)
    standing = standing_fleet(stream(seed, "fleet"), bill, machines)
    longest = min(130_000, bill.duration_ns // SECOND // 2)
    plans = make_plans(stream(seed, "plans"), runs, teams, longest)
    done, started = schedule(stream(seed, "schedule"), plans, standing, window)
    wasted: list[Wasted] = []
    if waste:
        done, wasted = wasteful(seed, done, bill, waste)
    fleet, tag_faults = mistagged(seed, [*standing, *started], done, faults)
    traces, claim_faults = recorded(seed, done, faults)
    lines = _lines(seed, fleet, done, bill, month, machines)
    arrived, bill_faults = deliveries(seed, grained(lines, faults), bill, month, faults)
    return World(
        seed=seed,
        period=month,
        bill=bill,
        runs=tuple(done),
        machines=tuple(fleet),
        traces=tuple(traces),
        deliveries=tuple(arrived),
        faults=(*tag_faults, *claim_faults, *bill_faults),
        waste=tuple(wasted),
    )


def _lines(
    seed: int,
    fleet: list[Machine],
    runs: list[TrueRun],
    bill: Interval,
    period: BillingPeriod,
    machines: int,
) -> list[Line]:
    """Every line of the month, by the hour."""
    coverage = Coverage.of(bill, period, machines)
    held = occupancies(fleet, runs, bill)
    lines = [
        *rent(seed, fleet, held, bill, coverage),
        *managed_jobs(seed, runs, bill, period),
        *overhead(stream(seed, "overhead"), bill, period),
    ]
    lines.extend(coverage.lines())
    lines.extend(closing(stream(seed, "closing"), lines, bill, period))
    return lines
