"""The path of a contract: what was bought → the ledger → what it saved, bill by bill.

trainfare commit record → core.Contract → store.put_contracts
trainfare commit recorded → contracts × bills → saved = on demand − paid, beside the promise
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.contract import BY_HAND, Contract
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR
from trainfare.flows.bill import has_ledger, need_analytics
from trainfare.metering.audit import add_to_audit, user_and_host

if TYPE_CHECKING:
    from trainfare.reports.commitment_use import Saving

MONTH_HOURS = 730
"""A month of a promise: the twelfth part of a year of 365 days."""


@dataclass(frozen=True, slots=True)
class SavedOnBill:
    """What one commitment did on one bill."""

    period: str
    hours: int
    """In which the bill has something of it."""
    on_demand: Money | None
    """What it covered would have cost without it; None where the bill does not say."""
    paid: Money
    """For what was used and what was not."""
    unused: Money
    promised: Money | None
    """The promise, for as many hours."""

    @property
    def saved(self) -> Money | None:
        """Below 0 where it cost more than it saved."""
        return None if self.on_demand is None else self.on_demand - self.paid


@dataclass(frozen=True, slots=True)
class Recorded:
    """A contract, and what it saved since."""

    contract: Contract
    bills: tuple[SavedOnBill, ...]
    why: str
    """Why nothing is measured; empty where something is."""

    @property
    def saved(self) -> Money | None:
        """On all bills that say."""
        return self._total([one.saved for one in self.bills])

    @property
    def promised(self) -> Money | None:
        """For the same hours."""
        return self._total([one.promised for one in self.bills if one.saved is not None])

    def _total(self, amounts: Sequence[Money | None]) -> Money | None:
        known = [one for one in amounts if one is not None]
        return Money.total(known, self.contract.currency) if known else None


def record(home: Path, contracts: Iterable[Contract]) -> list[Contract]:
    """Keep what was told of commitments; what was told of the same ones before counts no longer.

    A promise of before stays where the new word has none.

    Raises:
        BadInput: one of them is recorded already under the end of its id, or under more of it.
    """
    need_analytics("record commitments")
    from trainfare.store.contracts import current_contracts, put_contracts
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.change() as connection:
        before = current_contracts(connection)
        kept = [_with_promise(one, before.get(one.id)) for one in contracts]
        _check_told_once(kept, before)
        put_contracts(connection, kept)
    for one in kept:
        add_to_audit(home, "commitment recorded", commitment=one.id, source=one.source)
    return kept


def _check_told_once(contracts: Sequence[Contract], before: Mapping[str, Contract]) -> None:
    """Two ids that are one commitment would count it twice."""
    known = list(before)
    for one in contracts:
        same = [each for each in known if are_same(one.id, each)]
        if same and one.id not in known:
            raise BadInput(
                f"commitment {one.id} is recorded already as {same[0]}; record it as that, or take "
                f"that back first: trainfare commit withdraw {same[0]}"
            )
        known.append(one.id)


def _with_promise(one: Contract, before: Contract | None) -> Contract:
    if before is None or before.currency != one.currency:
        return one
    return replace(
        one,
        promised=one.promised if one.promised is not None else before.promised,
        rates=one.rates or before.rates,
    )


def withdraw(home: Path, text: str, *, who: str | None = None) -> Contract:
    """Take back what was told of the commitment *text* names, its id or the end of it.

    Raises:
        NotFound: nothing is recorded of it, or several end so.
    """
    contracts = read_contracts(home)
    id_ = same_as(text, contracts)
    if id_ is None:
        raise NotFound(f"no recorded commitment is {text!r}; trainfare commit recorded lists them")
    gone = replace(
        contracts[id_], state="withdrawn", at_ns=time.time_ns(), who=who or user_and_host()
    )
    record(home, [gone])
    return gone


def same_as(id_: str, known: Iterable[str]) -> str | None:
    """Which of *known* is the commitment *id_*: bills and people write ids whole or their last part.

    Where several end alike none is meant.

    >>> same_as("0F1E", ["arn:aws:savingsplans::1:savingsplan/0f1e", "b"])
    'arn:aws:savingsplans::1:savingsplan/0f1e'
    >>> same_as("c", ["a/c", "b/c"])
    """
    some = list(known)
    whole = [one for one in some if one.lower() == id_.lower()]
    found = whole or [one for one in some if are_same(id_, one)]
    return found[0] if len(found) == 1 else None


def are_same(one: str, other: str) -> bool:
    """Whether two ids may be one commitment: alike, or one of them the last part of the other.

    >>> are_same("RES-7", "res-7"), are_same("/orders/1/reservations/res-7", "res-7")
    (True, True)
    >>> are_same("res-7", "my-res-7")
    False
    """
    short, long = sorted((one.lower(), other.lower()), key=len)
    return bool(short) and (short == long or long.endswith(f"/{short}"))


def read_contracts(home: Path) -> dict[str, Contract]:
    """Id → contract; empty where nothing was ever recorded."""
    if not has_ledger(home):
        return {}
    need_analytics("read commitments")
    from trainfare.store.contracts import current_contracts
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        return current_contracts(connection)


def import_contract_files(home: Path, files: Sequence[Path]) -> list[Contract]:
    """Record every commitment of FOCUS ContractCommitment files.

    Raises:
        BadRecords: with everything that is wrong; nothing is recorded.
    """
    need_analytics("read commitments")
    from trainfare.billing.contract_file import read_contract_file

    now_ns, who = time.time_ns(), user_and_host()
    return record(home, [one for file in files for one in read_contract_file(file, now_ns, who)])


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a human says of a commitment that was bought."""

    id: str
    kind: str
    term_hours: int
    start_ns: int
    per_hour: Money
    rates: Mapping[str, int]
    name: str = ""
    provider: str = ""
    until_ns: int | None = None
    """Where it does not end with its term."""
    promised: Money | None = None


def contract_of(bought: Purchase, *, who: str | None = None) -> Contract:
    """The contract that a purchase makes; *who* told it, this user where nobody is named."""
    end_ns = bought.until_ns or bought.start_ns + bought.term_hours * HOUR
    return Contract(
        id=bought.id,
        kind=bought.kind,
        name=bought.name or bought.id,
        provider=bought.provider,
        currency=bought.per_hour.currency,
        per_hour=bought.per_hour,
        start_ns=bought.start_ns,
        end_ns=end_ns,
        source=BY_HAND,
        at_ns=time.time_ns(),
        who=who or user_and_host(),
        rates=bought.rates,
        promised=bought.promised,
    )


def recorded(home: Path) -> list[Recorded]:
    """Every contract with what it saved on each bill, the newest first."""
    contracts = read_contracts(home)
    if not contracts:
        return []
    by_id = _on_bills(home)
    found = []
    for one in contracts.values():
        on_bill = same_as(one.id, by_id)
        bills = tuple(
            replace(bill, promised=_promised(one, bill.hours))
            for bill in by_id.get(on_bill or "", ())
            if bill.paid.currency == one.currency
        )
        found.append(Recorded(one, bills, "" if bills else _why(one, bool(by_id))))
    return sorted(found, key=lambda one: (-one.contract.at_ns, one.contract.id))


def _promised(contract: Contract, hours: int) -> Money | None:
    if contract.promised is None:
        return None
    exact = Fraction(contract.promised.nano * hours, MONTH_HOURS * NANO)
    return Money.nearest(exact, contract.currency)


def _why(contract: Contract, has_others: bool) -> str:
    if has_others:
        return f"no bill has a commitment {contract.id!r} yet; its id must be that of the bill"
    return "no bill with a commitment is here yet; its saving is measured on later bills"


def _on_bills(home: Path) -> dict[str, list[SavedOnBill]]:
    """Id of a commitment → what it did on each bill, in order of time."""
    from trainfare.allocation.commitment_hours import read_commitment_hours
    from trainfare.allocation.commitment_sums import read_commitment_sums
    from trainfare.flows.inputs import charge_files
    from trainfare.reports.commitment_use import commitment_uses
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection)
    found: dict[str, list[SavedOnBill]] = defaultdict(list)
    for period in sorted({one.period for one in deliveries}):
        files = charge_files(home, [one for one in deliveries if one.period == period])
        hours: dict[str, set[int]] = defaultdict(set)
        for row in read_commitment_hours(files):
            if row.commitment is not None:
                hours[row.commitment].update(row.hours)
        for use in commitment_uses(read_commitment_sums(files)):
            if use.commitment:
                saving = _stated(use.on_contracted, use.on_list)
                found[use.commitment].append(
                    SavedOnBill(
                        period, len(hours[use.commitment]), saving.on_demand, saving.paid,
                        use.unused, None,
                    )
                )  # fmt: skip
    return dict(found)


def _stated(contracted: Saving, listed: Saving) -> Saving:
    """Against negotiated prices where the bill states them, else against list prices."""
    return contracted if contracted.on_demand is not None else listed
