"""The statement path: one month's allocation × labels × policy → what each team has of the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import Remainder, View
from trainfare.core.errors import NotConserved, NotFound
from trainfare.core.money import Money
from trainfare.core.period import SECOND, BillingPeriod, format_instant
from trainfare.flows.bill import need_analytics
from trainfare.flows.inputs import charge_files, inputs_digest, make_evidence, read_rules
from trainfare.flows.months import newest_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from trainfare.allocation.rules import Rules
    from trainfare.reports.document import Document
    from trainfare.reports.statement import StatementKind, Statements
    from trainfare.reports.statement_policy import Policy
    from trainfare.store.allocations import StoredAllocation
    from trainfare.store.deliveries import StoredDelivery


@dataclass(frozen=True, slots=True)
class Stated:
    """The statements of one billing period, and what they were made from."""

    period: str
    kind: StatementKind
    view: View
    books: tuple[Statements, ...]
    """One per currency, the largest bill first."""
    labels: Mapping[str, Mapping[str, str]]
    """Run → its labels."""
    rules: Mapping[str, str]
    """Rule → which charges it means, in the user's words."""
    policy: tuple[str, ...]
    """How remainders are distributed, a sentence each."""
    deliveries: tuple[StoredDelivery, ...]
    allocated_at: str
    """When, RFC 3339."""
    inputs: str
    """Digest of the deliveries, claims and rules that the allocation was made from."""
    notes: tuple[str, ...]
    """Restatements, and what a reader must know besides."""


def state(
    home: Path,
    period: str | None,
    *,
    kind: StatementKind,
    view: View = View.EFFECTIVE,
    as_of_ns: int | None = None,
) -> Stated:
    """Everybody's statements of one billing period; when None, of the last in which anything was used.

    Raises:
        NotFound: the period is not allocated.
        BadInput: ``statement.toml`` is not understood.
        NotConserved: they do not sum to the bill in the lake.
    """
    need_analytics("make statements")
    from trainfare.reports.statement import make_statements
    from trainfare.reports.statement_policy import FILE, load_policy
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_claims, read_labels
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_owners

    wanted = None if period is None else str(BillingPeriod.parse(period))
    policy = load_policy(home / FILE)
    rules, rules_text = read_rules(home)
    with open_ledger(home) as ledger, ledger.look() as connection:
        claims = read_claims(connection)
        found = current_allocations(connection, wanted, as_of_ns)
        if not found:
            raise NotFound(
                f"nothing{f' of {wanted}' if wanted else ''} is allocated; import a bill, then run "
                "trainfare allocate"
            )
        allocation = newest_of(home, found)
        # A bill that came after the allocation is not in it.
        deliveries = tuple(current_deliveries(connection, allocation.period, allocation.since_ns))
        labels = read_labels(connection)
        notes = _notes(connection, allocation, deliveries, as_of_ns)
    lines = read_owners(home / allocation.folder, view)
    books = make_statements(lines, labels, _pools(rules), kind, policy)
    _check_bill(home, deliveries, view, books)
    attachments = make_evidence(home, claims).attachments
    if inputs_digest(deliveries, claims, attachments, rules_text) != allocation.inputs:
        notes.append(
            "Claims or rules changed since this was allocated; they count from the next "
            "trainfare allocate on."
        )
    return Stated(
        period=allocation.period,
        kind=kind,
        view=view,
        books=tuple(books),
        labels=labels,
        rules={rule.name: rule.text for rule in rules.rules},
        policy=_policy_words(policy, kind),
        deliveries=deliveries,
        allocated_at=_instant(allocation.since_ns),
        inputs=allocation.inputs,
        notes=(*notes, *_unknown_words(policy, {one.method for one in lines})),
    )


def _instant(instant_ns: int) -> str:
    """To the second, as people read it."""
    return format_instant(instant_ns // SECOND * SECOND)


def _pools(rules: Rules) -> list[str]:
    """The rules that divide charges over runs."""
    from trainfare.allocation.rules import Division, Outcome

    return [
        rule.name
        for rule in rules.rules
        if rule.outcome is Outcome.SHARED and rule.value != Division.APART
    ]


def _policy_words(policy: Policy, kind: StatementKind) -> tuple[str, ...]:
    """How remainders are distributed, a sentence each."""
    from trainfare.reports.statement import StatementKind
    from trainfare.reports.statement_policy import FILE
    from trainfare.reports.statement_table import WAYS

    if kind is StatementKind.SHOWBACK:
        return ("A showback charges nobody for what no run owns; it is shown as kept.",)
    if not policy.ways:
        return (f"There is no {FILE}: what no run owns is kept, charged to nobody.",)
    words = tuple(
        f"{name.replace('_', ' ')}: {', the rest '.join(WAYS[way] for way in ways)}."
        for name, ways in policy.ways.items()
    )
    return (*words, "Everything else that no run owns is kept, charged to nobody.")


def _unknown_words(policy: Policy, methods: set[str]) -> list[str]:
    known = {*methods, *Remainder}
    unknown = sorted(name for name in policy.ways if name not in known)
    if not unknown:
        return []
    return [f"statement.toml names {', '.join(unknown)}, of which this bill has nothing."]


def _notes(
    connection: sa.Connection,
    allocation: StoredAllocation,
    deliveries: Sequence[StoredDelivery],
    as_of_ns: int | None,
) -> list[str]:
    """Every delivery that another replaced, with what that changed; and what came since."""
    from trainfare.store.deliveries import all_deliveries, current_deliveries

    notes = []
    earlier = [one for one in all_deliveries(connection) if one.period == allocation.period]
    for now in deliveries:
        before = [
            one
            for one in earlier
            if one.source == now.source
            and one.id != now.id
            and one.imported_ns <= allocation.since_ns
        ]
        if before:
            last = before[-1]
            notes.append(
                f"Restated: {now.source} sent {now.id[:12]}, imported "
                f"{_instant(now.imported_ns)}, in place of {last.id[:12]}"
                f"{_difference(last, now)}."
            )
    latest = {one.id for one in current_deliveries(connection, allocation.period, as_of_ns)}
    if latest != {one.id for one in deliveries}:
        notes.append(
            f"A newer delivery of {allocation.period} is here and not in it; run trainfare "
            f"allocate {allocation.period}."
        )
    return notes


def _difference(before: StoredDelivery, now: StoredDelivery) -> str:
    """What a restatement changed of the billed cost, per currency."""
    changes = []
    for currency in sorted({*before.totals, *now.totals}):
        told = [one.totals.get(currency, {}).get(View.BILLED.value, 0) for one in (before, now)]
        change = Money(told[1] - told[0], currency)
        if change:
            sign = "+" if change.nano > 0 else ""
            changes.append(f"{sign}{change.display(2)} billed")
    return f" ({', '.join(changes)})" if changes else " (the same amounts)"


def _check_bill(
    home: Path, deliveries: Sequence[StoredDelivery], view: View, books: Sequence[Statements]
) -> None:
    """The statements against the charges themselves, summed anew from the lake."""
    from trainfare.store.results import sum_bill

    bill = sum_bill(charge_files(home, deliveries))
    for book in books:
        whole = bill.get((book.currency, view), 0)
        if book.bill.nano != whole:
            raise NotConserved(
                f"statements sum to {book.bill.text()}, the bill to "
                f"{Money(whole, book.currency).text()} {book.currency}; please report this"
            )


def statement_document(stated: Stated, team: str | None = None) -> Document:
    """Statements as a document: of all teams with an overview, or of one.

    Raises:
        MissingExtra: what draws charts is not installed.
    """
    from trainfare.reports.document import Document, made_of_pairs
    from trainfare.reports.document_words import VIEWS
    from trainfare.reports.statement_document import overview_chapter, team_chapter

    chapters = []
    for book in stated.books:
        if team is None:
            chapters.append(overview_chapter(book))
        chapters += [
            team_chapter(one, book, stated.kind, stated.labels, stated.rules)
            for one in book.statements
            if team in (None, one.team)
        ]
    whose = "all teams" if team is None else team
    facts = {
        "Month": stated.period,
        "Cost": f"{stated.view.value}: {VIEWS[stated.view]}",
        "Bills": ", ".join(f"{one.source} ({one.id[:12]})" for one in stated.deliveries),
        "Allocated": f"{stated.allocated_at}, from inputs {stated.inputs}",
        "Distribution": " ".join(stated.policy),
    }
    return Document(
        title=f"{stated.kind.value.capitalize()} statement",
        subtitle=f"{whose} · {stated.period} · {stated.view.value} cost",
        chapters=tuple(chapters),
        made_of=made_of_pairs(facts),
        notes=stated.notes,
        seals=tuple(
            f"All statements and what is kept sum to the bill: {book.bill.text()} "
            f"{book.currency}, proven against {sum(one.rows for one in stated.deliveries):,} charges."
            for book in stated.books
        ),
    )
