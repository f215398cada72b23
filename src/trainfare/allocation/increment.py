"""Increments: a bill allocated again where claims or charges changed, and nowhere else.

A changed claim reaches the charges of its place on its days, and through names, tags and the order
of steps sometimes all charges of a place. A new delivery of the bill reaches the days of faces with
other charges, and through the time that is paid for, all charges of their resources on these days.
The resource-days so touched are allocated anew by the same statements as a whole bill; all other
rows of the last result stay as they are, in the file where they are:

    the last result − rows of touched resource-days + their new rows
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from trainfare.allocation.database import files_sql
from trainfare.allocation.engine_duckdb import DuckDBWorktable, in_memory, open_bill
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.kept_result import (
    BASE,
    BILL,
    FRESH,
    GONE,
    SURVEYED,
    KeptResult,
    NotReusable,
    ResultKeeper,
    facts_of,
    find_kept_result,
    keeping,
)
from trainfare.allocation.kept_survey import file_of, link
from trainfare.allocation.match import literal
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.sql import statements
from trainfare.allocation.summary import AllocationSummary, Standing, standing_of, summarise
from trainfare.core.disk import flush

TOUCHED_MAX = 0.25
"""Where more of the resource-days are touched, all are allocated."""
RENEWED_MAX = 0.5
"""Where more rows than this part of the first result were renewed, it is written as a whole."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What allocating a change did."""

    summary: AllocationSummary
    touched: int
    """Days of resources' charges that were allocated anew."""
    cells: int
    """Of so many."""


def reallocate(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    last: Path,
    out: Path,
    keep: Path,
    base: Path,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Renewal:
    """Allocate what changed since the result *last*, and write the result to *out*.

    Law: the rows of the result are those of allocating the whole bill.

    Args:
        charges: as for :func:`~trainfare.allocation.engine_duckdb.allocate`.
        evidence: all of it, not only what changed.
        rules: as for the allocation.
        last: the result to go on from.
        out: the folder to write, whole or not at all.
        keep: as for the allocation.
        base: where the last allocation kept what this one goes on from, and where this one does.
        memory_limit: as for the allocation.
        threads: as for the allocation.

    Raises:
        NotReusable: the whole bill must be allocated.
        BadInput: as the allocation.
        NotFound: as the allocation.
        OutsideFailed: as the allocation.
    """
    kept = find_kept_result(base, last)

    def work(limit: str) -> Renewal:
        with open_bill(charges, out.parent, limit, threads) as (database, spill):
            table = Increment(database, charges, rules)
            with table.keeping(kept, base, out, evidence) as table.keeper:
                table.prepare(evidence, spill, keep)
                return table.renew(out)

    return in_memory(memory_limit, work)


class Increment(DuckDBWorktable):
    """A bill of which only what changed is on its way through the steps."""

    kept: KeptResult
    is_new_bill: bool
    """Whether the bill is another delivery than that of the kept result."""

    def keeping(
        self, kept: KeptResult, base: Path, out: Path, evidence: Evidence
    ) -> AbstractContextManager[ResultKeeper]:
        """Go on from *kept*, and keep under *base* what the next one goes on from.

        Raises:
            NotReusable: more has changed than can be gone on from.
        """
        facts = facts_of(evidence, self.rules, self.survey_name)
        changed = [name for name, fact in facts.items() if kept.facts.get(name) != fact]
        self.is_new_bill = BILL in changed
        if changed not in ([], [BILL]):
            raise NotReusable(f"{next(name for name in changed if name != BILL)} changed")
        self.kept = kept
        return keeping(base, out, facts)

    def decide(self) -> None:
        """Decide every face's way, and find what that and the claims' changes touch."""
        super().decide()
        tables = {f"kept_{name}": self.kept.table(name) for name in ("outs", "places", *SURVEYED)}
        self.run("called", **tables)
        self.compare_bills()
        self.run("touched")
        self.touched = self.count("touched_cells")
        self.cells = self.count(str(self.pieces["totals"]))
        if self.touched > self.cells * TOUCHED_MAX:
            raise NotReusable(f"{self.touched} of {self.cells} resource-days changed")
        pooled = "FROM {} WHERE pool IS NOT NULL LIMIT 1"
        if any(self.rows(pooled.format(outs)) for outs in ("outs", self.kept.table("outs"))):
            raise NotReusable("rules divide over all runs")
        totals = self.pieces["totals"]
        self.pieces["totals"] = f"(FROM {totals} SEMI JOIN touched_cells USING (face, day))"

    def compare_bills(self) -> None:
        """Find where the bill is another than that of the kept result."""
        if not self.is_new_bill:
            self.take("changed_cells", {"face": "INTEGER", "day": "INTEGER"}, ())
            self.take("changed_days", {"name": "VARCHAR", "day": "INTEGER"}, ())
            self.take("retimed", {"one_name": "VARCHAR"}, ())
            return
        self.run("bill_changes")
        if self.rows("FROM renumbered LIMIT 1"):
            raise NotReusable("the bill changed and the survey of the one before is gone")

    def keep_claims(self, keeper: ResultKeeper) -> None:
        """Keep claims, and find those that have changed."""
        now = keeper.keep_claims(self)
        before = {f"kept_{name}": self.kept.table(name) for name in now}
        self.run("changes", **now, **before)

    def renew(self, out: Path) -> Renewal:
        """Allocate what is touched, and write it beside what is not."""
        self.divide_pools()
        self.run("result")
        partial = self.folder / "renewed"  # what kills us there, the next allocation removes
        partial.mkdir()
        files = {f"{name}_file": literal(str(file_of(partial, name))) for name in (GONE, FRESH)}
        self.run("renewed", **self.kept.rows_sql(), **files)
        renewed = [self.count(files_sql([file_of(partial, name)])) for name in (GONE, FRESH)]
        if max(renewed) > self.kept.base_rows * RENEWED_MAX:
            raise NotReusable("much has changed since the whole bill was allocated")
        standings = self.standings()
        summary = summarise(self, standings, out)
        link(self.kept.base, file_of(partial, BASE))
        for file in partial.iterdir():
            flush(file)
        shutil.rmtree(out, ignore_errors=True)
        partial.rename(out)
        flush(out.parent)
        assert self.keeper is not None
        self.keeper.settle(self, standings, self.kept.base_rows)
        return Renewal(summary, self.touched, self.cells)

    def find_stale(self, shown: int) -> None:
        """Find stale tags: which of them cost most by sums, and of those the runs by their rows."""
        self.run("tag_changes", kept_tags=self.kept.table("tags"))
        which, runs = (
            statements("stale", shown=shown)[part] for part in (slice(3), slice(3, None))
        )
        for statement in which:
            self.execute(statement)
        self.run("tag_rows")
        for statement in runs:
            self.execute(statement)

    def count(self, rows: str) -> int:
        """How many rows a table has."""
        [(found,)] = self.rows(f"FROM {rows} SELECT count(*)")
        return int(found)

    def standings(self) -> list[Standing]:
        """Where money stands: where it stood, less what went, and what came."""
        sums: dict[tuple[str, str | None, str], Standing] = {
            (one.currency, one.remainder, one.method): one for one in self.kept.standings
        }
        for row in self.rows("FROM turnover"):
            change = standing_of(row)
            key = (change.currency, change.remainder, change.method)
            sums[key] = sums[key].plus(change) if key in sums else change
        return [one for one in sums.values() if one.rows]
