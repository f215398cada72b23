"""Lines: one owner's part of one charge, as drill-down shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from trainfare.core.charge import Remainder


@dataclass(frozen=True, slots=True)
class Line:
    """What one run or remainder gets of one charge."""

    file: str
    """The file of the lake."""
    row: int
    """Counts the rows of that file from 0."""
    source_file: str | None
    source_row: int | None
    """Where the provider's own file has it, counted from 1."""
    resource: str | None
    currency: str
    start_us: int
    end_us: int
    """The charge period in microseconds since the epoch."""
    run: str | None
    remainder: Remainder | None
    method: str
    label: str | None
    is_pooled: bool
    """Whether a rule divides this part over runs, with all others of its kind."""
    tag_run: str | None
    """The run that the charge's tags name."""
    low: int
    high: int
    """Between which proportions of the charge the part lies (see proportion.py)."""
    amounts: tuple[int | None, ...]
    """Nano-units per view, in the order of View; None where the charge has no amount."""


def line_of(row: Sequence[Any]) -> Line:
    """A row of the table that ``lines.sql`` makes: the fields in order, then four amounts."""
    names = [field.name for field in fields(Line)]
    values = dict(zip(names, (*row[:-4], tuple(row[-4:])), strict=True))
    if values["remainder"] is not None:
        values["remainder"] = Remainder(values["remainder"])
    return Line(**values)
