"""Tallies: what a reader of a source file counts and refuses, told to the user all at once."""

from __future__ import annotations

from collections import Counter

from trainfare.core.charge import Problem
from trainfare.core.errors import BadInput

_SHOWN = 20
_REMEMBERED = 1000


class BadRecords(BadInput):
    """A source file was refused; ``problems`` holds what is wrong (the first 1000 of them)."""

    def __init__(self, problems: tuple[Problem, ...], total: int) -> None:
        """Head the first 20 of *total* problems by their count."""
        head = f"{total:,} problem{'s' if total != 1 else ''}; nothing was imported"
        lines = [f"  {problem}" for problem in problems[:_SHOWN]]
        if total > len(lines):
            lines.append(f"  and {total - len(lines):,} more problems")
        super().__init__("\n".join([head, *lines]))
        self.problems = problems
        self.total = total


class Tally:
    """What a reader counts while it goes through *file*: skips, problems and stated assumptions."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.skipped: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.problem_count = 0
        self.notes: dict[str, None] = {}

    def skip(self, reason: str, count: int = 1) -> None:
        """Leave out *count* rows that are not claims, for *reason*."""
        self.skipped[reason] += count

    def refuse(
        self, what: str, row: int | None = None, column: str | None = None, value: object = None
    ) -> None:
        """Note a problem: *what* is wrong and what to do."""
        self.problem_count += 1
        if len(self.problems) < _REMEMBERED:
            text = None if value is None else str(value)
            self.problems.append(Problem(self.file, row, column, text, what))

    def note(self, text: str) -> None:
        """State an assumption, once."""
        self.notes[text] = None
