"""Managed jobs as claims: SageMaker, Vertex AI and Azure ML bill a job by its own name.

The job is the resource, and its run holds all of it: share 1. Times are the provider's billed ones:
SageMaker bills from ``TrainingStartTime`` to ``TrainingEndTime``, downloads and uploads included.
Source: SageMaker API, DescribeTrainingJob; Vertex AI REST, projects.locations.customJobs; Azure
Machine Learning run history, Run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.clusters.options import ReadOptions
from trainfare.clusters.record import WRONG_SHAPE, ClaimRecord, Reading, clean_labels, make_reading
from trainfare.clusters.run_tag import find_run_id, without_run
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, Interval, parse_instant
from trainfare.core.source_file import json_items
from trainfare.core.stage import Status
from trainfare.core.tally import Tally
from trainfare.metering.environment import derive_run_id

Item = Mapping[str, Any]

_RUN_VARIABLE = "TRAINFARE_RUN_ID"

_SAGEMAKER_STATUS = {
    "InProgress": Status.RUNNING,
    "Stopping": Status.RUNNING,
    "Completed": Status.FINISHED,
    "Failed": Status.FAILED,
    "Stopped": Status.KILLED,
}
_VERTEX_STATUS = {
    "JOB_STATE_RUNNING": Status.RUNNING,
    "JOB_STATE_CANCELLING": Status.RUNNING,
    "JOB_STATE_UPDATING": Status.RUNNING,
    "JOB_STATE_SUCCEEDED": Status.FINISHED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": Status.FINISHED,
    "JOB_STATE_FAILED": Status.FAILED,
    "JOB_STATE_EXPIRED": Status.FAILED,
    "JOB_STATE_CANCELLED": Status.KILLED,
}
_AZURE_STATUS = {
    "running": Status.RUNNING,
    "finalizing": Status.RUNNING,
    "cancelrequested": Status.RUNNING,
    "completed": Status.FINISHED,
    "failed": Status.FAILED,
    "canceled": Status.KILLED,
    "notresponding": Status.FAILED,
}


def read_sagemaker(path: Path, options: ReadOptions) -> Reading:
    """Claims from DescribeTrainingJob answers: one, a list, or one per line.

    Raises:
        BadRecords: with every problem found.
    """
    return _read(path, options, "sagemaker", {"TrainingJobs"}, _sagemaker)


def read_vertex(path: Path, options: ReadOptions) -> Reading:
    """Claims from Vertex AI CustomJobs: one, a list, one per line, or an answer of the list call.

    Raises:
        BadRecords: with every problem found.
    """
    return _read(path, options, "vertex", {"customJobs", "hyperparameterTuningJobs"}, _vertex)


def read_azureml(path: Path, options: ReadOptions) -> Reading:
    """Claims from Azure ML jobs as run history has them (``startTimeUtc``, ``endTimeUtc``).

    Raises:
        BadRecords: with every problem found.
    """
    return _read(path, options, "azureml", {"value"}, _azureml)


_Reader = Callable[[Item, int, Tally, ReadOptions], Iterator[ClaimRecord]]


def _read(path: Path, options: ReadOptions, kind: str, lists: set[str], reader: _Reader) -> Reading:
    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        for row, item in json_items(path, lists):
            if not isinstance(item, dict):
                tally.refuse("is not a job", row)
                continue
            try:
                yield from reader(item, row, tally, options)
            except WRONG_SHAPE as error:
                tally.refuse(f"is not a {kind} job ({type(error).__name__}: {error})", row)
            except BadInput as error:
                tally.refuse(str(error), row)

    return make_reading(kind, path.name, parse)


def _instant(value: object) -> int | None:
    """An instant as RFC 3339 text or as seconds since 1970 (AWS CLI version 1); None if unset."""
    if value in (None, ""):
        return None
    if isinstance(value, (int, Decimal)):
        return int(value * SECOND)
    return parse_instant(str(value))


def _interval(start: object, end: object, status: Status | None, now_ns: int) -> Interval | None:
    """From start to end, or to now while it runs; None if it never started.

    Raises:
        BadInput: it has ended, but not when.
    """
    start_ns, end_ns = _instant(start), _instant(end)
    if start_ns is None:
        return None
    if end_ns is None:
        if status is not Status.RUNNING:
            raise BadInput("has a start, no end, and does not run; describe the job again")
        end_ns = max(now_ns, start_ns)
    return Interval(start_ns, end_ns)


def _pairs(value: object) -> dict[str, object]:
    """Tags as ``[{"Key": …, "Value": …}]`` or as an object."""
    if isinstance(value, list):
        return {str(t.get("Key") or t.get("name")): t.get("Value") or t.get("value") for t in value}
    return dict(value) if isinstance(value, dict) else {}


def _text(words: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in words.items() if value not in (None, "")}


def _sagemaker(item: Item, row: int, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    arn = str(item["TrainingJobArn"])
    name = str(item.get("TrainingJobName") or arn.rpartition("/")[2])
    status = _SAGEMAKER_STATUS.get(str(item.get("TrainingJobStatus")))
    if "CreationTime" in item and "ResourceConfig" not in item and "TrainingStartTime" not in item:
        raise BadInput(
            f"is a summary of {name}; save the answer of describe-training-job, which has its times"
        )
    interval = _interval(
        item.get("TrainingStartTime"), item.get("TrainingEndTime"), status, options.now_ns
    )
    if interval is None:
        tally.skip("never started")
        return
    environment = item.get("Environment") or {}
    tags = _pairs(item.get("Tags"))
    pieces = arn.split(":")
    run = (
        find_run_id(tags)
        or find_run_id({"run_id": environment.get(_RUN_VARIABLE)})
        or derive_run_id("sagemaker", name, within=(pieces[4], pieces[3]))
    )
    experiment = (item.get("ExperimentConfig") or {}).get("ExperimentName")
    labels = {"sagemaker.job": name, "experiment": experiment, **without_run(tags)}
    stretches = _uninterrupted(item, interval)
    for attempt, stretch in enumerate(stretches, start=1):
        is_last = attempt == len(stretches)
        yield ClaimRecord(
            run=run,
            attempt=attempt,
            resource_id=arn,
            interval=stretch,
            share=Fraction(1),
            labels=clean_labels(labels),
            source="sagemaker",
            source_row=row,
            status=status if is_last else Status.KILLED,
            reported=_sagemaker_figures(item),
        )


def _uninterrupted(item: Item, whole: Interval) -> list[Interval]:
    """*whole* less the time between a spot interruption and the next start."""
    stretches = []
    start_ns: int | None = whole.start_ns
    for step in item.get("SecondaryStatusTransitions") or []:
        is_interrupted = step.get("Status") == "Interrupted"
        at_ns = _instant(step.get("StartTime"))
        if at_ns is None or not whole.start_ns <= at_ns <= whole.end_ns:
            continue
        if is_interrupted and start_ns is not None and at_ns > start_ns:
            stretches.append(Interval(start_ns, at_ns))
            start_ns = None
        elif not is_interrupted and start_ns is None:
            start_ns = at_ns
    if start_ns is not None:
        stretches.append(Interval(start_ns, whole.end_ns))
    return stretches


def _sagemaker_figures(item: Item) -> dict[str, str]:
    """Machines and billed times; what a warm pool kept after the run is idle, so not claimed."""
    resources = item.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups") or [resources]
    machines = [
        f"{group.get('InstanceCount')}x{group.get('InstanceType')}"
        for group in groups
        if group.get("InstanceType")
    ]
    pool = item.get("WarmPoolStatus") or {}
    return _text(
        {
            "instances": " ".join(machines),
            "billable_seconds": item.get("BillableTimeInSeconds"),
            "training_seconds": item.get("TrainingTimeInSeconds"),
            "is_spot": "true" if item.get("EnableManagedSpotTraining") else None,
            "warm_pool_seconds": pool.get("ResourceRetainedBillableTimeInSeconds"),
            "warm_pool_reused_by": pool.get("ReusedByJob"),
        }
    )


def _vertex(item: Item, row: int, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    name = str(item["name"])
    status = _VERTEX_STATUS.get(str(item.get("state")))
    interval = _interval(item.get("startTime"), item.get("endTime"), status, options.now_ns)
    if interval is None:
        tally.skip("never started")
        return
    pieces = name.split("/")
    if len(pieces) < 6:
        raise BadInput(f"{name!r} is not projects/…/locations/…/customJobs/…")
    pools = (item.get("jobSpec") or item.get("trialJobSpec") or {}).get("workerPoolSpecs") or []
    variables = {
        str(v.get("name")): v.get("value")
        for pool in pools
        for v in (pool.get("containerSpec") or pool.get("pythonPackageSpec") or {}).get("env") or []
    }
    tags = _pairs(item.get("labels"))
    yield ClaimRecord(
        run=find_run_id(tags)
        or find_run_id({"run_id": variables.get(_RUN_VARIABLE)})
        or derive_run_id("vertex", pieces[5], within=(pieces[1], pieces[3])),
        attempt=1,
        resource_id=name,
        interval=interval,
        share=Fraction(1),
        labels=clean_labels(
            {"vertex.job": pieces[5], "vertex.name": item.get("displayName"), **without_run(tags)}
        ),
        source="vertex",
        source_row=row,
        status=status,
        reported=_text({"instances": " ".join(_vertex_machines(pool) for pool in pools)}),
    )


def _vertex_machines(pool: Item) -> str:
    """``2xa3-highgpu-8g+8xNVIDIA_H100_80GB`` of a worker pool."""
    machine = pool.get("machineSpec") or {}
    text = f"{pool.get('replicaCount', 1)}x{machine.get('machineType')}"
    if machine.get("acceleratorCount"):
        text += f"+{machine['acceleratorCount']}x{machine.get('acceleratorType')}"
    return text


def _azureml(item: Item, row: int, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    levels = _azure_levels(item)
    status_word = str(_first(levels, "status") or "")
    status = _AZURE_STATUS.get(status_word.lower())
    start, end = (
        _first(levels, "startTimeUtc", "startTime"),
        _first(levels, "endTimeUtc", "endTime"),
    )
    interval = _interval(start, end, status, options.now_ns)
    if interval is None:
        if status in (Status.FINISHED, Status.RUNNING):
            raise BadInput(
                f"is {status_word}, but has no startTimeUtc, which the management API leaves out; "
                "save the run's details from run history (Run.get_details() or the runs/query call)"
            )
        tally.skip("never started")
        return
    name = str(_first(levels, "runId", "name") or "")
    resource_id = str(item.get("id") or "").removeprefix("azureml:")
    within = _azure_workspace(resource_id)
    if not name:
        raise BadInput("has no name or runId")
    tags = _pairs(_first(levels, "tags"))
    variables = _first(levels, "environmentVariables", "environment_variables") or {}
    experiment = _first(levels, "experimentName", "experiment_name")
    compute = _first(levels, "computeId", "target", "compute")
    if isinstance(compute, dict):
        compute = compute.get("target") or compute.get("name")
    resources = _first(levels, "resources", "computeRequest") or {}
    yield ClaimRecord(
        run=find_run_id(tags)
        or find_run_id({"run_id": variables.get(_RUN_VARIABLE)})
        or derive_run_id("azureml", name, within=within),
        attempt=1,
        resource_id=resource_id or name,
        interval=interval,
        share=Fraction(1),
        labels=clean_labels(
            {
                "azureml.run": name,
                "azureml.workspace": within[2],
                "azureml.compute": str(compute or "").removeprefix("azureml:").rpartition("/")[2],
                "experiment": experiment,
                **without_run(tags),
            }
        ),
        source="azureml",
        source_row=row,
        status=status,
        reported=_text(
            {
                "nodes": resources.get("instanceCount") or resources.get("nodeCount"),
                "instance_type": resources.get("instanceType") or resources.get("vmSize"),
            }
        ),
    )


def _azure_levels(item: Item) -> list[Item]:
    """The job, its properties and their properties: the APIs differ in where they put a word."""
    levels = [item]
    for _ in range(2):
        inner = levels[-1].get("properties")
        if not isinstance(inner, dict):
            break
        levels.append(inner)
    return levels


def _first(levels: list[Item], *names: str) -> Any:
    """The first value under any of *names*, without regard to case, outermost level first."""
    wanted = [name.lower() for name in names]
    for level in levels:
        words = {str(key).lower(): value for key, value in level.items()}
        for name in wanted:
            if words.get(name) not in (None, "", {}, []):
                return words[name]
    return None


def _azure_workspace(resource_id: str) -> tuple[str, str, str]:
    """Subscription, resource group and workspace of a resource id; empty where it has none."""
    pieces = resource_id.split("/")
    found = {pieces[i].lower(): pieces[i + 1] for i in range(len(pieces) - 1)}
    return (
        found.get("subscriptions", ""),
        found.get("resourcegroups", ""),
        found.get("workspaces", ""),
    )
