"""The worktable: a bill, its evidence and its rules on their way through the steps, on any engine.

The steps stand as statements in the ``.sql`` files of this room, once for all engines. An engine
brings tables in, executes statements and answers questions; the order of the steps is here:

    faces → census → survey → paid → places → ways → decisions → shares → capacity → division → amounts → pools → result
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainfare.allocation.evidence import SHARE_GRID, Evidence
from trainfare.allocation.pieces import (
    bill_pieces,
    decision_pieces,
    missing_counts,
    pool_rules,
    rule_pieces,
    tag_pieces,
)
from trainfare.allocation.rules import Rules
from trainfare.allocation.sql import statements
from trainfare.allocation.tags import run_named
from trainfare.allocation.time_shares import TICKS
from trainfare.core.charge import COLUMNS, View
from trainfare.core.errors import BadInput

_HOUR_GRAIN, _DAY_GRAIN, _ODD_GRAIN = 0, 1, 2
_NARROW_MAX = 2**62
"""Weights below this fit 64 bits."""


class Worktable(ABC):
    """A bill, its evidence and its rules in one engine, on their way through the steps."""

    def __init__(self, files: str, rules: Rules, columns: Sequence[str]) -> None:
        self.rules = rules
        self.pieces = bill_pieces(files, columns) | tag_pieces()

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Execute one statement of this room's text."""

    @abstractmethod
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query; few of them."""

    @abstractmethod
    def columns(self) -> set[str]:
        """The columns that the bill's files have."""

    @abstractmethod
    def take(self, name: str, kinds: Mapping[str, str], rows: Iterable[Sequence[object]]) -> None:
        """Make a temporary table of *rows*; *kinds* are its columns' types."""

    @abstractmethod
    def take_claims(self, claims: Any) -> None:
        """Bring claims in, instead of those that are there."""

    @abstractmethod
    def texts(self, table: str) -> Iterable[str]:
        """The column ``text`` of a table, row by row."""

    @abstractmethod
    def divide_crowds(self) -> None:
        """Divide the periods that several runs hold."""

    def run(self, name: str, **pieces: object) -> None:
        """Execute the statements of ``name.sql``."""
        self.pieces.update(pieces)
        for statement in statements(name, **self.pieces):
            self.execute(statement)

    def check_files(self) -> None:
        """Refuse files that are not of the lake.

        Raises:
            BadInput: a column is missing.
        """
        found = self.columns()
        missing = [name for name in COLUMNS if name not in found]
        if missing:
            raise BadInput(
                f"not files of the lake: column {missing[0]} is missing; import the bill first"
            )

    def take_evidence(self, evidence: Evidence) -> None:
        """Bring the evidence in."""
        self.take("jobs", {"name": "VARCHAR", "run": "VARCHAR"}, evidence.jobs.items())
        names = {"name": "VARCHAR", "parent": "VARCHAR"}
        self.take("attachments", names, evidence.attachments.items())
        lives = [
            (name, each.start_ns // 1000, each.end_ns // 1000) for name, each in evidence.lives
        ]
        self.take("lives", {"name": "VARCHAR", "start_us": "BIGINT", "end_us": "BIGINT"}, lives)
        self.take("run_bytes", {"run": "VARCHAR", "bytes": "BIGINT"}, evidence.run_bytes.items())
        self.take_claims(evidence.claims)

    def missing(self) -> str:
        """The counts of charges without an amount, for the views where there can be any."""
        [(charges, *known)] = self.rows(
            "SELECT charges, billed, effective, list, contracted FROM census"
        )
        return missing_counts([v for v, n in zip(View, known, strict=True) if n < charges])

    def decide(self) -> None:
        """Decide every face's way, once places are known."""
        self.run("places")
        self.run("ways", **rule_pieces(self.rules))
        named = ((text, run_named(text)) for text in self.texts("derived"))
        self.take("derived", {"text": "VARCHAR", "run": "VARCHAR"}, named)
        self.run("decisions", **decision_pieces(self.rules))

    def find_grains(self) -> tuple[list[int], int]:
        """The grains that the bill has, and its longest period; after its survey."""
        [(first, last, longest, *has)] = self.rows(
            "SELECT first_us, last_us, longest_us, has_hours, has_days, has_odd, has_none FROM census"
        )
        grains = [grain for grain, there in enumerate(has) if there]
        # Where all periods are hours, or all are days, their start says which one it is.
        is_plain = grains in ([_HOUR_GRAIN], [_DAY_GRAIN])
        self.pieces["period"] = "place, start_us" if is_plain else "place, start_us, end_us"
        self.pieces.update(first_us=first or 0, last_us=last or 0)
        return grains, longest or 0

    def divide_time(self, grains: Sequence[int], longest_us: int, has_lives: bool) -> None:
        """Divide the time of every place over its runs, period by period."""
        unit = math.gcd(
            SHARE_GRID, *(share for (share,) in self.rows("SELECT DISTINCT share FROM claims"))
        )
        whole = SHARE_GRID // unit
        number = "BIGINT" if whole * longest_us < _NARROW_MAX else "HUGEINT"
        scaled = "BIGINT" if TICKS * whole * longest_us < _NARROW_MAX else "HUGEINT"
        has_odd = _ODD_GRAIN in grains
        self.run(
            "shares",
            share_unit=unit,
            whole=whole,
            number=number,
            first_grain=min(grains, default=_HOUR_GRAIN),
            is_one_grain=sql_fact(len(grains) <= 1),
            has_odd=sql_fact(has_odd),
        )
        needs_grains = has_lives or has_odd or len(grains) > 1
        self.run("capacity", needs_grains=sql_fact(needs_grains))
        joins = "LEFT JOIN capacities USING (place, start_us, end_us)"
        self.run(
            "division",
            capacity="coalesce(paid_us, end_us - start_us)",
            join_capacities=joins,
            scaled=scaled,
            whole_ticks=TICKS * whole,
        )
        if self.rows("SELECT 1 FROM contested LIMIT 1"):
            self.divide_crowds()
        self.run("divided")

    def sum_amounts(self) -> None:
        """Sum the bill past the shares: what claims give, and what they leave over."""
        self.run("amounts", missing=self.missing())

    def find_stale(self, shown: int) -> None:
        """Find tags that name one run where others were measured, *shown* of them at most."""
        self.run("stale", shown=shown)

    def divide_pools(self) -> None:
        """Divide over runs what rules divide."""
        has_pools = bool(self.rows("SELECT 1 FROM outs WHERE pool IS NOT NULL LIMIT 1"))
        self.run("pools", pool_rules=pool_rules(self.rules), has_pools=sql_fact(has_pools))


def sql_fact(fact: bool) -> str:
    """*fact* as SQL."""
    return "true" if fact else "false"
