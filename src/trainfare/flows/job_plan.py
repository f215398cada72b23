"""The plan of jobs: what ``jobs.toml`` in the home says a server is to do by itself, and when.

    [when]                        # a job's own time otherwise; UTC
    bills = "1h"                  # every so often: 90s, 5m, 2h, 1d
    prices = "30 6 * * *"         # or as cron writes it
    usage = "off"

    [[bill]]
    place = "s3://bills/focus/"   # a folder, or an s3://, gs:// or az:// address
    source = "aws"                # as trainfare bill import --source

    [[prices]]
    feed = "aws-api"              # as trainfare prices refresh --feed
    regions = ["us-east-1"]
    only = "accelerators"

    [[usage]]
    from = "slurm"                # sacct of this machine
    cluster = "hpc"

    [[usage]]
    from = "opencost"             # or dcgm, both by their address
    url = "http://opencost:9003"
    days = 2                      # so many days back are asked for

    [[usage]]
    from = "file"
    files = "jobs/*.csv"          # a path, * and ** allowed
    nodes = "nodes.csv"           # as trainfare claims import --nodes
    gpus_per_node = 8             # of every node, instead
    cpus_per_node = 192

    [preview]
    from = "aws"                  # Cost Explorer and Budgets, beside the bill

    [commitments]
    least_saving = "500"          # a month; what saves less is not told
    longest = "3y"                # 1m, 6m, 1y or 3y
    rates = "rates.csv"           # instead of the price book

    [trackers]
    mlflow = ["http://mlflow:5000"]  # as trainfare trackers sync

A home without the file has no places to pull from; what needs none is done all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.toml_table import TomlTable, read_toml

OFF = "off"

_TABLES = ("when", "bill", "prices", "usage", "preview", "trackers", "commitments")

TERMS = ("1m", "6m", "1y", "3y")
"""Of commitments."""

SYSTEMS = ("slurm", "opencost", "dcgm", "file")
"""Whence usage is pulled."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EVERY = re.compile(r"([1-9]\d{0,6})([smhd])")
_CRON = re.compile(r"[\d*,/-]+( [\d*,/-]+){2}( [\da-zA-Z*,/-]+){2}")
_SHORTEST = 10


@dataclass(frozen=True, slots=True)
class BillPlace:
    """Where deliveries of one bill arrive."""

    place: str
    """A folder or an object address; ``{month}`` in it stands for 2026-10 and the month before."""
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PriceOrder:
    """What to refresh by one feed of prices."""

    feed: str
    regions: tuple[str, ...] = ()
    only_accelerators: bool = False


@dataclass(frozen=True, slots=True)
class UsagePlace:
    """A system that knows which job held what."""

    system: str
    place: str = ""
    """A URL of OpenCost or Prometheus, or files; empty for Slurm, which is asked by its commands."""
    cluster: str | None = None
    nodes: Path | None = None
    """What the nodes have, as ``trainfare claims import --nodes`` reads it."""
    gpus_per_node: int | None = None
    cpus_per_node: int | None = None
    days: int = 2
    """So many days back are asked for each time: what ended late is found."""


@dataclass(frozen=True, slots=True)
class CommitmentOrder:
    """How commitments are planned again and again; None leaves it to the planner."""

    least_saving: str | None = None
    longest: str | None = None
    rates: Path | None = None


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What a server is to do by itself."""

    when: Mapping[str, str] = field(default_factory=dict)
    """Job → its time, where it is not the job's own."""
    bills: tuple[BillPlace, ...] = ()
    prices: tuple[PriceOrder, ...] = ()
    usage: tuple[UsagePlace, ...] = ()
    preview: str | None = None
    """Whose own tools tell of the open month: "aws"."""
    trackers: tuple[str, ...] | None = None
    """MLflow stores whose runs get what ours cost, beside those that runs know of themselves."""
    commitments: CommitmentOrder = field(default_factory=CommitmentOrder)


def plan_file(home: Path) -> Path:
    """Where the plan of a home is."""
    return home / "jobs.toml"


def interval_ns(when: str) -> int | None:
    """Nanoseconds between two runs of "5m" and the like; None where *when* is cron's.

    >>> interval_ns("5m")
    300000000000
    """
    found = _EVERY.fullmatch(when)
    return None if found is None else int(found[1]) * _SECONDS[found[2]] * SECOND


def read_plan(home: Path, jobs: Sequence[str], feeds: Sequence[str]) -> JobPlan:
    """What the file in *home* says; an empty plan without one.

    Args:
        home: whose plan.
        jobs: names of all jobs.
        feeds: names of all feeds of prices.

    Raises:
        BadInput: it is wrong; the sentence says where and what would be right.
    """
    path = plan_file(home)
    document = read_toml(path)
    if document is None:
        return JobPlan()
    top = TomlTable(str(path), document, _TABLES)
    return JobPlan(
        _when(top, jobs),
        tuple(_bill(one) for one in top.tables("bill", ("place", "source"))),
        tuple(_prices(one, feeds) for one in top.tables("prices", ("feed", "regions", "only"))),
        tuple(_usage(home, one) for one in top.tables("usage", _USAGE_KEYS)),
        _preview(top),
        _trackers(top),
        _commitments(home, top),
    )


def _when(top: TomlTable, jobs: Sequence[str]) -> dict[str, str]:
    table = top.table("when", tuple(jobs))
    if table is None:
        return {}
    times = {name: table.need(name) for name in jobs if name in table.document}
    for name, when in times.items():
        lasts_ns = interval_ns(when)
        if lasts_ns is not None and lasts_ns < _SHORTEST * SECOND:
            raise BadInput(f"{table.where}: {name} {when!r} is shorter than {_SHORTEST}s")
        if lasts_ns is None and when != OFF and not _CRON.fullmatch(when):
            raise BadInput(
                f"{table.where}: {name} {when!r} is no time; write 30s, 5m, 2h, 1d, cron's five "
                "fields such as '30 6 * * *', or off"
            )
    return times


def _bill(table: TomlTable) -> BillPlace:
    return BillPlace(table.need("place"), table.text("source"))


def _prices(table: TomlTable, feeds: Sequence[str]) -> PriceOrder:
    is_few = table.text("only") is not None and bool(table.choice("only", ("accelerators",)))
    return PriceOrder(table.choice("feed", feeds), table.texts("regions"), is_few)


_USAGE_KEYS = (
    "from", "url", "files", "cluster", "nodes", "gpus_per_node", "cpus_per_node", "days",
)  # fmt: skip


def _usage(home: Path, table: TomlTable) -> UsagePlace:
    system = table.choice("from", SYSTEMS)
    place = ""
    if system in ("opencost", "dcgm"):
        place = table.need("url").rstrip("/")
        parts = urlsplit(place)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{table.where}: url is no address such as http://opencost:9003")
    elif system == "file":
        place = table.need("files")
    nodes = table.text("nodes")
    return UsagePlace(
        system,
        place,
        table.text("cluster"),
        None if nodes is None else home / Path(nodes).expanduser(),
        table.number("gpus_per_node", 0),
        table.number("cpus_per_node", 1),
        table.number("days", 1) or 2,
    )


def _preview(top: TomlTable) -> str | None:
    table = top.table("preview", ("from",))
    return None if table is None else table.choice("from", ("aws",))


def _trackers(top: TomlTable) -> tuple[str, ...] | None:
    table = top.table("trackers", ("mlflow",))
    return None if table is None else table.texts("mlflow")


def _commitments(home: Path, top: TomlTable) -> CommitmentOrder:
    table = top.table("commitments", ("least_saving", "longest", "rates"))
    if table is None:
        return CommitmentOrder()
    rates, least = table.text("rates"), table.text("least_saving")
    if least is not None and Money.parse(least).nano <= 0:
        raise BadInput(f"{table.where}: least_saving {least!r} is not more than 0")
    longest = table.choice("longest", TERMS) if table.text("longest") else None
    return CommitmentOrder(
        least, longest, None if rates is None else home / Path(rates).expanduser()
    )
