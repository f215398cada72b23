"""What stands beside the status of commitments: other currencies, and commitments that cost nothing.

A status is of one currency, and measures what the bill says was paid; nothing else on the bills may
go without a word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.money import Money

if TYPE_CHECKING:
    from trainfare.allocation.commitment_sums import CommitmentSum

UNMEASURED = "the bill does not say what was paid for it"


@dataclass(frozen=True, slots=True)
class Beside:
    """What bills have beside the commitments that are measured."""

    ids: frozenset[str]
    """Of all commitments of the bills, in whatever currency."""
    unmeasured: tuple[dict[str, Any], ...]
    other_currencies: tuple[dict[str, Any], ...]


def read_beside(home: Path, period: str | None, currency: str, shown: Collection[str]) -> Beside:
    """What bills have beside the commitments *shown* of *currency*, with stable keys."""
    from trainfare.allocation.commitment_sums import read_commitment_sums
    from trainfare.flows.inputs import charge_files
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection, period)
    sums = read_commitment_sums(charge_files(home, deliveries))
    own: dict[str, list[CommitmentSum]] = defaultdict(list)
    others: dict[str, list[CommitmentSum]] = defaultdict(list)
    for one in sums:
        if one.currency != currency:
            others[one.currency].append(one)
        elif one.commitment is not None and one.commitment not in shown:
            own[one.commitment].append(one)
    return Beside(
        frozenset(one.commitment for one in sums if one.commitment),
        tuple(_unmeasured(id_, some) for id_, some in sorted(own.items())),
        tuple(_currency(name, some) for name, some in sorted(others.items())),
    )


def _unmeasured(id_: str, some: Sequence[CommitmentSum]) -> dict[str, Any]:
    used = [one for one in some if one.is_used]
    is_listed = all(one.has_list == one.charges for one in used)
    listed = Money(sum(one.list for one in used), some[0].currency)
    return {
        "id": id_,
        "name": next((one.name for one in some if one.name), id_),
        "kind": next((one.kind for one in some if one.kind), "commitment"),
        "provider": some[0].provider,
        "currency": some[0].currency,
        "commitment_per_hour": None,
        "charges": sum(one.charges for one in some),
        "list": listed.text() if is_listed else None,
        "why": UNMEASURED,
    }


def _currency(name: str, some: Sequence[CommitmentSum]) -> dict[str, Any]:
    return {
        "currency": name,
        "commitments": len({one.commitment for one in some if one.commitment is not None}),
        "used": Money(sum(one.effective for one in some if one.is_used), name).text(),
        "unused": Money(sum(one.effective for one in some if one.is_unused), name).text(),
    }
