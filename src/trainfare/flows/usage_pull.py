"""The pull of usage: Slurm, OpenCost, DCGM by Prometheus, or files → claims in the ledger.

Clusters are asked day by day, so that a claim begins where it began in every earlier answer and only
its end grows. The same records again change nothing.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from trainfare.core.errors import NotFound, OutsideFailed, TrainfareError
from trainfare.core.period import DAY, SECOND, format_instant
from trainfare.flows.job_plan import UsagePlace
from trainfare.flows.node_inventory import ask_inventory
from trainfare.flows.usage import ClaimImport, import_claims
from trainfare.prices.download import Line, fetch

if TYPE_CHECKING:
    from trainfare.clusters.inventory import Inventory

SACCT_FORMAT = (
    "jobid,cluster,partition,qos,account,user,start,end,elapsed,suspended,restarts,state,alloctres,"
    "nodelist,submitline,comment,jobname"
)

PATIENCE_SECONDS = 300
"""So long a command of Slurm may take."""

STEP_SECONDS = 60
"""Between two samples that Prometheus is asked for."""

_SERIES = (
    '{__name__=~"DCGM_FI_PROF_GR_ENGINE_ACTIVE|DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_FB_USED|'
    'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"}'
)
_DCGM = f"{_SERIES} and last_over_time({_SERIES}[{STEP_SECONDS}s])"
"""Prometheus repeats a value for five minutes where a series ends without its marker, as after its
own restart: a job would hold its GPU so much longer."""


@dataclass(frozen=True, slots=True)
class PulledUsage:
    """What one pull of all systems came to."""

    imported: tuple[ClaimImport, ...]
    failures: tuple[TrainfareError, ...]

    @property
    def added(self) -> int:
        """Claims that were not known before."""
        return sum(one.change.added for one in self.imported)

    @property
    def changed(self) -> int:
        """Claims that grew."""
        return sum(one.change.changed for one in self.imported)


def pull_usage(
    home: Path, places: Sequence[UsagePlace], *, at_ns: int | None = None
) -> PulledUsage:
    """Import what every system knows; one that fails does not keep the others from it."""
    now_ns = time.time_ns() if at_ns is None else at_ns
    imported: list[ClaimImport] = []
    failures: list[TrainfareError] = []
    for place in places:
        try:
            imported += _pull(home, place, now_ns)
        except TrainfareError as error:
            failures.append(error)
    return PulledUsage(tuple(imported), tuple(failures))


def _pull(home: Path, place: UsagePlace, now_ns: int) -> Iterator[ClaimImport]:
    from trainfare.clusters.options import ReadOptions

    options = ReadOptions(now_ns, cluster=place.cluster, inventory=_inventory(place, now_ns))
    with tempfile.TemporaryDirectory(prefix="trainfare-usage-") as folder:
        for path, kind in _exports(place, Path(folder), now_ns):
            yield import_claims(home, [path], options, kind=kind)


def _inventory(place: UsagePlace, now_ns: int) -> Inventory:
    from trainfare.clusters.inventory import Inventory, make_capacity, read_inventory

    found = Inventory()
    if place.nodes is not None:
        found = read_inventory(place.nodes)
    elif place.system == "slurm" and place.gpus_per_node is None and shutil.which("scontrol"):
        with _said_by("scontrol", "show", "nodes", "--all") as path:
            found = read_inventory(path)
    elif place.system == "dcgm" and place.gpus_per_node is None:
        found = ask_inventory(place.place, now_ns)
    if place.gpus_per_node is not None or place.cpus_per_node is not None:
        found = replace(found, default=make_capacity(place.gpus_per_node, place.cpus_per_node))
    return found


def _exports(place: UsagePlace, folder: Path, now_ns: int) -> Iterator[tuple[Path, str | None]]:
    """Files to import, each with its kind where that is known."""
    first_ns = now_ns // DAY * DAY - (place.days - 1) * DAY
    if place.system == "slurm":
        since = format_instant(first_ns)[:19]
        words = (
            "--allusers", "--allocations", "--duplicates", "--parsable2",
            "--format", _sacct_format(), "--starttime", since,
            *(("--clusters", place.cluster) if place.cluster else ()),
        )  # fmt: skip
        with _said_by("sacct", *words) as path:
            yield path, "sacct"
    elif place.system == "file":
        found = sorted(glob.glob(place.place, recursive=True))  # noqa: PTH207 (of any folder)
        if not found:
            raise NotFound(f"there is no file {place.place}; check files in jobs.toml")
        yield from ((Path(name), None) for name in found)
    else:
        for day_ns in range(first_ns, now_ns, DAY):
            url = _day_url(place, day_ns, min(day_ns + DAY, now_ns))
            answer = fetch(Line(), url)
            path = folder / f"{place.system}-{day_ns // DAY}.json"
            path.write_bytes(answer.body if answer else b"")
            if place.system == "dcgm" and _is_empty(path):
                continue  # nothing was scraped on that day
            yield path, place.system


def _sacct_format() -> str:
    """The columns that this Slurm's sacct has: 22.05 refuses a list with ``restarts`` in it."""
    with _said_by("sacct", "--helpformat") as path:
        known = set(path.read_text("utf-8", "replace").lower().replace("|", " ").split())
    return ",".join(name for name in SACCT_FORMAT.split(",") if name in known)


def _day_url(place: UsagePlace, since_ns: int, until_ns: int) -> str:
    since, until = (format_instant(ns // SECOND * SECOND) for ns in (since_ns, until_ns))
    if place.system == "opencost":
        words = {
            "window": f"{since},{until}",
            "includeIdle": "false",
            "includeProportionalAssetResourceCosts": "true",
        }
        return f"{place.place}/allocation?{urlencode(words)}"
    words = {"query": _DCGM, "start": since, "end": until, "step": str(STEP_SECONDS)}
    return f"{place.place}/api/v1/query_range?{urlencode(words)}"


def _is_empty(path: Path) -> bool:
    return b'"result":[]' in path.read_bytes()[:4096].replace(b" ", b"")


@contextmanager
def _said_by(command: str, *words: str) -> Iterator[Path]:
    """A file with what *command* prints; times are UTC.

    Raises:
        NotFound: the command is not on this machine.
        OutsideFailed: it failed, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="trainfare-slurm-") as folder:
        path = Path(folder) / f"{command}.txt"
        try:
            with path.open("wb") as out:
                done = subprocess.run(
                    [command, *words],
                    stdout=out,
                    stderr=subprocess.PIPE,
                    check=False,
                    timeout=PATIENCE_SECONDS,
                    env={**os.environ, "TZ": "UTC"},
                )
        except FileNotFoundError:
            raise NotFound(
                f"{command} is not on this machine; run the job where Slurm's commands are"
            ) from None
        except subprocess.TimeoutExpired:
            raise OutsideFailed(
                f"{command} said nothing for {PATIENCE_SECONDS} s; is slurmdbd up?"
            ) from None
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())[:300]
            raise OutsideFailed(f"{command} failed with exit code {done.returncode}: {said}")
        yield path
