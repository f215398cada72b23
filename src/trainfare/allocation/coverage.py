"""Coverage: what commitments covered of each run, hour by hour, and what it pays with or without them.

    charges × claims × rules → parts of what commitments cover, could have covered, or left unused

Sharing the benefit of a commitment is a choice. *As billed*, a run has it whose hour the provider
happened to cover. *Pooled*, all usage of the machines that commitments of one provider did cover in
a billing period pays the same mean rate: its effective cost together, divided in proportion to what
each part would cost on demand. *None* is what each would pay had nothing been bought.

Laws, held by tests: pooled corrections sum to 0 in each pool; as billed and pooled differ for nobody
outside of pools; without commitments the bill costs more by exactly what they saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.allocation.database import MEMORY_LIMIT, files_sql, open_database
from trainfare.allocation.engine_duckdb import worktable
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import literal
from trainfare.allocation.parts import parts_query
from trainfare.allocation.pieces import pool_rules
from trainfare.allocation.quantity import DAY_US, HOUR_US
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.sql import statements
from trainfare.core.charge import Remainder

HOURS, POOLED, NONE = "hours.parquet", "pooled.parquet", "none.parquet"
"""The files that are made: who had what when; corrections of a result, pooled and without."""

_KEYS = (
    "run, remainder, method, label, resource, service, account, region, component, day, currency, "
    "charge_category"
)


@dataclass(frozen=True, slots=True)
class CoveredHour:
    """One owner's part of what commitments cover, could have, or left unused, in a charge period."""

    provider: str
    region: str
    sku: str
    currency: str
    start_us: int
    end_us: int
    commitment: str | None
    """Its id; empty where the bill names none, None for usage that was paid on demand."""
    is_unused: bool
    run: str | None
    remainder: Remainder | None
    on_demand: int
    """0 where nothing was used, or the bill does not say."""
    effective: int
    unpriced: int
    """Parts whose on-demand cost the bill does not say."""

    @property
    def hours(self) -> range:
        """The hours since the epoch that its charge period touches."""
        return range(self.start_us // HOUR_US, -(-self.end_us // HOUR_US))


def write_coverage(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    out: Path,
    memory_limit: str = MEMORY_LIMIT,
) -> None:
    """Write :data:`HOURS`, :data:`POOLED` and :data:`NONE` of one billing period into *out*.

    Args:
        charges: files of the lake, all charges of one billing period.
        evidence: as for the allocation.
        rules: as for the allocation.
        out: an empty folder.
        memory_limit: what the database may hold in memory; beyond, it spills beside *out*.

    Raises:
        BadInput: a file is not of the lake.
        OutsideFailed: memory, disk or a read failed.
    """
    with worktable(charges, evidence, rules, out.parent, memory_limit=memory_limit) as table:
        stream = parts_query(table)
        table.run(
            "coverage",
            stream=stream,
            keys=_KEYS,
            day_us=DAY_US,
            pool_rules=pool_rules(rules),
            hours_file=literal(str(out / HOURS)),
            pooled_file=literal(str(out / POOLED)),
            none_file=literal(str(out / NONE)),
        )


def read_covered_hours(files: Sequence[Path]) -> list[CoveredHour]:
    """The hours that :func:`write_coverage` wrote, in a fixed order."""
    if not files:
        return []
    [query] = statements("covered_hours", files=files_sql(files))
    with open_database() as database:
        rows = database.execute(query).fetchall()
    return [_hour(row) for row in rows]


def _hour(row: Sequence[Any]) -> CoveredHour:
    left, *amounts = row[9:]
    remainder = None if left is None else Remainder(left)
    on_demand, effective, unpriced = (int(each or 0) for each in amounts)
    values = (*row[:9], remainder, on_demand, effective, unpriced)
    return CoveredHour(*values)
