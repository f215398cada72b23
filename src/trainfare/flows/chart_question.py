"""What a chart is asked about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What a chart is asked about; None leaves it to the chart."""

    period: str | None = None
    """One billing period."""
    run: str | None = None
    by: str | None = None
    """A label, or another key of the report."""
    budget: str | None = None
