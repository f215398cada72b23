"""Explanations: from an allocated number down to the charge, its rule, weights and claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from trainfare.allocation.database import MEMORY_LIMIT
from trainfare.allocation.engine_duckdb import DuckDBWorktable, worktable
from trainfare.allocation.evidence import SHARE_GRID, Evidence
from trainfare.allocation.line import Line
from trainfare.allocation.match import literal
from trainfare.allocation.rules import NO_RULES, Rule, Rules
from trainfare.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class CountedClaim:
    """A claim that bears on a charge: its time within the charge period, and its share."""

    run: str
    resource: str
    """The resource as the claim names it, in small letters."""
    start_us: int
    end_us: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one charge went where it went."""

    lines: tuple[Line, ...]
    """Its parts; they sum to the charge."""
    rule: Rule | None
    """The user's rule that took a part of it, if one did."""
    capacity_us: int | None
    """For how long its resource was paid in the period; None where claims played no role."""
    claims: tuple[CountedClaim, ...]
    """The claims that divided it, in order of runs and times."""


def explain_charge(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    source_file: str,
    source_row: int,
    memory_limit: str = MEMORY_LIMIT,
) -> list[Explanation]:
    """Every charge that came from one row of a provider's file (a row may hold several).

    Args:
        charges: files of the lake, all charges of one billing period: what a resource was paid for
            is told by its other charges too.
        evidence: as for the allocation.
        rules: as for the allocation.
        source_file: the provider's file, as the charge names it.
        source_row: its row there, counted from 1.
        memory_limit: what the database may hold in memory.

    Raises:
        NotFound: no charge came from there.
        BadInput: a file is not of the lake.
        OutsideFailed: memory, disk or a read failed.
    """
    condition = f'"x_SourceFile" = {literal(source_file)} AND "x_SourceRow" = {int(source_row)}'
    with worktable(charges, evidence, rules, memory_limit=memory_limit) as table:
        lines = table.lines(condition)
        if not lines:
            raise NotFound(
                f"no charge came from row {source_row} of {source_file!r}; "
                "trainfare explain RUN lists the charges of a run"
            )
        table.take_claims(evidence.claims)
        groups = groupby(lines, key=lambda line: (line.file, line.row))
        return [_explanation(table, tuple(group), rules) for _, group in groups]


def _explanation(table: DuckDBWorktable, lines: tuple[Line, ...], rules: Rules) -> Explanation:
    by_name = {rule.name: rule for rule in rules.rules}
    rule = next((by_name[line.method] for line in lines if line.method in by_name), None)
    first = lines[0]
    table.run("explanation", file=literal(first.file), row=first.row)
    paid = table.rows("FROM explained_period")
    claims = table.rows("FROM explained_claims ORDER BY run, start_us, end_us, resource, share")
    counted = tuple(
        CountedClaim(run, resource, start, end, Fraction(share, SHARE_GRID))
        for run, resource, start, end, share in claims
    )
    return Explanation(lines, rule, paid[0][0] if paid else None, counted)


def explain_run(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    run: str,
    memory_limit: str = MEMORY_LIMIT,
) -> list[Line]:
    """The parts of charges that *run* got, in order of files and rows.

    What it got of pools is not among them: a pool is divided as a whole, and the result has it.

    Raises:
        BadInput: a file is not of the lake.
        OutsideFailed: memory, disk or a read failed.
    """
    with worktable(charges, evidence, rules, memory_limit=memory_limit) as table:
        return table.lines(run=run)
