"""Summary: what an allocation came to, per currency and view, and what it noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Standing:
    """What one kind of owner has by one method in one currency."""

    currency: str
    remainder: str | None
    """None for runs."""
    method: str
    rows: int
    """Rows of the result."""
    priced: int
    """Of them, those with an effective amount."""
    amounts: tuple[int, ...]
    """Nano-units per view, in the order of View; 0 where no row has one."""

    def plus(self, other: Standing) -> Standing:
        """Both together."""
        return replace(
            self,
            rows=self.rows + other.rows,
            priced=self.priced + other.priced,
            amounts=tuple(map(add, self.amounts, other.amounts)),
        )


def read_standings(table: Worktable, result: str) -> list[Standing]:
    """Where the money of a written *result* stands."""
    [question] = statements("standings", result=result)
    return [standing_of(row) for row in table.rows(question)]


def standing_of(row: Sequence[Any]) -> Standing:
    """One row of ``standings.sql``."""
    currency, remainder, method, rows, priced, *amounts = row
    known = tuple(int(amount or 0) for amount in amounts)
    return Standing(currency, remainder, method, int(rows), int(priced), known)


def summarise(table: Worktable, standings: Sequence[Standing], out: Path) -> AllocationSummary:
    """The summary of a result that is named *out*, from its *standings* and the tables behind it."""
    table.find_stale(SHOWN)
    answers = [table.rows(statement) for statement in statements("summary", shown=SHOWN)]
    [(charges,)], lacking, stale, unbilled = answers
    lacks = {currency: counts for currency, *counts in lacking}
    sums: dict[tuple[str, str | None], list[int]] = {}
    methods: dict[tuple[str, str], int] = {}
    for one in standings:
        amounts = sums.setdefault((one.currency, one.remainder), [0] * len(View))
        for position, nano in enumerate(one.amounts):
            amounts[position] += nano
        if one.remainder is None and one.priced:
            methods[one.currency, one.method] = one.amounts[list(View).index(View.EFFECTIVE)]
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
        rows=sum(one.rows for one in standings),
        charges=charges,
        outcomes=outcomes,
        methods=methods,
        stale_tags=tuple(
            StaleTag(resource, tag_run, tuple(runs), currency, int(claimed), int(idle))
            for resource, tag_run, runs, currency, claimed, idle, _ in stale
        ),
        stale_tag_count=stale[0][-1] if stale else 0,
        unbilled=tuple(name for name, _ in unbilled),
        unbilled_count=unbilled[0][1] if unbilled else 0,
    )


def _sum(
    sums: Mapping[tuple[str, str | None], Sequence[int]],
    currency: str,
    owner: Remainder | None,
    position: int,
) -> int:
    """What one kind of owner (None: runs) has in one view."""
    amounts = sums.get((currency, owner))
    return amounts[position] if amounts else 0
