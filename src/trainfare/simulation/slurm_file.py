"""Slurm files: the cluster's accounting as ``sacct --parsable2`` text, and the inventory of nodes.

Requeues are records of their own with one job id, GPUs stand with and without their type, steps and
a pending job are in between, as ``sacct --duplicates`` lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trainfare.core.period import SECOND, Interval, format_instant
from trainfare.simulation.claim_file import recorded_attempts
from trainfare.simulation.fault import Source, Trace
from trainfare.simulation.fleet import Machine
from trainfare.simulation.schedule import CLUSTER, Ending, TrueRun
from trainfare.simulation.table_file import Row, write_bytes, write_table
from trainfare.simulation.world import World

_COLUMNS = (
    "JobID", "Cluster", "Partition", "QOS", "Account", "User", "Start", "End", "Elapsed",
    "Suspended", "Restarts", "State", "AllocTRES", "NodeList", "Comment", "JobName",
)  # fmt: skip
_STATES = {
    Ending.COMPLETED: "COMPLETED",
    Ending.FAILED: "FAILED",
    Ending.PREEMPTED: "PREEMPTED",
    Ending.CANCELLED: "CANCELLED by 1001",
}


def write_sacct(world: World, path: Path) -> Path:
    """Write the Slurm cluster's jobs as parsable text with a header; times are UTC."""
    machines = {machine.id: machine for machine in world.machines}
    runs = {run.id: run for run in world.runs}
    lines = ["|".join(_COLUMNS)]
    for run_id, attempts in recorded_attempts(world, Source.SLURM).items():
        run = runs[run_id]
        endings = {attempt.number: attempt.ending for attempt in run.attempts}
        for restarts, (number, traces) in enumerate(attempts.items()):
            record = _record(run, traces, endings[number], restarts, machines)
            lines.append("|".join(record[name] for name in _COLUMNS))
            lines.extend(_steps(record))
    lines.append("|".join(_pending()[name] for name in _COLUMNS))
    return write_bytes(path, ("\n".join(lines) + "\n").encode())


def _record(
    run: TrueRun,
    traces: Sequence[Trace],
    ending: Ending,
    restarts: int,
    machines: Mapping[str, Machine],
) -> dict[str, str]:
    """One stretch of one job."""
    held: Counter[str] = Counter()
    cpus = memory = 0
    for trace in traces:
        kind, share = machines[trace.claim.resource_id].type, trace.claim.share
        held[kind.gpu] += int(kind.gpus * share)
        cpus += int(kind.cpus * share)
        memory += int(kind.memory_gib * share)
    gpus = held.total()
    tres = [f"billing={cpus}", f"cpu={cpus}", f"gres/gpu={gpus}"]
    tres += [f"gres/gpu:{gpu}={count}" for gpu, count in sorted(held.items())]
    tres += [f"mem={memory}G", f"node={len(traces)}"]
    stretch = traces[0].claim.interval
    labels = dict(run.labels)
    words = " ".join(f"{key}={value}" for key, value in run.labels)
    return {
        "JobID": run.job,
        "Cluster": CLUSTER,
        "Partition": "gpu",
        "QOS": "normal",
        "Account": labels["team"],
        "User": run.user,
        "Start": _local(stretch.start_ns),
        "End": _local(stretch.end_ns),
        "Elapsed": _elapsed(stretch),
        "Suspended": "00:00:00",
        "Restarts": str(restarts),
        "State": _STATES[ending],
        "AllocTRES": ",".join(tres),
        "NodeList": _host_list([machines[trace.claim.resource_id].node for trace in traces]),
        "Comment": f"run_id={run.id} {words}" if run.is_named else "",
        "JobName": f"train-{labels['model']}",
    }


def _steps(record: Mapping[str, str]) -> Iterator[str]:
    """The steps of a job, which repeat what it holds."""
    for name in ("batch", "extern"):
        step = {**record, "JobID": f"{record['JobID']}.{name}", "JobName": name, "Comment": ""}
        yield "|".join(step[column] for column in _COLUMNS)


def _pending() -> dict[str, str]:
    """A job that waits."""
    blank = dict.fromkeys(_COLUMNS, "")
    return {
        **blank,
        "JobID": "999999",
        "Cluster": CLUSTER,
        "User": "vision1",
        "Start": "Unknown",
        "End": "Unknown",
        "Elapsed": "00:00:00",
        "State": "PENDING",
        "NodeList": "None assigned",
        "JobName": "waits",
    }


def _local(at_ns: int) -> str:
    """As sacct writes times, under ``TZ=UTC``."""
    return format_instant(at_ns).removesuffix("Z")


def _elapsed(stretch: Interval) -> str:
    """``[D-]HH:MM:SS``."""
    minutes, seconds = divmod(stretch.duration_ns // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hours:02d}:{minutes:02d}:{seconds:02d}"


def _host_list(nodes: Sequence[str]) -> str:
    """Names with one prefix in brackets: ``gpu[001,003]``."""
    numbers = sorted(node.removeprefix("gpu") for node in nodes)
    return nodes[0] if len(nodes) == 1 else f"gpu[{','.join(numbers)}]"


def write_nodes(world: World, path: Path) -> Path:
    """Write what the clusters' nodes have, and what the bill calls them, as an inventory CSV."""

    def rows() -> Iterator[Row]:
        for machine in world.machines:
            if machine.node:
                yield {
                    "node": machine.node,
                    "gpus": str(machine.type.gpus),
                    "cpus": str(machine.type.cpus),
                    "resource": machine.id,
                }

    return write_table(path, ("node", "gpus", "cpus", "resource"), rows())
