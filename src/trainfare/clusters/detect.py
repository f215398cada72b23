"""Detection: which reader understands a file of claims, by its name as the user gives it or by content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.clusters.claim_file import is_claim_header, read_claim_file
from trainfare.clusters.dcgm import read_dcgm, read_dcgm_json
from trainfare.clusters.managed_jobs import read_azureml, read_sagemaker, read_vertex
from trainfare.clusters.opencost import (
    is_allocation_set,
    is_opencost_header,
    read_opencost,
    read_opencost_csv,
)
from trainfare.clusters.options import ReadOptions
from trainfare.clusters.prometheus import is_prometheus_json
from trainfare.clusters.record import Reading
from trainfare.clusters.sacct import is_sacct_header, read_sacct, read_sacct_json
from trainfare.core.errors import BadInput
from trainfare.core.source_file import head, is_json, json_items

_Read = Callable[[Path, ReadOptions], Reading]

KINDS = ("sacct", "opencost", "sagemaker", "vertex", "azureml", "dcgm", "csv")
"""What ``claims import --from`` takes."""

_TEXT: dict[str, _Read] = {
    "sacct": read_sacct,
    "opencost": read_opencost_csv,
    "dcgm": read_dcgm,
    "csv": read_claim_file,
}
_JSON: dict[str, _Read] = {
    "sacct": read_sacct_json,
    "opencost": read_opencost,
    "dcgm": read_dcgm_json,
    "sagemaker": read_sagemaker,
    "vertex": read_vertex,
    "azureml": read_azureml,
}
_LISTS = {"jobs", "data", "result", "TrainingJobs", "customJobs", "hyperparameterTuningJobs"}
"""Keys under which the answers of all these systems keep their items."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file looks like."""

    is_json: bool
    kind: str | None
    """None where nothing in it is known."""


def read_claims(path: Path, options: ReadOptions, *, kind: str | None = None) -> Reading:
    """Read *path* as *kind*, or as what its content shows it to be.

    Raises:
        BadRecords: with every problem found in the file.
        BadInput: no reader understands it, or *kind* is unknown.
    """
    if kind is not None and kind not in KINDS:
        raise BadInput(f"{kind!r} is not one of {', '.join(KINDS)}")
    shape = find_shape(path)
    name = kind or shape.kind
    if name is None:
        raise BadInput(
            f"{path} is none of {', '.join(KINDS)} as far as its first lines show; "
            "say which it is, or check the export"
        )
    reader = (_JSON if shape.is_json else _TEXT).get(name)
    if reader is None:
        notation = "JSON" if shape.is_json else "text"
        raise BadInput(f"{path} is {notation}, which {name} exports are not; check the file")
    return reader(path, options)


def find_shape(path: Path) -> Shape:
    """Notation and kind of a file, from its first lines or first item.

    Raises:
        BadInput: it is empty or neither text nor JSON.
    """
    lines = [line for line in head(path).splitlines() if line.strip()]
    first = lines[0]
    if is_json(first):
        return Shape(is_json=True, kind=_json_kind(path))
    names = [name.strip() for name in first.split(",")]
    if is_claim_header(names):
        return Shape(is_json=False, kind="csv")
    if is_opencost_header(names):
        return Shape(is_json=False, kind="opencost")
    if is_sacct_header(first):
        return Shape(is_json=False, kind="sacct")
    is_dcgm = any("DCGM_FI_" in line for line in lines)
    return Shape(is_json=False, kind="dcgm" if is_dcgm else None)


def _json_kind(path: Path) -> str | None:
    item = next((item for _, item in json_items(path, _LISTS)), None)
    if not isinstance(item, dict):
        return None
    if is_prometheus_json(item):
        return "dcgm"
    if "TrainingJobArn" in item:
        return "sagemaker"
    if "jobSpec" in item or "trialJobSpec" in item or "/customJobs/" in str(item.get("name")):
        return "vertex"
    if "tres" in item and "time" in item:
        return "sacct"
    if _is_azureml(item):
        return "azureml"
    return "opencost" if is_allocation_set(item) else None


def _is_azureml(item: dict[str, Any]) -> bool:
    """Whether *item* is a job of a workspace, or a list call's answer with such jobs."""
    inner = item.get("value")
    if isinstance(inner, list) and inner and isinstance(inner[0], dict):
        return _is_azureml(inner[0])
    properties = item.get("properties")
    words = {*item, *(properties if isinstance(properties, dict) else ())}
    is_named = "machinelearningservices" in str(item.get("id")).lower()
    return is_named or bool(words & {"runId", "startTimeUtc", "jobType", "experiment_name"})
