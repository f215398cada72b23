"""One look at everything that alerts are about: each kind by itself, so that none hides another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from trainfare.budgets.alert import Finding, Kind
from trainfare.budgets.budget_alerts import find_budget_alerts
from trainfare.core.errors import TrainfareError
from trainfare.flows.budget import standings


def look(home: Path, at_ns: int) -> tuple[list[Finding], dict[Kind, str]]:
    """What is found now, and the kinds that could not be looked at, each with the reason."""
    findings: list[Finding] = []
    unseen: dict[Kind, str] = {}
    for kinds, detect in _DETECTORS:
        try:
            findings += detect(home, at_ns)
        except TrainfareError as error:
            unseen |= dict.fromkeys(kinds, str(error))
    return findings, unseen


def _budgets(home: Path, at_ns: int) -> Iterable[Finding]:
    return list(find_budget_alerts(standings(home, at_ns=at_ns)))


_DETECTORS: tuple[tuple[tuple[Kind, ...], Callable[[Path, int], Iterable[Finding]]], ...] = (
    ((Kind.BUDGET, Kind.FORECAST), _budgets),
)
