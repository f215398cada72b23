"""Run sums: runs counted together, and those that go on, for whoever shows them at a glance."""

from __future__ import annotations

from typing import NamedTuple


class RunSum(NamedTuple):
    """The runs of one team in one status and currency together."""

    team: str | None
    status: str
    currency: str
    runs: int
    estimated_nano: int
    """Of those that are priced."""
    unpriced: int
    billed_nano: int
    """Of those that are billed."""
    unbilled: int


class RunNow(NamedTuple):
    """A run that goes on at this moment."""

    run: str
    team: str | None
    name: str | None
    model: str | None
    experiment: str | None
    currency: str
    estimated_nano: int | None
    duration_ns: int
