"""Kubernetes files: the cluster's pods as OpenCost's answer, and its GPUs as dcgm-exporter's text.

Source: OpenCost, ``/allocation``; NVIDIA dcgm-exporter, default counters.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, Interval, format_instant
from trainfare.simulation.fault import Source
from trainfare.simulation.fleet import ACCOUNTS, REGIONS, Machine, Venue
from trainfare.simulation.line import DAY, Provider
from trainfare.simulation.seed import stream
from trainfare.simulation.table_file import write_bytes
from trainfare.simulation.world import World

CLUSTER = "prod"
"""Name of the Kubernetes cluster."""
BLANK = 9_223_372_036_854_775_794
"""What DCGM writes where it has no value."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod: a stretch of a run on one node."""

    name: str
    run: str
    machine: Machine
    interval: Interval
    gpus: int
    devices: tuple[int, ...]
    """Which of the node's GPUs it holds."""


def pods(world: World) -> list[Pod]:
    """The pods that were recorded, in order of their start; no two hold one GPU at once."""
    machines = {machine.id: machine for machine in world.machines}
    claims = [trace.claim for trace in world.traces if trace.source is Source.KUBERNETES]
    made: list[Pod] = []
    on_node: dict[str, list[Pod]] = defaultdict(list)
    for claim in sorted(claims, key=lambda each: (each.interval.start_ns, each.run)):
        machine = machines[claim.resource_id]
        others = on_node[machine.id]
        busy = {d for pod in others if pod.interval.overlap_ns(claim.interval) for d in pod.devices}
        free = [device for device in range(machine.type.gpus) if device not in busy]
        gpus = int(claim.share * machine.type.gpus)
        name = f"{claim.run}-{claim.attempt}"
        pod = Pod(name, claim.run, machine, claim.interval, gpus, tuple(free[:gpus]))
        others.append(pod)
        made.append(pod)
    return made


def write_opencost(world: World, path: Path) -> Path:
    """Write the cluster's pods as an answer of ``/allocation``: one window per day, GPUs in whole.

    Costs are left out: OpenCost's own are never counted.
    """
    labels = {run.id: dict(run.labels) for run in world.runs}
    listed = pods(world)
    start_ns = min((pod.interval.start_ns for pod in listed), default=world.bill.start_ns)
    end_ns = max((pod.interval.end_ns for pod in listed), default=world.bill.end_ns)
    windows = []
    for first_ns in range(start_ns // DAY * DAY, end_ns, DAY):
        window = Interval(first_ns, first_ns + DAY)
        allocations = {"__idle__": _idle(window)}
        for pod in listed:
            stretch = pod.interval.clip(window)
            if stretch is not None:
                told = _allocation(pod, stretch, window, labels[pod.run])
                allocations[str(told["name"])] = told
        windows.append(allocations)
    answer = {"code": 200, "data": windows}
    return write_bytes(path, (json.dumps(answer, indent=1) + "\n").encode())


def _idle(window: Interval) -> dict[str, object]:
    """The row that OpenCost makes up for what no pod owns."""
    return {
        "name": "__idle__",
        "properties": {"cluster": CLUSTER},
        "window": _window(window),
        "start": format_instant(window.start_ns),
        "end": format_instant(window.end_ns),
    }


def _window(window: Interval) -> dict[str, str]:
    return {"start": format_instant(window.start_ns), "end": format_instant(window.end_ns)}


def _allocation(
    pod: Pod, stretch: Interval, window: Interval, labels: Mapping[str, str]
) -> dict[str, object]:
    node, (_, zone) = pod.machine, REGIONS[Provider.GCP]
    seconds = stretch.duration_ns // SECOND
    hours = Fraction(pod.gpus * seconds, 3600)
    cpus = node.type.cpus * pod.gpus // node.type.gpus
    return {
        "name": f"{CLUSTER}/{node.node}/ml/{pod.name}/main",
        "properties": {
            "cluster": CLUSTER,
            "node": node.node,
            "namespace": "ml",
            "controller": pod.run,
            "controllerKind": "job",
            "pod": pod.name,
            "container": "main",
            "providerID": f"gce://{ACCOUNTS[Provider.GCP][0]}/{zone}/{node.id}",
            "labels": {"run_id": pod.run, **labels},
        },
        "window": _window(window),
        "start": format_instant(stretch.start_ns),
        "end": format_instant(stretch.end_ns),
        "minutes": seconds / 60,
        "cpuCores": cpus,
        "cpuCoreHours": cpus * seconds / 3600,
        "gpuCount": pod.gpus,
        # Hundredths, since times are multiples of 36 s: exact in the text.
        "gpuHours": float(round(hours * 100)) / 100,
    }


def write_dcgm(
    world: World, path: Path, *, step_seconds: int = 300, within: Interval | None = None
) -> Path:
    """Write what dcgm-exporter showed of the cluster's GPUs, scrape by scrape.

    Args:
        world: whose cluster it is.
        path: of the text.
        step_seconds: between two scrapes; claims read from them are as fine as that.
        within: the time that is scraped; the bill's when left out.

    Raises:
        BadInput: the step is not positive.
    """
    if step_seconds < 1:
        raise BadInput(f"scrapes are at least 1 s apart, not {step_seconds}")
    lines: list[str] = []
    span = within or world.bill
    nodes = [machine for machine in world.machines if machine.venue is Venue.KUBERNETES]
    listed = pods(world)
    for at_ns in range(span.start_ns, span.end_ns, step_seconds * SECOND):
        lines.append(f"# at {format_instant(at_ns)}")
        running = [pod for pod in listed if pod.interval.start_ns <= at_ns < pod.interval.end_ns]
        for node in nodes:
            if node.life.start_ns <= at_ns < node.life.end_ns:
                here = {d: pod for pod in running if pod.machine is node for d in pod.devices}
                lines.extend(_scrape(world.seed, node, here, at_ns))
    return write_bytes(path, ("\n".join(lines) + "\n").encode())


def _scrape(seed: int, node: Machine, held: Mapping[int, Pod], at_ns: int) -> Iterator[str]:
    """The series of one node's GPUs."""
    rng = stream(seed, "dcgm", node.id, at_ns)
    for device in range(node.type.gpus):
        pod = held.get(device)
        labels = {
            "gpu": str(device),
            "UUID": f"GPU-{node.node}-{device}",
            "device": f"nvidia{device}",
            "modelName": f"NVIDIA {node.type.gpu.upper()}",
            "Hostname": node.node,
        }
        if pod is not None:
            owner = {"namespace": "ml", "pod": pod.name, "container": "main", "run_id": pod.run}
            labels |= owner
        block = ",".join(f'{key}="{value}"' for key, value in labels.items())
        busy = rng.randrange(55, 100) if pod is not None else 0
        used = rng.randrange(20_000, 78_000) if pod is not None else 4
        yield f"DCGM_FI_DEV_GPU_UTIL{{{block}}} {BLANK if rng.random() < 0.01 else busy}"
        yield f"DCGM_FI_DEV_FB_USED{{{block}}} {used}"
