"""What nodes have and what the bill calls them, as node exporter and DCGM tell a Prometheus.

A job that DCGM saw on some GPUs of a node holds their part of the machine; with the machine's id its
claim meets the bill. On EC2 the board's asset tag is the instance id, elsewhere the node's name has
to do. Source: node exporter, collectors dmi, uname and cpu; Amazon EC2, "Identify EC2 Linux
instances: DMI".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from trainfare.clusters.inventory import Inventory, Node, make_capacity
from trainfare.core.errors import OutsideFailed
from trainfare.core.period import SECOND
from trainfare.prices.download import Line, fetch

_CPUS = 'count by (instance) (count by (instance, cpu) (last_over_time(node_cpu_seconds_total{mode="idle"}[1d])))'
_GPUS = (
    'count by (Hostname) (count by (Hostname, UUID) (last_over_time({__name__=~"DCGM_FI_.+"}[1d])))'
)
_NAMES = "last_over_time(node_uname_info[1d])"
_BOARDS = "last_over_time(node_dmi_info[1d])"

_EC2 = re.compile(r"i-[0-9a-f]{8,17}")


def ask_inventory(address: str, at_ns: int) -> Inventory:
    """The nodes that a Prometheus knew within the day before *at_ns*; none without node exporter.

    Raises:
        OutsideFailed: it does not answer.
    """
    names = {
        one["metric"]["instance"]: one["metric"]["nodename"]
        for one in _ask(address, _NAMES, at_ns)
        if "nodename" in one["metric"]
    }
    if not names:
        return Inventory()
    cpus = {one["metric"]["instance"]: _count(one) for one in _ask(address, _CPUS, at_ns)}
    gpus = {one["metric"].get("Hostname"): _count(one) for one in _ask(address, _GPUS, at_ns)}
    boards = {one["metric"]["instance"]: one["metric"] for one in _ask(address, _BOARDS, at_ns)}
    return Inventory(
        {
            name: Node(
                name,
                make_capacity(
                    gpus.get(name) or gpus.get(name.partition(".")[0]), cpus.get(instance)
                ),
                _instance_id(boards.get(instance, {})),
            )
            for instance, name in names.items()
        }
    )


def _instance_id(board: Mapping[str, str]) -> str | None:
    """The provider's name of the machine, where its board bears it."""
    tag = board.get("board_asset_tag", "")
    return tag if _EC2.fullmatch(tag) else None


def _count(one: Mapping[str, Any]) -> int:
    return int(float(one["value"][1]))


def _ask(address: str, query: str, at_ns: int) -> list[Any]:
    words = urlencode({"query": query, "time": f"{at_ns // SECOND}"})
    answer = fetch(Line(), f"{address}/api/v1/query?{words}")
    try:
        found = json.loads(answer.body if answer else b"")["data"]["result"]
    except (ValueError, KeyError, TypeError) as error:
        raise OutsideFailed(f"{address} does not answer as Prometheus does: {error!r}") from None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
