"""The document path: a report with its evidence → chapters that a page or a PDF shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import View
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant, name_periods

if TYPE_CHECKING:
    from trainfare.flows.report import Report
    from trainfare.reports.document import Document
    from trainfare.reports.report_document import Evidence


def report_document(
    home: Path, report: Report, *, view: View, as_of_ns: int | None = None
) -> Document:
    """*report* as a document, with what it was made from and the proof that it sums to the bill.

    Raises:
        MissingExtra: what draws charts is not installed.
    """
    from trainfare.reports.document import Document
    from trainfare.reports.report_document import table_chapter

    by = ", ".join(report.tables[0].by)
    subtitle = f"{name_periods(report.periods)} · by {by}"
    notes = tuple(note for table in report.tables for note in table.notes)
    if report.tables[0].view is None:
        chapters = tuple(table_chapter(table) for table in report.tables)
        return Document("What runs cost", f"{subtitle} · estimated", chapters, (), notes, ())
    from trainfare.reports.report_document import bill_chapter

    evidence, made_of = _evidence(home, report, view, as_of_ns)
    chapters = tuple(bill_chapter(table, evidence) for table in report.tables)
    seals, warnings = _seals(home, report, view, as_of_ns)
    return Document(
        "What training cost",
        f"{subtitle} · {view.value} cost",
        chapters,
        made_of,
        (*notes, *warnings),
        seals,
    )


def _evidence(
    home: Path, report: Report, view: View, as_of_ns: int | None
) -> tuple[Evidence, tuple[tuple[str, str], ...]]:
    """What stands beside the table, and what it was made from."""
    from trainfare.flows.inputs import read_rules
    from trainfare.reports.document import made_of_pairs
    from trainfare.reports.document_words import VIEWS
    from trainfare.reports.report_document import Evidence, Unowned
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_labels
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_groups, read_owners

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = [
            one
            for one in current_allocations(connection, None, as_of_ns)
            if one.period in report.periods
        ]
        deliveries = [
            each
            for one in allocations
            for each in current_deliveries(connection, one.period, one.since_ns)
        ]
        labels = read_labels(connection)
    paths = [home / one.folder for one in allocations]
    rules, _ = read_rules(home)
    evidence = Evidence(
        view=view,
        owners=[one for path in paths for one in read_owners(path, view)],
        days=read_groups(paths, ("day", "component"), view),
        labels=labels,
        rules={rule.name: rule.text for rule in rules.rules},
        unowned=[
            Unowned(one.resource, one.service, one.account, one.amount, one.rule)
            for one in report.untagged
        ],
    )
    made_of = made_of_pairs(
        {
            "Months": name_periods(report.periods),
            "Cost": f"{view.value}: {VIEWS[view]}",
            "Bills": ", ".join(f"{d.source} {d.period} ({d.id[:12]})" for d in deliveries),
            "Allocated": ", ".join(
                f"{one.period} at {format_instant(one.since_ns // SECOND * SECOND)} "
                f"from inputs {one.inputs[:12]}"
                for one in allocations
            ),
            "Not in it": ", ".join(report.not_allocated),
        }
    )
    return evidence, made_of


def _seals(
    home: Path, report: Report, view: View, as_of_ns: int | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is proven of each currency, and what cannot be."""
    from trainfare.flows.allocation import verify

    balances = [
        one
        for period in report.periods
        for one in verify(home, period, as_of_ns)
        if one.view is view
    ]
    sums: dict[str, int] = {}
    for one in balances:
        if one.difference == 0:
            shown = one.bill - (one.restated or 0)
            sums[one.currency] = sums.get(one.currency, 0) + shown
    seals = tuple(
        f"Runs, idle, shared, unused commitments and what is nobody's sum to the bill: "
        f"{Money(nano, currency).text()} {currency}, proven against the charges."
        for currency, nano in sums.items()
    )
    warnings = tuple(
        f"The bill of {one.period} was restated since it was allocated, by "
        f"{Money(one.restated, one.currency).text()} {one.currency}, which is not in here; run "
        f"trainfare allocate {one.period}."
        for one in balances
        if one.restated is not None
    )
    return seals, warnings
