"""The way back of carried data: what one run received and gave, from where, by what weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.carry import Carried, CarryRule
from trainfare.core.errors import NotFound
from trainfare.flows.report import make_report
from trainfare.flows.report_json import carried_json
from trainfare.reports.scope import Book

if TYPE_CHECKING:
    from trainfare.reports.cell import Row


@dataclass(frozen=True, slots=True)
class RunData:
    """What was carried to and from one run, in one currency."""

    run: str
    rule: CarryRule
    currency: str
    row: Row
    """Its line of the report: own costs, carried data, both."""
    books: Mapping[Book, Carried]
    """Only what touches this run."""

    def to_json(self) -> dict[str, Any]:
        """Amounts as text."""
        return {
            "run": self.run,
            "carry": self.rule.value,
            "currency": self.currency,
            "row": self.row.to_json(),
            "carried": carried_json(self.books),
        }


def explain_carry(
    home: Path, run: str, rule: CarryRule, period: str | None = None
) -> list[RunData]:
    """What *rule* carries to and from *run*; one answer per currency.

    Raises:
        NotFound: there is no such run in the periods.
    """
    report = make_report(home, ("run",), period=period, carry=rule)
    found = [
        RunData(
            run,
            rule,
            table.currency,
            row,
            {b: _of(run, carried) for b, carried in report.carried[table.currency].items()},
        )
        for table in report.tables
        for row in table.rows
        if row["run"] == run
    ]
    if not found:
        raise NotFound(f"run {run!r} is not in this report; trainfare report --by run lists runs")
    return found


def _of(run: str, carried: Carried) -> Carried:
    return replace(
        carried,
        shares=tuple(one for one in carried.shares if run in (one.maker, one.reader)),
        kept=tuple(one for one in carried.kept if one.maker == run),
        lacking={name: why for name, why in carried.lacking.items() if name == run},
    )
