"""Carried: the cost of data beside the own cost of every line of a report, in each book.

| column | is |
|---|---|
| carried_data | received for the data that its runs read − given for the data that they made |
| with_data | own cost + carried data |

The first sums to 0 over a report, so the second sums to what the own costs sum to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from trainfare.core.carry import Account, Carried, CarryRule, carry
from trainfare.core.dataset import Output
from trainfare.core.money import Money
from trainfare.reports.cell import NOT_IN_IT, Column, Kind, Value
from trainfare.reports.scope import Book, Scope

Books = Mapping[Book, Carried]


def carry_books(
    rule: CarryRule,
    outputs: Sequence[Output],
    everything: Scope,
    books: Sequence[Book],
    away: Mapping[str, str],
) -> Books:
    """What *rule* carries between the runs of a report, by each book; *away* as ``carry`` has it."""
    found = {}
    for book in books:
        accounts = {}
        for run in everything.runs:
            spend = everything.spends.get(run)
            time_ns = None if spend is None else spend.machine_ns
            accounts[run] = Account(*everything.run_nano(run, book), time_ns)
        found[book] = carry(outputs, rule, accounts, away)
    return found


def carried_columns(rule: CarryRule, books: Sequence[Book], currency: str) -> Iterator[Column]:
    """The two columns of each book."""
    for book in books:
        what = f"Cost of data by {rule}: received for what was read less given for what was made."
        yield Column(f"{book}_carried_data", Kind.MONEY, currency, is_sum=True, what=what)
        what = "Own cost and carried data."
        yield Column(f"{book}_with_data", Kind.MONEY, currency, is_sum=True, what=what)


def carried_cells(
    books: Books, scope: Scope, own: Mapping[Book, Value]
) -> Iterator[tuple[str, tuple[Value, str | None]]]:
    """Column → cell for one line.

    Args:
        books: what was carried.
        scope: the line.
        own: its own cost by each book, or None.
    """
    for book, carried in books.items():
        nano = sum(carried.moved.get(run, 0) for run in scope.runs)
        lacking = Counter(carried.lacking[run] for run in scope.runs if run in carried.lacking)
        is_known = bool(nano) or len(scope.runs) > lacking.total()
        why = lacking.most_common(1)[0][0] if lacking else None
        if why is not None and is_known:
            why = f"some data is{NOT_IN_IT}{why}"
        mine, moved = own[book], Money(nano, scope.currency) if is_known else None
        both = mine + moved if isinstance(mine, Money) and moved is not None else mine or moved
        yield f"{book}_carried_data", (moved, why)
        yield f"{book}_with_data", (both, why)
