"""OpenCost's allocations as claims: pods, and the node whose GPUs or CPUs they held.

A pod claims its GPUs over the node's, or its CPUs where it has none, from its start to its end
within the window. The node's size comes from an inventory, or from OpenCost itself where the query
asked for ``includeProportionalAssetResourceCosts=true``. OpenCost's own costs are kept as text for
comparison and never counted: the bill says what the node cost.
Source: OpenCost, core/pkg/opencost/allocation_json.go and pkg/costmodel/csv_export.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.clusters.combine import combine
from trainfare.clusters.inventory import SUPPLY, Inventory, bill_name
from trainfare.clusters.options import ReadOptions
from trainfare.clusters.record import WRONG_SHAPE, ClaimRecord, Reading, clean_labels, make_reading
from trainfare.clusters.run_tag import find_run_id, valid_run_id, without_run
from trainfare.clusters.tres import WHOLE_GPU
from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR, Interval, format_instant, parse_instant
from trainfare.core.source_file import csv_rows, json_items
from trainfare.core.stage import Status
from trainfare.core.tally import Tally
from trainfare.metering.environment import derive_run_id
from trainfare.metering.pipelines import airflow_job
from trainfare.metering.schedulers import Job

KIND = "opencost"

_REMAINDERS = ("__idle__", "__unmounted__", "__unallocated__", "__shared__", "__overhead__")
"""Rows that OpenCost makes up for what no pod owns."""

_SERVICES = frozenset(
    {"deployment", "replicaset", "statefulset", "daemonset", "cronjob", "node", "rollout"}
)
"""Controllers of what runs for good, not of training jobs."""

_JOB_UID = (
    "jobset_sigs_k8s_io_jobset_uid",
    "batch_kubernetes_io_controller_uid",
    "controller_uid",
)
"""Labels of every pod of a JobSet or a Job; the manifest lets the meter take it as the run id."""

_AIRFLOW = ("dag_id", "run_id", "task_id")
"""Labels of a pod that runs a task of Airflow; its ``run_id`` is one of the DAG, not of the task."""

_OWN_FIGURES = {
    "cpuCost": "CPUCost",
    "gpuCost": "GPUCost",
    "ramCost": "RAMCost",
    "pvCost": "PVCost",
    "networkCost": "NetworkCost",
    "totalCost": "TotalCost",
}
"""OpenCost's own costs: key in JSON → column in CSV."""

_CSV_COLUMNS = frozenset({"Date", "Namespace", "ControllerKind", "Pod", "TotalCost"})


def is_opencost_header(names: list[str]) -> bool:
    """Whether *names* head OpenCost's CSV export."""
    return set(names) >= _CSV_COLUMNS


def is_allocation_set(item: object) -> bool:
    """Whether *item* is one window of an ``/allocation`` answer."""
    if not isinstance(item, dict):
        return False
    values = [value for value in item.values() if isinstance(value, dict)]
    return bool(values) and all("properties" in v or "totalCost" in v for v in values)


def read_opencost(path: Path, options: ReadOptions) -> Reading:
    """Claims from answers of ``/allocation``, one per pod and window.

    Query it by pod, the default: ``/allocation?window=…&includeIdle=false``.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        records = list(_json_records(path, tally, options))
        yield from combine(records, joins=True)

    return make_reading(KIND, path.name, parse)


def _json_records(path: Path, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    seen: set[tuple[str, str, str]] = set()
    for row, window in json_items(path, {"data"}):
        if not isinstance(window, dict):
            tally.refuse("is not a window of an /allocation answer", row)
            continue
        for name, allocation in window.items():
            if not isinstance(allocation, dict):
                continue
            key = (name, str(allocation.get("start")), str(allocation.get("end")))
            if key in seen:
                tally.skip("listed twice")
            else:
                yield from _records(name, allocation, row, tally, options)
            seen.add(key)


def _records(
    name: str, allocation: Mapping[str, Any], row: int, tally: Tally, options: ReadOptions
) -> Iterator[ClaimRecord]:
    """The claim of one allocation, or none: it is no job's, or a problem."""
    try:
        record = None
        if _is_claim(name, allocation, tally):
            record = _record(name, allocation, row, tally, options)
    except BadInput as error:
        tally.refuse(f"allocation {name!r}: {error}", row)
    except WRONG_SHAPE:
        tally.refuse(f"allocation {name!r} has no start, end or amounts as OpenCost has them", row)
    else:
        if record is not None:
            yield record


def _is_claim(name: str, allocation: Mapping[str, Any], tally: Tally) -> bool:
    """Whether an allocation is the work of a job; what is not is counted."""
    for remainder in _REMAINDERS:
        if remainder in name:
            tally.skip(remainder.strip("_"))
            return False
    properties = allocation.get("properties") or {}
    if find_run_id(_user_labels(properties)):
        return True
    if str(properties.get("controllerKind", "")).lower() in _SERVICES:
        tally.skip("not a job")
        return False
    return True


def _record(
    name: str, allocation: Mapping[str, Any], row: int, tally: Tally, options: ReadOptions
) -> ClaimRecord | None:
    properties = allocation.get("properties") or {}
    node = str(properties.get("node") or "")
    provider_id = str(properties.get("providerID") or "")
    if not node and not provider_id:
        tally.refuse(
            f"allocation {name!r} names no node; it was aggregated; query /allocation by pod",
            row,
            "properties",
        )
        return None
    start = allocation.get("start") or allocation["window"]["start"]
    end = allocation.get("end") or allocation["window"]["end"]
    interval = Interval.parse(start, end)
    share = _json_share(allocation, properties, interval, options.inventory)
    if share == 0 or not interval.duration_ns:
        tally.skip("held nothing")
        return None
    figures = {key: str(allocation[key]) for key in _OWN_FIGURES if allocation.get(key) is not None}
    named = bill_name(provider_id) if provider_id else ""
    return ClaimRecord(
        run=_run_id(properties, options),
        attempt=1,
        resource_id=_resource_id(node, named, options.inventory),
        interval=interval,
        share=share,
        labels=_labels(properties),
        source=KIND,
        source_row=row,
        status=Status.RUNNING if interval.end_ns >= options.now_ns else None,
        reported=figures,
    )


def _resource_id(node: str, named: str, inventory: Inventory) -> str:
    """What the bill calls the node: what the inventory says, else what OpenCost does."""
    stated = inventory.resource_id(node) if node else ""
    return stated if stated and stated != node else named or node


def _run_id(properties: Mapping[str, Any], options: ReadOptions) -> str:
    labels = _user_labels(properties)
    namespace, pod = str(properties.get("namespace", "")), str(properties.get("pod", ""))
    stated = options.runs.get(f"{namespace}/{pod}") or options.runs.get(pod)
    tagged = find_run_id(labels)
    if tagged or stated:
        return tagged or valid_run_id(str(stated))
    uid = next((str(labels[key]) for key in _JOB_UID if labels.get(key)), None)
    if uid:
        return valid_run_id(uid)
    task = _airflow_task(properties)
    if task is not None:
        return derive_run_id(*task.shown, within=task.within)
    cluster = str(properties.get("cluster") or options.cluster or "")
    job = str(properties.get("controller") or pod)
    return derive_run_id("k8s", *((cluster,) if cluster else ()), namespace, job)


def _airflow_task(properties: Mapping[str, Any]) -> Job | None:
    """The task that Airflow runs in this pod, as its labels say."""
    labels = properties.get("labels") or {}
    dag, execution, task = (str(labels.get(key) or "") for key in _AIRFLOW)
    return airflow_job(dag, execution, task) if dag and execution and task else None


def _user_labels(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod's labels, without a ``run_id`` that is Airflow's."""
    labels: Mapping[str, Any] = properties.get("labels") or {}
    if _airflow_task(properties) is None:
        return labels
    return {key: value for key, value in labels.items() if key not in _AIRFLOW}


def _labels(properties: Mapping[str, Any]) -> Mapping[str, str]:
    """The pod's labels, and where it ran."""
    task = _airflow_task(properties)
    return clean_labels(
        {
            **without_run(_user_labels(properties)),
            **({} if task is None else task.labels),
            "k8s.cluster": properties.get("cluster"),
            "k8s.namespace": properties.get("namespace"),
            "k8s.job": properties.get("controller"),
            "k8s.pod": properties.get("pod"),
        }
    )


def _json_share(
    allocation: Mapping[str, Any],
    properties: Mapping[str, Any],
    interval: Interval,
    inventory: Inventory,
) -> Fraction:
    """The part of the node that an allocation held on average over *interval*."""
    hours = Fraction(interval.duration_ns, HOUR)
    gpus = _average(allocation, "gpuHours", "gpuCount", hours)
    cpus = _average(allocation, "cpuCoreHours", "cpuCores", hours)
    proportion = _proportion(allocation, is_gpu=gpus > 0)
    if proportion is not None:
        return min(Fraction(1), proportion)
    return _share(gpus, cpus, str(properties.get("node") or ""), inventory)


def _average(allocation: Mapping[str, Any], total: str, count: str, hours: Fraction) -> Fraction:
    """Mean units held: unit-hours over *hours*, else the stated mean."""
    if allocation.get(total) is not None and hours:
        return Fraction(allocation[total]) / hours
    return Fraction(allocation.get(count) or 0)


def _proportion(allocation: Mapping[str, Any], *, is_gpu: bool) -> Fraction | None:
    """The share that OpenCost worked out itself, if it was asked to and the node is one."""
    nodes = allocation.get("proportionalAssetResourceCosts") or {}
    if len(nodes) != 1:
        return None
    costs = next(iter(nodes.values()))
    part = costs.get("gpuPercentage" if is_gpu else "cpuPercentage")
    return Fraction(part) if part else None


def _share(gpus: Fraction, cpus: Fraction, node: str, inventory: Inventory) -> Fraction:
    """GPUs over the node's, else CPUs over the node's.

    Raises:
        BadInput: the node's size is unknown.
    """
    known = inventory.find_node(node)
    if known is None:
        raise BadInput(f"the GPUs and CPUs of node {node} are unknown; {SUPPLY}")
    has_gpus = gpus > 0
    held = gpus * WHOLE_GPU if has_gpus else cpus
    has = known.capacity.gpu_units if has_gpus else known.capacity.cpus
    if held and not has:
        kind = "GPUs" if has_gpus else "CPUs"
        raise BadInput(f"the inventory gives node {node} no {kind}, but the pod held {kind}")
    # OpenCost rounds to five decimals, so a full node may come out a hair above 1.
    return min(Fraction(1), held / has) if has else Fraction(0)


def read_opencost_csv(path: Path, options: ReadOptions) -> Reading:
    """Claims from OpenCost's CSV export: one per pod and day.

    The export names no node; a column ``Node`` or a node label among ``Labels`` must.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        yield from combine(list(_csv_records(path, tally, options)), joins=True)

    return make_reading(KIND, path.name, parse)


def _csv_records(path: Path, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    rows = csv_rows(path)
    header = next(rows, (0, []))[1]
    if not is_opencost_header(header):
        tally.refuse(f"is not OpenCost's export: it has columns {', '.join(sorted(_CSV_COLUMNS))}")
        return
    for number, row in rows:
        if len(row) != len(header):
            tally.refuse(f"has {len(row)} fields, the header {len(header)}", number)
            continue
        allocation = _csv_allocation(dict(zip(header, row, strict=True)), number, tally)
        if allocation is None:
            continue
        name = "/".join((allocation["properties"]["namespace"], allocation["properties"]["pod"]))
        if not allocation["properties"]["node"] and _is_claim(name, allocation, Tally("")):
            tally.refuse(
                f"pod {name} is on an unknown node, which this export leaves out; export the JSON "
                "of /allocation instead, or add node labels (EXPORT_CSV_LABELS_ALL=true)",
                number,
                "Labels",
            )
        else:
            yield from _records(name, allocation, number, tally, options)


def _csv_allocation(cells: Mapping[str, str], number: int, tally: Tally) -> dict[str, Any] | None:
    """A row in the shape of an ``/allocation`` answer."""
    labels = {
        key.removeprefix("Labels_"): value
        for key, value in cells.items()
        if key.startswith("Labels_") and value
    }
    column = "Labels"
    try:
        if cells.get("Labels"):
            labels.update(json.loads(cells["Labels"]))
        column = "Date"
        start_ns = parse_instant(f"{cells['Date'].strip()[:10]}T00:00:00Z")
        column = "GPUs"
        gpus = Decimal(cells.get("GPUs") or 0)
        column = "CPUCoreRequestAverage"
        averages = [
            Decimal(cells.get(f"CPUCore{kind}Average") or 0) for kind in ("Request", "Usage")
        ]
    except (BadInput, InvalidOperation, ValueError, TypeError):
        tally.refuse("is not what OpenCost exports", number, column, cells.get(column))
        return None
    figures = {key: cells.get(column) for key, column in _OWN_FIGURES.items()}
    return {
        "properties": {
            "cluster": cells.get("Cluster", ""),
            "namespace": cells.get("Namespace", ""),
            "controller": cells.get("ControllerName", ""),
            "controllerKind": cells.get("ControllerKind", ""),
            "pod": cells.get("Pod", ""),
            "node": cells.get("Node") or labels.get("kubernetes_io_hostname", ""),
            "providerID": cells.get("ProviderID", ""),
            "labels": labels,
        },
        "start": format_instant(start_ns),
        "end": format_instant(start_ns + 24 * HOUR),
        "gpuCount": gpus,
        "cpuCores": max(averages),
        **{key: value for key, value in figures.items() if value},
    }
