"""Claim files: what meters and SageMaker recorded, as the generic CSV and as the service's JSON.

Source: SageMaker API, DescribeTrainingJob.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path

from trainfare.core.claim import exact_share
from trainfare.core.period import SECOND, Interval, format_instant
from trainfare.simulation.fault import Source, Trace
from trainfare.simulation.schedule import Ending, TrueRun
from trainfare.simulation.table_file import Row, write_bytes, write_table
from trainfare.simulation.world import World

_STATUS = {
    Ending.COMPLETED: "Completed",
    Ending.FAILED: "Failed",
    Ending.CANCELLED: "Stopped",
    Ending.PREEMPTED: "Stopped",
}


def write_claims(world: World, path: Path, *, sources: Collection[Source] = tuple(Source)) -> Path:
    """Write what *sources* recorded as the generic CSV of claims; all of them unless told.

    Columns are run, resource, start, end, share, attempt and a label each for experiment, model and
    team.
    """
    labels = {run.id: run.labels for run in world.runs}

    def rows() -> Iterator[Row]:
        for trace in world.traces:
            if trace.source in sources:
                claim = trace.claim
                yield {
                    "run": claim.run,
                    "resource": claim.resource_id,
                    "start": format_instant(claim.interval.start_ns),
                    "end": format_instant(claim.interval.end_ns),
                    "share": exact_share(claim.share),
                    "attempt": str(claim.attempt),
                    **{f"label.{key}": value for key, value in labels[claim.run]},
                }

    keys = ("experiment", "model", "team")
    columns = ["run", "resource", "start", "end", "share", "attempt", *(f"label.{k}" for k in keys)]
    return write_table(path, columns, rows())


def recorded_attempts(world: World, source: Source) -> dict[str, dict[int, list[Trace]]]:
    """Run → attempt → traces of *source*, in the order of the world."""
    found: dict[str, dict[int, list[Trace]]] = defaultdict(lambda: defaultdict(list))
    for trace in world.traces:
        if trace.source is source:
            found[trace.claim.run][trace.claim.attempt].append(trace)
    return found


def write_sagemaker(world: World, path: Path) -> Path:
    """Write SageMaker's training jobs as a list of DescribeTrainingJob answers."""
    runs = {run.id: run for run in world.runs}
    recorded = recorded_attempts(world, Source.SAGEMAKER)
    jobs = [
        _job(runs[run], [traces[0].claim.interval for traces in attempts.values()])
        for run, attempts in recorded.items()
    ]
    return write_bytes(path, (json.dumps(jobs, indent=1) + "\n").encode())


def _job(run: TrueRun, stretches: list[Interval]) -> dict[str, object]:
    """One job; between two stretches it was interrupted."""
    first, last = stretches[0], stretches[-1]
    billable = sum(stretch.duration_ns for stretch in stretches) // SECOND
    steps = [
        {"Status": "Starting", "StartTime": format_instant(first.start_ns)},
        {"Status": "Training", "StartTime": format_instant(first.start_ns)},
    ]
    for before, after in pairwise(stretches):
        steps.append({"Status": "Interrupted", "StartTime": format_instant(before.end_ns)})
        steps.append({"Status": "Training", "StartTime": format_instant(after.start_ns)})
    return {
        "TrainingJobName": run.job.rpartition("/")[2],
        "TrainingJobArn": run.job,
        "TrainingJobStatus": _STATUS[run.attempts[-1].ending],
        "ResourceConfig": {"InstanceType": run.type.name, "InstanceCount": run.nodes},
        "CreationTime": format_instant(first.start_ns - 90 * SECOND),
        "TrainingStartTime": format_instant(first.start_ns),
        "TrainingEndTime": format_instant(last.end_ns),
        "SecondaryStatusTransitions": steps,
        "TrainingTimeInSeconds": (last.end_ns - first.start_ns) // SECOND,
        "BillableTimeInSeconds": billable,
        "EnableManagedSpotTraining": len(stretches) > 1,
        "Environment": {"TRAINFARE_RUN_ID": run.id},
        "Tags": [{"Key": key, "Value": value} for key, value in run.labels],
    }
