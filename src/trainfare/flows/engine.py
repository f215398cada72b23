"""Engines: which one allocates, as options and the environment say it.

TRAINFARE_ENGINE=duckdb                 in this process; so it is where nothing is said
TRAINFARE_ENGINE=spark                  on Spark, where its own settings say
TRAINFARE_ENGINE=spark://HOST:PORT      on that cluster
TRAINFARE_ENGINE=sc://HOST:PORT         through that Spark Connect server
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput

if TYPE_CHECKING:
    from trainfare.allocation.evidence import Evidence
    from trainfare.allocation.rules import Rules
    from trainfare.allocation.spark import Cluster
    from trainfare.allocation.summary import AllocationSummary

VARIABLE = "TRAINFARE_ENGINE"


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
    if word.startswith("sc://"):
        return Cluster(remote=word)
    if word.startswith("spark://"):
        return Cluster(master=word)
    raise BadInput(
        f"{VARIABLE}={word} is no engine; say duckdb, spark, spark://HOST:PORT or sc://HOST:PORT"
    )


def write_allocation(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules,
    out: Path,
    *,
    keep: Path,
    cluster: Cluster | None,
) -> AllocationSummary:
    """Allocate on *cluster* into a folder *out*; on None in this process, into a file *out*.

    *keep* is where in this process a survey of the bill is kept.
    """
    if cluster is not None:
        from trainfare.allocation.engine_spark import allocate as allocate_on_spark

        return allocate_on_spark(charges, evidence, rules, out=out, cluster=cluster)
    from trainfare.allocation.engine_duckdb import allocate

    return allocate(charges, evidence, rules, out=out, keep=keep)
