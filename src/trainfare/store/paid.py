"""What was paid, month by month: by runs in all, and for each resource at times when no run had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.charge import Component, Remainder, View
from trainfare.store.results import reading, results_table


@dataclass(frozen=True, slots=True)
class PaidSum:
    """What one run has, or one remainder has of one resource, in one month for one component."""

    month: str
    """``YYYY-MM`` of the usage; of the bill where a charge was divided over its whole period."""
    run: str | None
    resource: str | None
    """None for a run, and where a charge names none."""
    remainder: Remainder | None
    component: Component
    currency: str
    nano: int


def read_paid(paths: Sequence[tuple[str, Path]], view: View) -> list[PaidSum]:
    """Sums of *view* in results, in a fixed order.

    Args:
        paths: (billing period, result).
        view: which cost column of the bill.
    """
    return [one for period, path in paths for one in _read(period, path, view)]


def _read(period: str, path: Path, view: View) -> list[PaidSum]:
    query = (
        "SELECT coalesce(strftime(day, '%Y-%m'), ?), run, "
        "CASE WHEN run IS NULL THEN resource END, CASE WHEN run IS NULL THEN remainder END, "
        f"component, currency, sum({view.value}_nano) FROM {results_table([path])} "
        f"WHERE {view.value}_nano IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query, [period]).fetchall()
    return [
        PaidSum(
            month,
            run,
            resource,
            None if left is None else Remainder(left),
            Component(component),
            currency,
            int(nano),
        )
        for month, run, resource, left, component, currency, nano in rows
    ]
