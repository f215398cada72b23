"""Options of reading claims: what a source file does not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainfare.clusters.inventory import Inventory


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a user adds to a file; each reader takes what it needs."""

    now_ns: int
    """Until when a job that still runs is claimed: the time of the export."""
    cluster: str | None = None
    """Name of the cluster, where the file has none (Slurm, Kubernetes)."""
    zone: str = "UTC"
    """Time zone that sacct wrote its times in."""
    inventory: Inventory = field(default_factory=Inventory)
    """What the nodes have, and what the bill calls them."""
    scrape_interval_ns: int | None = None
    """Between two scrapes of DCGM; None is learnt from the file."""
    scraped_at_ns: int | None = None
    """When a single scrape without times of its own was taken."""
    runs: Mapping[str, str] = field(default_factory=dict)
    """Job, pod or ``namespace/pod`` → run, for DCGM and OpenCost where no label says it."""
