"""Engines: which one allocates, as options and the environment say it.

TRAINFARE_ENGINE=duckdb                 in this process; so it is where nothing is said
TRAINFARE_ENGINE=spark                  on Spark, where its own settings say
TRAINFARE_ENGINE=spark://HOST:PORT      on that cluster
TRAINFARE_ENGINE=sc://HOST:PORT         through that Spark Connect server
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, NotFound, OutsideFailed

if TYPE_CHECKING:
    from trainfare.allocation.evidence import Evidence
    from trainfare.allocation.rules import Rules
    from trainfare.allocation.spark import Cluster
    from trainfare.allocation.summary import AllocationSummary

VARIABLE = "TRAINFARE_ENGINE"

_LEFT_SECONDS = 86_400
"""A result this old that is not current was left behind."""


def chosen_cluster(
    engine: str | None = None, master: str | None = None, remote: str | None = None
) -> Cluster | None:
    """Where Spark is that shall allocate; None: DuckDB shall.

    Args:
        engine: ``duckdb`` or ``spark``; None: as :data:`VARIABLE` says.
        master: a cluster, ``spark://HOST:PORT`` or ``local[N]``; this process is its driver.
        remote: a Spark Connect server, ``sc://HOST:PORT``.

    Raises:
        BadInput: they contradict each other.

    >>> chosen_cluster("duckdb") is None, chosen_cluster(remote="sc://here").remote
    (True, 'sc://here')
    """
    from trainfare.allocation.spark import Cluster

    if master and remote:
        raise BadInput(
            "a cluster is reached by --master or by --remote, not by both; leave one out"
        )
    said = os.environ.get(VARIABLE, "").strip()
    if master or remote:
        if engine == "duckdb":
            raise BadInput(
                "DuckDB has no --master and no --remote; leave them out or say --engine spark"
            )
        return Cluster(master, remote)
    word = engine or said or "duckdb"
    if engine == "spark" and "://" in said:
        word = said
    if word == "duckdb":
        return None
    if word == "spark":
        return Cluster()
    if word.startswith("sc://") and word != "sc://":
        return Cluster(remote=word)
    if word.startswith("spark://") and word != "spark://":
        return Cluster(master=word)
    raise BadInput(
        f"{VARIABLE}={word} is no engine; say duckdb, spark, spark://HOST:PORT or sc://HOST:PORT"
    )


def base_folder(home: Path, period: str) -> Path:
    """Where it is kept what the next allocation of a period can go on from."""
    return home / "bases" / period


def survey_folder(home: Path, period: str) -> Path:
    """Where it is kept what the bill of a period is made of."""
    return home / "surveys" / period


def sweep_results(home: Path, period: str, known: Collection[str]) -> None:
    """Remove results of *period* that did not become current within a day: a crash came between.

    Args:
        home: the home.
        period: the billing period.
        known: results that are or were current, as paths within the home.
    """
    for result in (home / "allocations" / period).glob("[!.]*"):
        is_left = time.time() - result.stat().st_mtime > _LEFT_SECONDS
        if not is_left or result.relative_to(home).as_posix() in known:
            continue
        if result.is_dir():
            shutil.rmtree(result, ignore_errors=True)
        else:
            result.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Work:
    """What allocating a bill came to, and how much of it was allocated."""

    summary: AllocationSummary
    touched: tuple[int, int] | None = None
    """So many days of resources' charges, of so many; None: the whole bill."""
    whole_because: str | None = None
    """Why the whole bill, though there was an allocation before."""


def allocation_sql(dialect: str, rules: Rules) -> str:
    """The allocation by *rules* as SQL for a warehouse.

    Raises:
        BadInput: there is no such dialect.
    """
    from trainfare.allocation.emitted import emitted_sql

    return emitted_sql(dialect, rules)


def write_allocation(
    home: Path,
    period: str,
    inputs: str,
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules,
    *,
    last: Path | None,
    cluster: Cluster | None,
) -> Work:
    """Allocate a bill on *cluster*, or in this process (None), and write the result.

    In this process, only what changed since the result *last* is allocated, or all of it where that
    cannot be told.

    Raises:
        BadInput: the bill or the evidence is wrong.
        NotFound: a file of the bill is gone.
        OutsideFailed: memory, disk or a read failed.
    """
    out = home / "allocations" / period / inputs
    with _writing(home, period):
        out.parent.mkdir(parents=True, exist_ok=True)
        if cluster is not None:
            from trainfare.allocation.engine_spark import allocate as allocate_on_spark

            return Work(allocate_on_spark(charges, evidence, rules, out=out, cluster=cluster))
        from trainfare.allocation.engine_duckdb import allocate
        from trainfare.allocation.increment import reallocate
        from trainfare.allocation.kept_result import NotReusable

        keep, base, because = survey_folder(home, period), base_folder(home, period), None
        if last is not None:
            part = out.with_name(f"{inputs}-renewed")
            try:
                done = reallocate(
                    charges, evidence, rules, last=last, out=part, keep=keep, base=base
                )
            except (NotReusable, BadInput, NotFound, OutsideFailed) as error:
                # What is wrong with the bill itself, allocating all of it says.
                because = str(error)
            else:
                return Work(done.summary, (done.touched, done.cells))
        whole = out.with_name(f"{inputs}.parquet")
        summary = allocate(charges, evidence, rules, out=whole, keep=keep, base=base)
        return Work(summary, whole_because=because)


@contextmanager
def _writing(home: Path, period: str) -> Iterator[None]:
    """Say what was to be written where the disk refuses."""
    try:
        yield
    except OSError as error:
        raise OutsideFailed(
            f"cannot write the allocation of {period} in {home}: {error}; free space, or see who may "
            "write there"
        ) from None
