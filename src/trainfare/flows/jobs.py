"""What a server does by itself: jobs as data, and the doing of one.

pull bills, usage and prices → allocate what changed → look at budgets and alerts, tell targets
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import NotFound, TrainfareError
from trainfare.flows.commitment_source import has_optimize
from trainfare.flows.job_plan import OFF, JobPlan, read_plan
from trainfare.flows.telemetry import has_collector
from trainfare.prices.refresh import FEEDS


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done again and again."""

    name: str
    about: str
    """What it does, in one line."""
    when: str
    """Its own time, where the plan says no other."""
    limit_seconds: int
    """One that takes longer is stopped."""
    do: Callable[[Path, JobPlan], Done]
    needs: str | None = None
    """Without what there is nothing to do; None where it needs nothing."""
    is_wanted: Callable[[JobPlan], bool] = lambda _plan: True


@dataclass(frozen=True, slots=True)
class Done:
    """What doing a job came to."""

    message: str
    next: tuple[str, ...] = ()
    """Jobs that are due at once, for their world changed."""


class JobFailed(TrainfareError):
    """A part of a job failed; the rest of it is done."""


def find_job(name: str) -> Job:
    """The job of that name.

    Raises:
        NotFound: there is none.
    """
    if name not in JOBS:
        raise NotFound(f"there is no job {name!r}; jobs are {', '.join(JOBS)}")
    return JOBS[name]


def load_plan(home: Path) -> JobPlan:
    """What ``jobs.toml`` in *home* says.

    Raises:
        BadInput: it is wrong.
    """
    return read_plan(home, tuple(JOBS), tuple(FEEDS))


def time_of(job: Job, plan: JobPlan) -> str | None:
    """When *job* runs by itself; None where it does not."""
    when = plan.when.get(job.name, job.when)
    return when if when != OFF and job.is_wanted(plan) else None


def do_job(home: Path, name: str) -> Done:
    """Do one job once, in this process.

    Raises:
        NotFound: there is no such job.
        JobFailed: a part of it failed; the rest is done.
        TrainfareError: it failed.
    """
    job = find_job(name)
    plan = load_plan(home)
    if not job.is_wanted(plan):
        return Done(f"nothing to do without {job.needs}")
    return job.do(home, plan)


def _bills(home: Path, plan: JobPlan) -> Done:
    from trainfare.flows.bill_pull import pull_bills

    pulled = pull_bills(home, plan.bills)
    news = [one.delivery for one in pulled.imported if not one.is_unchanged]
    same = pulled.unchanged + len(pulled.imported) - len(news)
    said = [f"{one.source} {one.period}: {one.rows:,} rows" for one in news]
    said += [f"{same} as before"] if same or not said else []
    following = ("allocate",) if pulled.is_change else ()
    return _done("; ".join(said), following, pulled.failures)


def _usage(home: Path, plan: JobPlan) -> Done:
    from trainfare.flows.usage_pull import pull_usage

    pulled = pull_usage(home, plan.usage)
    message = f"{pulled.added:,} claims added, {pulled.changed:,} changed"
    following = ("allocate",) if pulled.added or pulled.changed else ()
    return _done(message, following, pulled.failures)


def _prices(home: Path, plan: JobPlan) -> Done:
    from trainfare.prices.refresh import Order, refresh

    said, failures = [], []
    for one in plan.prices:
        order = Order(time.time_ns(), only_accelerators=one.only_accelerators)
        for outcome in refresh(home, one.feed, one.regions, order):
            if outcome.error is not None:
                failures.append(outcome.error)
                continue
            waiting = f", {len(outcome.quarantined)} wait" if outcome.quarantined else ""
            said.append(
                f"{outcome.feed} {outcome.region}: {outcome.kept:,} prices, "
                f"{outcome.changed:,} changed{waiting}"
            )
    return _done("; ".join(said), (), failures)


def _preview(home: Path, plan: JobPlan) -> Done:
    from trainfare.flows.preview import refresh_preview

    assert plan.preview is not None
    found = refresh_preview(home, plan.preview)
    said = " and ".join(effective.display(2) for _, effective in found.totals()) or "nothing"
    return Done(f"{found.period}: {said} so far; {len(found.budgets)} budgets")


def _allocate(home: Path, _plan: JobPlan) -> Done:
    from trainfare.flows.allocation import allocate_periods
    from trainfare.flows.bill import list_deliveries

    if not list_deliveries(home):
        return Done("no bill is here yet")
    done = allocate_periods(home)
    anew = [one.period for one in done if not one.is_unchanged]
    if not anew:
        return Done(f"{len(done)} periods as before")
    return Done(f"allocated {', '.join(anew)}", ("alerts", "trackers"))


def _trackers(home: Path, plan: JobPlan) -> Done:
    from trainfare.flows.trackers import SENT, sync_trackers

    done = sync_trackers(home, plan.trackers or ())
    sent = sum(one.state == SENT for one in done.runs)
    return _done(
        f"costs of {sent:,} runs sent, {len(done.runs) - sent:,} as they were", (), done.failures
    )


def _alerts(home: Path, _plan: JobPlan) -> Done:
    from trainfare.flows.alerts import check_alerts

    found = check_alerts(home)
    said = f"{len(found.alerts)} open, {len(found.notices)} new"
    if found.sent:
        said += f"; told {', '.join(found.sent)}"
    unseen = [f"{kind}: {why}" for kind, why in found.unseen.items()]
    return _done(said, (), [*found.failures, *unseen])


def _commitments(home: Path, plan: JobPlan) -> Done:
    from trainfare.flows.bill import list_deliveries
    from trainfare.flows.commitment_watch import order_of, say_watched, watch

    if not list_deliveries(home):
        return Done("no bill is here yet")
    try:
        found = watch(home, order_of(plan.commitments))
    except NotFound as error:
        return Done(str(error))
    return Done(say_watched(found), ("alerts",) if found.is_new else ())


def _metrics(home: Path, _plan: JobPlan) -> Done:
    from trainfare.flows.telemetry import send_gauges

    return Done(f"sent {send_gauges(home):,} points")


def _done(message: str, following: tuple[str, ...], failures: Sequence[object]) -> Done:
    if failures:
        raise JobFailed("\n".join([*map(str, failures), *([f"else {message}"] if message else [])]))
    return Done(message, following)


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job(
            "bills",
            "Pull new deliveries of bills from the places in jobs.toml.",
            "1h",
            3600,
            _bills,
            "[[bill]] in jobs.toml",
            lambda plan: bool(plan.bills),
        ),
        Job(
            "usage",
            "Ask Slurm, OpenCost and DCGM which job held what.",
            "15m",
            1800,
            _usage,
            "[[usage]] in jobs.toml",
            lambda plan: bool(plan.usage),
        ),
        Job(
            "prices",
            "Refresh prices from their providers.",
            "1d",
            1800,
            _prices,
            "[[prices]] in jobs.toml",
            lambda plan: bool(plan.prices),
        ),
        Job(
            "preview",
            "Ask the cloud's own tools about the open month, beside the bill.",
            "12h",
            600,
            _preview,
            "[preview]",
            lambda plan: plan.preview is not None,
        ),
        Job(
            "allocate",
            "Allocate anew every billing period whose bill, claims or rules changed.",
            "15m",
            3600,
            _allocate,
        ),
        Job(
            "alerts",
            "Look at budgets, runs, spend, prices, bills and commitments, and tell what is new.",
            "5m",
            600,
            _alerts,
        ),
        Job(
            "commitments",
            "Plan commitments anew where bills changed, and see how those held are used.",
            "1d",
            1800,
            _commitments,
            "the extra trainfare[optimize]",
            lambda _plan: has_optimize(),
        ),
        Job(
            "trackers",
            "Send what ended runs cost to MLflow, billed too once the bill is here.",
            "1h",
            1800,
            _trackers,
            "[trackers] in jobs.toml",
            lambda plan: plan.trackers is not None,
        ),
        Job(
            "metrics",
            "Send live money, runs and jobs by OTLP to a collector.",
            "1m",
            50,
            _metrics,
            "OTEL_EXPORTER_OTLP_ENDPOINT in the server's environment",
            lambda _plan: has_collector(),
        ),
    )
}
"""Every job, in the order of the chain that they are."""
