"""Summary: what an allocation came to, per currency and view, and what it noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.allocation.sql import statements
from trainfare.allocation.worktable import Worktable
from trainfare.core.charge import Remainder, View

SHOWN = 100
"""So many stale tags and unbilled resources are told; the counts are of all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the charges of one currency stand in one view, in nano-units."""

    currency: str
    view: View
    runs: int
    remainders: Mapping[Remainder, int]
    """Every remainder, 0 where nothing stands there."""
    missing: int
    """Charges that have no amount in this view; they are in no sum."""

    @property
    def bill(self) -> int:
        """All of it."""
        return self.runs + sum(self.remainders.values())


@dataclass(frozen=True, slots=True)
class StaleTag:
    """A resource whose tags name one run while others were measured on it."""

    resource: str
    tag_run: str
    runs: tuple[str, ...]
    """Up to five of the runs that claim it, in order of ids."""
    currency: str
    claimed_nano: int
    """Effective cost that went to those runs, against the tag."""
    idle_nano: int
    """Effective cost of the time that no run claimed; the tag did not take it."""


@dataclass(frozen=True, slots=True)
class AllocationSummary:
    """What :func:`~trainfare.allocation.engine_duckdb.allocate` wrote and noticed."""

    out: Path
    rows: int
    charges: int
    outcomes: tuple[Outcome, ...]
    """Per currency and view, in order of currencies."""
    methods: Mapping[tuple[str, str], int]
    """(currency, method) → effective nano-units that runs got by it."""
    stale_tags: tuple[StaleTag, ...]
    """The costliest first."""
    stale_tag_count: int
    unbilled: tuple[str, ...]
    """Claimed resources that no charge names, in order of names: a wrong id, or a missing bill."""
    unbilled_count: int


def summarise(table: Worktable, result: str, out: Path) -> AllocationSummary:
    """Read the summary from a written *result*, which will be named *out*, and from the tables."""
    table.run("stale", shown=SHOWN)
    answers = [
        table.rows(statement) for statement in statements("summary", result=result, shown=SHOWN)
    ]
    [(rows, charges)], standing, lacking, methods, stale, unbilled = answers
    lacks = {currency: counts for currency, *counts in lacking}
    sums = {(currency, owner): amounts for currency, owner, *amounts in standing}
    outcomes = tuple(
        Outcome(
            currency=currency,
            view=view,
            runs=_sum(sums, currency, None, position),
            remainders={each: _sum(sums, currency, each, position) for each in Remainder},
            missing=int(lacks[currency][position]),
        )
        for currency in sorted({currency for currency, _ in sums})
        for position, view in enumerate(View)
    )
    return AllocationSummary(
        out=out,
        rows=rows,
        charges=charges,
        outcomes=outcomes,
        methods={(currency, method): int(nano) for currency, method, nano in methods},
        stale_tags=tuple(
            StaleTag(resource, tag_run, tuple(runs), currency, int(claimed), int(idle))
            for resource, tag_run, runs, currency, claimed, idle, _ in stale
        ),
        stale_tag_count=stale[0][-1] if stale else 0,
        unbilled=tuple(name for name, _ in unbilled),
        unbilled_count=unbilled[0][1] if unbilled else 0,
    )


def _sum(
    sums: Mapping[tuple[str, str | None], Sequence[int | None]],
    currency: str,
    owner: Remainder | None,
    position: int,
) -> int:
    """What one kind of owner (None: runs) has in one view."""
    amounts = sums.get((currency, owner))
    return int(amounts[position] or 0) if amounts else 0
