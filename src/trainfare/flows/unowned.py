"""What nobody owns: its costliest lines, each with a rule that moves the money of that line alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import View
from trainfare.core.money import Money

if TYPE_CHECKING:
    from trainfare.store.unowned import UnownedSum

SHOWN = 10
"""A report names so many of the costliest lines that nobody owns."""


@dataclass(frozen=True, slots=True)
class Untagged:
    """A resource whose cost nobody owns, and a rule that would settle it."""

    resource: str | None
    service: str | None
    account: str | None
    amount: Money
    rule: str


def read_untagged(
    paths: Sequence[Path], view: View, payers: Collection[str]
) -> tuple[Untagged, ...]:
    """The costliest lines without an owner.

    Args:
        paths: results.
        view: which cost column.
        payers: billing accounts of the bills; charges without a sub-account stand under theirs.
    """
    from trainfare.store.unowned import top_unallocated

    return tuple(
        Untagged(
            one.resource,
            one.service,
            one.account,
            Money(one.nano, one.currency),
            _rule(one, payers),
        )
        for one in top_unallocated(paths, view, SHOWN)
    )


def _rule(one: UnownedSum, payers: Collection[str]) -> str:
    match = " and ".join(_conditions(one, payers)) or _equals("ServiceName", one.service)
    # A literal text of TOML has no way to write its own quotes.
    quoted = f"'{match}'" if "'" not in match and match.isprintable() else json.dumps(match)
    return f'[[rule]]\nname = "…"\nmatch = {quoted}\nlabel = "team=…"'


def _conditions(one: UnownedSum, payers: Collection[str]) -> Iterator[str]:
    """What holds for the charges of *one* and for no others that nobody owns."""
    if one.resource is not None:
        yield _equals("ResourceId", one.resource)
    elif one.account in payers and one.has_accounts:
        sub, payer = _equals("SubAccountId", one.account), _equals("BillingAccountId", one.account)
        yield f"({sub} or {payer} and {_equals('SubAccountId', None)})"
    elif one.account is not None:
        yield _equals("BillingAccountId" if one.account in payers else "SubAccountId", one.account)
    elif one.has_accounts:
        yield _equals("SubAccountId", None)
        yield _equals("BillingAccountId", None)
    if one.has_services:
        yield _equals("ServiceName", one.service)
    if one.has_resources:
        yield _equals("ResourceId", None)
    if one.has_currencies:
        yield _equals("BillingCurrency", one.currency)
    if one.has_unused:
        yield 'CommitmentDiscountStatus != "Unused" and CapacityReservationStatus != "Unused"'


def _equals(column: str, value: str | None) -> str:
    """The expression that *column* holds *value*; None: nothing."""
    if value is None:
        return f'not {column} glob "*"'
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{column} = "{quoted}"'
