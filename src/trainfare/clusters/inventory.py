"""Inventories: what each node has, so that what a job holds becomes a share of it.

sacct and OpenCost say how many GPUs and CPUs a job holds, not how many the node has. An inventory
comes from ``scontrol show nodes``, ``kubectl get nodes -o json``, OpenCost's ``/assets`` answer, a
CSV ``node,gpus,cpus[,resource]`` (a node may be a host list), or one default for every node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.clusters.hostlist import expand_hostlist
from trainfare.clusters.record import WRONG_SHAPE
from trainfare.clusters.tres import WHOLE_GPU, Capacity, capacity_of, gpu_units, parse_tres
from trainfare.core.errors import BadInput
from trainfare.core.source_file import csv_rows, head, is_json, json_items, text_lines
from trainfare.core.tally import BadRecords, Tally

SUPPLY = (
    "pass an inventory: the text of 'scontrol show nodes', the JSON of 'kubectl get nodes -o json' "
    "or of OpenCost's /assets, a CSV node,gpus,cpus[,resource], or one GPU and CPU count for all"
)
"""What a user can do who has not said what the nodes have."""

_FIELD = re.compile(r"(?:^|\s)([A-Za-z]\w*)=(.*?)(?=\s+[A-Za-z]\w*=|$)")
_AWS_ID = re.compile(r"i-[0-9a-f]{8,17}")
_NO_VALUE = frozenset({"", "(null)", "N/A", "none", "None"})


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: its name, what it has, and what the bill calls it."""

    name: str
    capacity: Capacity
    resource_id: str | None = None
    """Instance id or the like; None where the node's name is all there is."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Nodes by name, and what every other node has."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    default: Capacity | None = None

    def find_node(self, name: str) -> Node | None:
        """The node called *name* (its short name will do), or one made of the default."""
        node = self.nodes.get(name) or self.nodes.get(name.partition(".")[0])
        if node is None and self.default is not None:
            return Node(name, self.default)
        return node

    def resource_id(self, name: str) -> str:
        """What the bill calls node *name*, else its name."""
        node = self.nodes.get(name) or self.nodes.get(name.partition(".")[0])
        return (node.resource_id if node else None) or name


def make_capacity(gpus: int | None, cpus: int | None) -> Capacity:
    """What a node with so many whole GPUs and CPUs has; None is not known.

    Raises:
        BadInput: a count is negative.
    """
    for name, count in (("GPUs", gpus), ("CPUs", cpus)):
        if count is not None and count < 0:
            raise BadInput(f"a node cannot have {count} {name}")
    return Capacity(cpus=cpus, gpu_units=None if gpus is None else gpus * WHOLE_GPU)


def share_of(held: Capacity, nodes: Iterable[Node]) -> Fraction:
    """The part of each of *nodes* that a job holds: its GPUs if it has any, else its CPUs.

    A job's holdings are known in total, not per node, so every node gets the same share:
    held / Σ capacity. For equal nodes evenly used that is exact.

    Raises:
        BadInput: the nodes' counts are unknown, or smaller than what the job holds.

    >>> node = Node("n1", make_capacity(8, 96))
    >>> share_of(Capacity(cpus=12, gpu_units=4 * WHOLE_GPU), [node])
    Fraction(1, 2)
    """
    everything = list(nodes)
    kinds = (
        ("GPUs", "gpu_units", WHOLE_GPU),
        ("GPU shards", "shards", 1),
        ("MPS shares", "mps", 1),
        ("CPUs", "cpus", 1),
    )
    for name, attribute, unit in kinds:
        count = getattr(held, attribute)
        if not count:
            continue
        total = 0
        for node in everything:
            has = getattr(node.capacity, attribute)
            if not has:
                what = "an unknown number of" if has is None else "no"
                raise BadInput(f"node {node.name} has {what} {name}, but the job holds some")
            total += has
        if count > total:
            raise BadInput(
                f"the job holds {Fraction(count, unit)} {name}, its nodes have "
                f"{Fraction(total, unit)}; the inventory is of other nodes or out of date"
            )
        return Fraction(count, total)
    raise BadInput("the job holds neither GPUs nor CPUs")


def bill_name(provider_id: str) -> str:
    """The name that a bill uses for a Kubernetes ``providerID``.

    >>> bill_name("aws:///us-east-1a/i-0abc1234def567890"), bill_name("gce://p/z/gke-pool-1")
    ('i-0abc1234def567890', 'gke-pool-1')
    """
    scheme, found, rest = provider_id.partition("://")
    if not found:
        return provider_id
    if scheme == "aws":
        match = _AWS_ID.search(rest)
        return match[0] if match else rest.rpartition("/")[2]
    return rest if scheme == "azure" else rest.rpartition("/")[2]


def read_inventory(path: Path) -> Inventory:
    """Read an inventory in any of its notations.

    Raises:
        BadRecords: with every problem found.
        BadInput: it is in none of them.
    """
    tally = Tally(path.name)
    first = head(path).lstrip()
    if is_json(first):
        nodes = list(_json_nodes(path, tally))
    elif first.startswith("NodeName="):
        nodes = list(_scontrol_nodes(path, tally))
    else:
        nodes = list(_csv_nodes(path, tally))
    if not nodes and not tally.problem_count:
        tally.refuse(f"holds no node; {SUPPLY}")
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    return Inventory({node.name: node for node in nodes})


def _scontrol_nodes(path: Path, tally: Tally) -> Iterator[Node]:
    """Nodes of ``scontrol show nodes``; records begin with ``NodeName=``, in one line or many."""
    facts: dict[str, str] = {}
    for number, line in enumerate(text_lines(path, errors="replace"), start=1):
        found = dict(_FIELD.findall(line))
        if "NodeName" in found and facts:
            yield from _scontrol_node(facts, number, tally)
            facts = {}
        facts.update(found)
    yield from _scontrol_node(facts, None, tally)


def _scontrol_node(facts: Mapping[str, str], row: int | None, tally: Tally) -> Iterator[Node]:
    configured = facts.get("CfgTRES", "")
    try:
        capacity = capacity_of(parse_tres("" if configured in _NO_VALUE else configured))
        gres = _gres_capacity(facts.get("Gres", ""))
        cpus = capacity.cpus or int(facts.get("CPUTot", "0")) or None
    except (BadInput, ValueError) as error:
        tally.refuse(f"node {facts.get('NodeName')}: {error}", row)
        return
    # CfgTRES counts GPUs only where AccountingStorageTRES tracks them; Gres always does.
    capacity = replace(
        gres if gres.gpu_units and not capacity.gpu_units else capacity,
        cpus=cpus,
        shards=capacity.shards or gres.shards,
        mps=capacity.mps or gres.mps,
    )
    instance = facts.get("InstanceId", "")
    yield Node(facts["NodeName"], capacity, None if instance in _NO_VALUE else instance)


def _gres_capacity(text: str) -> Capacity:
    """What ``Gres=gpu:h100:8(S:0-1),shard:64(S:0-1)`` offers."""
    if text in _NO_VALUE:
        return Capacity(cpus=0, gpu_units=0, shards=0, mps=0)
    entries = []
    for entry in re.sub(r"\([^)]*\)", "", text).split(","):
        name, _, rest = entry.partition(":")
        kind, _, count = rest.rpartition(":")
        entries.append(f"gres/{name}{':' + kind if kind else ''}={count or rest or 1}")
    return capacity_of(parse_tres(",".join(entries)))


def _csv_nodes(path: Path, tally: Tally) -> Iterator[Node]:
    rows = csv_rows(path)
    header = [name.strip().lower() for name in next(rows, (0, []))[1]]
    if "node" not in header or not {"gpus", "cpus"} & set(header):
        tally.refuse(f"is not an inventory: no columns node and gpus or cpus; {SUPPLY}")
        return
    for number, row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        counts = {}
        for column in ("gpus", "cpus"):
            text = cells.get(column, "")
            is_count = text.isascii() and text.isdigit()
            if text and not is_count:
                tally.refuse("is not a whole number of at least 0", number, column, text)
            counts[column] = int(text) if is_count else None
        try:
            names = expand_hostlist(cells.get("node", ""))
            capacity = make_capacity(counts["gpus"], counts["cpus"])
        except BadInput as error:
            tally.refuse(str(error), number, "node", cells.get("node"))
            continue
        for name in names:
            yield Node(name, capacity, cells.get("resource") or None)


def _json_nodes(path: Path, tally: Tally) -> Iterator[Node]:
    """Nodes of ``kubectl get nodes -o json`` or of OpenCost's ``/assets``."""
    for number, item in json_items(path, {"items", "data"}):
        try:
            if item.get("kind") == "Node":
                nodes = [_kubectl_node(item)]
            else:
                assets = [a for a in item.values() if isinstance(a, dict)]
                nodes = [_asset_node(asset) for asset in assets if asset.get("type") == "Node"]
        except WRONG_SHAPE as error:
            tally.refuse(f"is not a node as kubectl or OpenCost has it ({error})", number)
        else:
            yield from nodes


def _kubectl_node(item: Mapping[str, Any]) -> Node:
    capacity = (item.get("status") or {}).get("capacity") or {}
    units = 0
    for resource, count in capacity.items():
        vendor, _, kind = resource.partition("/")
        if vendor.endswith(("nvidia.com", "amd.com")) and kind.startswith(("gpu", "mig-")):
            units += int(count) * gpu_units(kind)
    provider_id = (item.get("spec") or {}).get("providerID")
    name = (item.get("metadata") or {}).get("name", "")
    cpus = _cpus(capacity.get("cpu"))
    return Node(name, Capacity(cpus, units), bill_name(provider_id) if provider_id else None)


def _cpus(text: object) -> int | None:
    """Whole CPUs of a Kubernetes quantity: ``96`` or ``95500m``, rounded up."""
    if text is None:
        return None
    words = str(text)
    milli = int(words[:-1]) if words.endswith("m") else int(Decimal(words) * 1000)
    return -(-milli // 1000)


def _asset_node(asset: Mapping[str, Any]) -> Node:
    properties = asset.get("properties") or {}
    provider_id = (asset.get("labels") or {}).get("providerID") or properties.get("providerID")
    cores, gpus = asset.get("cpuCores"), asset.get("gpuCount")
    capacity = Capacity(
        cpus=None if cores is None else -(-int(cores * 1000) // 1000),
        gpu_units=None if gpus is None else round(gpus) * WHOLE_GPU,
    )
    return Node(
        properties.get("name", ""), capacity, bill_name(provider_id) if provider_id else None
    )
