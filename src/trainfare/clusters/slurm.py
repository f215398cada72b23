"""Slurm jobs as claims: requeues, arrays, heterogeneous jobs, suspension, shares of nodes.

One job is one run ``slurm-<cluster>-<job>`` (an array task ``slurm-<cluster>-<array>-<task>``),
unless its comment or name says ``trainfare=<run id>`` or ``run_id=<run id>``. Each requeue is an
attempt of the same run. A job claims, on every node that it had, its GPUs over the node's, or its
CPUs where it has no GPUs, from start to end. Suspended time lowers the share evenly, since Slurm
says how long a job was suspended, not when.
Source: sacct(1), "Job Accounting Fields" and "JOB STATE CODES".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType

from trainfare.clusters.combine import combine
from trainfare.clusters.hostlist import NO_HOSTS, expand_hostlist
from trainfare.clusters.inventory import SUPPLY, Node, share_of
from trainfare.clusters.options import ReadOptions
from trainfare.clusters.record import ClaimRecord, clean_labels, clean_text
from trainfare.clusters.run_tag import find_run_id, parse_pairs, without_run
from trainfare.clusters.slurm_time import settle
from trainfare.clusters.tres import WHOLE_GPU, Capacity
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, Interval
from trainfare.core.stage import Status
from trainfare.core.tally import Tally
from trainfare.metering.environment import derive_run_id

KIND = "sacct"

_STATUS = {
    **dict.fromkeys(
        ("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"),
        Status.RUNNING,
    ),
    "COMPLETED": Status.FINISHED,
    **dict.fromkeys(
        ("FAILED", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "LAUNCH_FAILED", "SPECIAL_EXIT"),
        Status.FAILED,
    ),
    **dict.fromkeys(("CANCELLED", "TIMEOUT", "PREEMPTED", "DEADLINE", "REQUEUED"), Status.KILLED),
}
"""Slurm's state → how the attempt stands; RESIZING is one stretch of a job that goes on: unknown."""

_Key = tuple[str, str, int, int]
"""Cluster, job, component and start: one stretch, however often it is listed."""

_WAITING = frozenset({"PENDING", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "REVOKED"})
_NODES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """One record of sacct: one stretch of one job, as either notation has it."""

    row: int
    cluster: str
    id: str
    """``123``, an array task ``123_4``; a heterogeneous job has its leader's."""
    component: int
    """Of a heterogeneous job; 0 otherwise."""
    state: str
    """The state's first word."""
    starts: tuple[int, ...]
    """What the start may mean, in seconds; none if the job never started."""
    ends: tuple[int, ...]
    elapsed_seconds: int | None
    """Suspended time not included."""
    suspended_seconds: int
    nodes: str
    held: Capacity
    """What it held on all its nodes together."""
    gpu_models: tuple[str, ...]
    restarts: int | None
    is_exclusive: bool
    words: Mapping[str, str]
    """user, account, partition, qos, job_name, comment."""


def job_claims(
    jobs: Iterable[SlurmJob], tally: Tally, options: ReadOptions
) -> Iterator[ClaimRecord]:
    """The claims of *jobs*, in their order but for two kinds, which come last.

    Last are jobs that still run, and jobs whose run id is the user's own, so that they may overlap.
    Records of one job stand together in sacct's output, as ``--duplicates`` lists them; that makes
    its requeues known as such. Exports may be appended in order of time: a job that one lists as
    running and a later one as ended is claimed as it ended.
    """
    lost: dict[str, None] = {}
    own: dict[_Key, list[ClaimRecord]] = {}
    going: dict[_Key, list[ClaimRecord]] = {}
    for (cluster, job_id), group in groupby(jobs, key=lambda job: (job.cluster, job.id)):
        records = list(group)
        if not _is_one_job(records, tally):
            continue
        ran = _stretches(records, tally, options)
        attempts = _attempts(ran.values())
        claims: list[ClaimRecord] = []
        for (component, start_ns), (job, interval) in ran.items():
            made = list(_claims(job, interval, attempts[start_ns], tally, options, lost))
            key = (cluster, job_id, component, start_ns)
            if key in going:
                del going[key]
                tally.skip("listed twice")
            if made and find_run_id(_tags(job)):
                _hold(own, key, made, tally)
            elif job.ends:
                claims.extend(made)
            else:
                going[key] = made
        yield from _one_per_attempt(claims)
    for _, keys in groupby(going, key=lambda key: key[:2]):
        yield from _one_per_attempt([claim for key in keys for claim in going[key]])
    yield from combine((claim for made in own.values() for claim in made), joins=False)
    if lost:
        names = list(lost)
        more = f" and {len(names) - _NODES_SHOWN} more" if len(names) > _NODES_SHOWN else ""
        shown = ", ".join(names[:_NODES_SHOWN])
        tally.refuse(f"the GPUs and CPUs of {shown}{more} are unknown; {SUPPLY}")


def _one_per_attempt(claims: list[ClaimRecord]) -> Iterator[ClaimRecord]:
    """The claims of one job; components of one attempt that share a node hold it together."""
    claims.sort(key=lambda claim: claim.attempt)
    for attempt, group in groupby(claims, key=lambda claim: claim.attempt):
        parts = list(group)
        if len(parts) == len({part.resource_id for part in parts}):
            yield from parts
        else:
            yield from (replace(c, attempt=attempt) for c in combine(parts, joins=False))


def _hold(
    held: dict[_Key, list[ClaimRecord]], key: _Key, claims: list[ClaimRecord], tally: Tally
) -> None:
    """Keep the claims of one stretch back; where it is listed twice, those of its end."""
    if key in held:
        tally.skip("listed twice")
    if key not in held or held[key][0].status is Status.RUNNING:
        held[key] = claims


def _is_one_job(records: list[SlurmJob], tally: Tally) -> bool:
    """Whether records with one id are one job; ids begin anew when a cluster's database does."""
    users = {job.words["user"] for job in records if job.words.get("user")}
    if len(users) < 2:
        return True
    tally.refuse(
        f"is the id of jobs of different users ({', '.join(sorted(users))}): ids were used again; "
        "import each stretch of time by itself, under a cluster name of its own",
        records[0].row,
        "JobID",
        records[0].id,
    )
    return False


def _stretches(
    records: Iterable[SlurmJob], tally: Tally, options: ReadOptions
) -> dict[tuple[int, int], tuple[SlurmJob, Interval]]:
    """Component and start → the stretch.

    One that is listed while it ran and again when it had ended, counts as it ended.
    """
    ran: dict[tuple[int, int], tuple[SlurmJob, Interval]] = {}
    for job in records:
        stretch = _stretch(job, tally, options)
        if stretch is None:
            continue
        key = (job.component, stretch[1].start_ns)
        if key in ran:
            tally.skip("listed twice")
        if key not in ran or not ran[key][0].ends:
            ran[key] = stretch
    return ran


def _attempts(ran: Collection[tuple[SlurmJob, Interval]]) -> dict[int, int]:
    """Start → attempt, from 1 in order of time; earlier restarts that the file lacks are counted."""
    starts = sorted({interval.start_ns for _, interval in ran})
    if not starts:
        return {}
    first = min(ran, key=lambda stretch: stretch[1].start_ns)[0]
    before = first.restarts or 0
    return {start: before + number for number, start in enumerate(starts, start=1)}


def _stretch(job: SlurmJob, tally: Tally, options: ReadOptions) -> tuple[SlurmJob, Interval] | None:
    """When *job* held its nodes; None if it never did or if that is a problem."""
    if job.state in _WAITING:
        tally.skip("pending")
        return None
    if not job.starts or job.nodes.strip().lower() in NO_HOSTS:
        tally.skip("never started")
        return None
    is_open = not job.ends
    if is_open and _STATUS.get(job.state) is not Status.RUNNING:
        tally.refuse(
            f"is {job.state} but has no end; 'sacctmgr show runawayjobs' finds and mends such jobs",
            job.row,
            "End",
        )
        return None
    ends = (max(options.now_ns // SECOND, min(job.starts)),) if is_open else job.ends
    lasted = None
    if job.elapsed_seconds is not None and not is_open:
        lasted = job.elapsed_seconds + job.suspended_seconds
    try:
        start_ns, end_ns = settle(job.starts, ends, lasted)
    except BadInput as error:
        tally.refuse(str(error), job.row, "End" if len(job.starts) == 1 else "Start")
        return None
    if is_open and start_ns > options.now_ns:
        tally.refuse("starts after the time of the export; check the time zone", job.row, "Start")
        return None
    return job, Interval(start_ns, end_ns)


def _claims(
    job: SlurmJob,
    interval: Interval,
    attempt: int,
    tally: Tally,
    options: ReadOptions,
    lost: dict[str, None],
) -> Iterator[ClaimRecord]:
    """One claim per node; nodes that the inventory lacks go to *lost*."""
    try:
        names = _hosts(job.nodes)
        share = _share(job, names, options, lost)
    except BadInput as error:
        tally.refuse(str(error), job.row, "NodeList" if "host list" in str(error) else "AllocTRES")
        return
    if share is None:
        return
    share *= _awake(job, interval)
    if not share:
        tally.skip("suspended throughout")
        return
    reported = {"job": job.id, "state": job.state}
    if job.held.gpu_units:
        reported["gpus"] = str(Fraction(job.held.gpu_units, WHOLE_GPU))
    if job.gpu_models:
        reported["gpu_models"] = " ".join(job.gpu_models)
    if job.words.get("account"):
        tally.note("team is the Slurm account, where the job's comment names no other")
    if len(names) > 1 and not job.is_exclusive:
        tally.note("a job on several nodes is taken to hold the same share of each")
    labels = _labels(job)
    run = _run_id(job)
    for name in names:
        yield ClaimRecord(
            run=run,
            attempt=attempt,
            resource_id=options.inventory.resource_id(name),
            interval=interval,
            share=share,
            labels=labels,
            source=KIND,
            source_row=job.row,
            status=_STATUS.get(job.state),
            reported=reported,
        )


@lru_cache(maxsize=8192)
def _hosts(text: str) -> list[str]:
    return expand_hostlist(text.strip())


def _share(
    job: SlurmJob, names: list[str], options: ReadOptions, lost: dict[str, None]
) -> Fraction | None:
    """The part of each node that *job* holds; all of it where it asked for whole nodes."""
    if job.is_exclusive:
        return Fraction(1)
    nodes: list[Node] = []
    for name in names:
        node = options.inventory.find_node(name)
        if node is None:
            lost[name] = None
        else:
            nodes.append(node)
    if len(nodes) < len(names):
        return None
    return _share_of(job.held, tuple(nodes))


@lru_cache(maxsize=8192)
def _share_of(held: Capacity, nodes: tuple[Node, ...]) -> Fraction:
    return share_of(held, nodes)


def _awake(job: SlurmJob, interval: Interval) -> Fraction:
    """The part of *interval* in which *job* was not suspended."""
    seconds = interval.duration_ns // SECOND
    if not job.suspended_seconds or not seconds:
        return Fraction(1)
    return Fraction(max(0, seconds - job.suspended_seconds), seconds)


def _tags(job: SlurmJob) -> dict[str, str]:
    """What the comment says, then what the job's name does."""
    named = parse_pairs(job.words.get("job_name", ""))
    return {**named, **parse_pairs(job.words.get("comment", ""))}


def _run_id(job: SlurmJob) -> str:
    return find_run_id(_tags(job)) or derive_run_id("slurm", job.cluster, *job.id.split("_"))


def _labels(job: SlurmJob) -> Mapping[str, str]:
    """Slurm's words as the meter has them, the account as team, then what the comment says."""
    words = job.words
    base = _shared_labels(job.cluster, *(words.get(word, "") for word in _SHARED))
    name = clean_text(words.get("job_name"))
    labels = {**base, "slurm.job_name": name} if name else base
    tags = without_run(_tags(job))
    if tags:
        return clean_labels({**labels, **tags})
    # Everything in it is clean by now; of a million jobs most differ in no more than their name.
    return MappingProxyType(dict(sorted(labels.items())))


_SHARED = ("user", "account", "partition", "qos")


@lru_cache(maxsize=8192)
def _shared_labels(cluster: str, *words: str) -> Mapping[str, str]:
    """The labels that many jobs have in common."""
    known = dict(zip(_SHARED, words, strict=True))
    return clean_labels(
        {
            "slurm.cluster": cluster,
            "team": known["account"],
            **{f"slurm.{key}": value for key, value in known.items()},
        }
    )
