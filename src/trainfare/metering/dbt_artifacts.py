"""dbt's artifacts: which tables an invocation made, of what, and how long each took.

Source: dbt, "Run results JSON file" (run-results/v5, v6) and "Manifest JSON file" (manifest/v11, v12).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, parse_instant

RESULTS, MANIFEST = "run_results.json", "manifest.json"

FAILURES = frozenset({"error", "fail", "runtime error"})
"""Statuses of nodes that failed."""

MADE = frozenset({"model", "seed", "snapshot"})
"""Kinds of nodes that make a table."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table that an invocation made."""

    name: str
    uri: str
    took_us: int
    """Microseconds that dbt worked on it."""
    began_ns: int | None
    """When it began to; None where the results do not say."""
    of: tuple[str, ...]
    """Other tables of the invocation that it was made of, whatever views lie between."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation of dbt did."""

    project: str
    start_ns: int
    end_ns: int
    error: str | None
    """What failed; None where nothing did."""
    tables: tuple[Table, ...]
    reads: tuple[str, ...]
    """What it read and did not make: sources, and models that were made before."""


def read_invocation(folder: Path) -> Invocation:
    """What the artifacts in the target *folder* say.

    Raises:
        BadInput: they are not there, or no artifacts of one invocation.
    """
    results, manifest = _load(folder / RESULTS), _load(folder / MANIFEST)
    try:
        if results["metadata"]["invocation_id"] != manifest["metadata"]["invocation_id"]:
            raise BadInput(
                f"{folder} holds the results of one invocation of dbt and the manifest of "
                "another; run dbt again, and read them before the next command"
            )
        return _invocation(results, manifest)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadInput(f"{folder} holds no artifacts of dbt that are known: {error!r}") from None


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; run dbt first") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path} is no JSON; run dbt again") from None
    if not isinstance(document, dict):
        raise BadInput(f"{path} is no artifact of dbt; run dbt again")
    return document


def _invocation(results: dict[str, Any], manifest: dict[str, Any]) -> Invocation:
    nodes = {**manifest["nodes"], **manifest.get("sources", {})}
    adapter = manifest["metadata"].get("adapter_type") or "dbt"
    took = {
        one["unique_id"]: round(float(one["execution_time"]) * 10**6)
        for one in results["results"]
        if one["status"] == "success" and one["unique_id"] in nodes
    }
    starts = {one["unique_id"]: _began_ns(one) for one in results["results"]}
    made = {key for key in took if nodes[key].get("resource_type") in MADE}
    parents = {key: _parents(key, nodes, made) for key in made}
    read = {one for found in parents.values() for one in found if one not in made}
    failed = [one["unique_id"] for one in results["results"] if one["status"] in FAILURES]
    about = results["metadata"]
    end_ns = parse_instant(about["generated_at"])
    lasted_ns = round(float(results["elapsed_time"]) * SECOND)
    began = about.get("invocation_started_at")
    return Invocation(
        str(manifest["metadata"].get("project_name") or "dbt"),
        parse_instant(began) if began else end_ns - lasted_ns,
        end_ns,
        f"dbt: {failed[0]} failed" if failed else None,
        tuple(
            Table(
                nodes[key]["name"],
                _uri(adapter, nodes[key]),
                took[key],
                starts[key],
                tuple(sorted(_uri(adapter, nodes[one]) for one in parents[key] & made)),
            )
            for key in sorted(made)
        ),
        tuple(sorted(_uri(adapter, nodes[one]) for one in read)),
    )


def _began_ns(result: dict[str, Any]) -> int | None:
    starts = [one["started_at"] for one in result.get("timing", ()) if one.get("started_at")]
    return min(map(parse_instant, starts), default=None)


def _parents(key: str, nodes: dict[str, Any], made: set[str]) -> set[str]:
    """The nearest tables and sources above *key*; what has no table of its own is seen through."""
    found, seen = set(), {key}
    waiting = list(nodes[key].get("depends_on", {}).get("nodes", ()))
    while waiting:
        one = waiting.pop()
        if one in seen or one not in nodes:
            continue
        seen.add(one)
        if one in made or _has_table(nodes[one]):
            found.add(one)
        else:
            waiting += nodes[one].get("depends_on", {}).get("nodes", ())
    return found


def _has_table(node: dict[str, Any]) -> bool:
    kind = (node.get("config") or {}).get("materialized")
    return bool(node.get("relation_name")) and kind not in ("ephemeral", "view")


def _uri(adapter: str, node: dict[str, Any]) -> str:
    """Where the table is: its file where it has one, else adapter://database/schema/name.

    >>> _uri("snowflake", {"database": "LAKE", "schema": "MAIN", "name": "words", "alias": "W"})
    'snowflake://LAKE/MAIN/W'
    """
    location = (node.get("config") or {}).get("location")
    if location:
        return str(location)
    name = node.get("alias") or node.get("identifier") or node["name"]
    places = [node.get("database"), node.get("schema"), name]
    return f"{adapter}://{'/'.join(str(one) for one in places if one)}"
