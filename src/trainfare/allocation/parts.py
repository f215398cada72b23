"""Parts of charges: the whole bill once more, every charge with its columns, once per owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainfare.allocation.database import MEMORY_LIMIT
from trainfare.allocation.engine_duckdb import DuckDBWorktable, worktable
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.sql import statements
from trainfare.core.charge import COLUMNS, View

BATCH_ROWS = 16_384
"""So many parts come at once."""

_TOGETHER = 256
"""Of a pool, so many runs are looked up at once; its parts of one charge then stand side by side."""


def stream_parts(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    spill: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[Any]:
    """Every part of every charge as Arrow batches, charges in order of files and rows.

    The parts of one charge stand side by side, but of pools of more than 256 runs.

    Laws: the parts of a charge lie between proportions that go from 0 to
    :data:`~trainfare.allocation.proportion.ONE` without a gap, and sum to it in every view; summed
    over the bill, every run and remainder has what the written result gives it.

    A batch has all columns of the lake, then ``file`` and ``row`` (where the charge lies in the lake),
    ``run`` or ``remainder``, ``method``, ``label``, ``low`` and ``high``, and an amount in nano-units
    per view.

    Args:
        charges: files of the lake, all charges of one billing period.
        evidence: as for the allocation.
        rules: as for the allocation.
        spill: the folder in which the database may put what exceeds its memory.
        memory_limit: what the database may hold in memory.

    Raises:
        BadInput: a file is not of the lake.
        NotFound: a file does not exist.
        OutsideFailed: memory, disk or a read failed.
    """
    with worktable(charges, evidence, rules, spill, memory_limit=memory_limit) as table:
        query = parts_query(table)
        # One thread that keeps to the given join order reads the bill from its first row to its last.
        for setting in ("threads = 1", "preserve_insertion_order = true"):
            table.database.execute(f"SET {setting}")
        table.database.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        yield from table.database.sql(query).to_arrow_reader(BATCH_ROWS)


def parts_query(table: DuckDBWorktable) -> str:
    """The query of every part of every charge; what it looks up is made first."""
    table.divide_pools()
    table.run("parts", together=_TOGETHER)
    (query,) = statements(
        "parts_stream", **table.pieces, lake_columns=_columns(), part_amounts=_amounts()
    )
    return query


def _columns() -> str:
    return ", ".join(f'"{name}"' for name in COLUMNS)


def _amounts() -> str:
    """An amount per view: of the charge, or what it adds to the run's part of its pool."""
    return ", ".join(
        f"CASE WHEN pool_run IS NULL THEN part({view}, from_low, to_high) "
        f"WHEN {view} IS NOT NULL THEN ({_of_pool(view, 'pool_high')} - {_of_pool(view, 'pool_low')})"
        f"::BIGINT END AS {view}"
        for view in View
    )


def _of_pool(view: View, share: str) -> str:
    before = f"{view}_to - part({view}, from_low, to_high)"
    return f"(wide_portion({view}_to, {share}) - wide_portion({before}, {share}))"
