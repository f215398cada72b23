"""Committed use discounts of Google: what was paid for them, put where they were used.

A commitment is a fee row of its own, and what it covers costs its on-demand price with a credit that
takes it off again, so covered usage is free in cash. Effectively it is not: the used part of the fee
goes to the rows with such credits, in proportion to them, and what is left stays on the fee as
unused. Nothing is made or lost, and rows of one billing month only get fees of that month.

Fees and credits belong together by billing account, currency, invoice month and day, and

* machines: region, resource (core, RAM, GPU, local SSD) and family. The used part is covered quantity
  / committed quantity, where the covered quantity of a SKU is its credits / its unit price;
* spend (flexible and per service): the product. The used part is the sum of credits in US dollars /
  the committed dollars, which the fee's quantity gives in cents.

Where the quantities do not say it, as where nothing else fits, what is used is worth at most its
credits: min(1, credits / fee). In the newer model of spend commitments covered usage already has its
price, a fee is offset by its use (FEE_UTILIZATION_OFFSET), and what is left of it is unused.

Days are Pacific ones, told by the middle of a usage window, so that windows of an hour and of a day
fall together. Sources: Google's kunskap (cud_sud_attribution_query.sql) for machines, Google's
sample queries for CUD KPIs for spend, OpenCost's BigQuery integration for days and credits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import pa, pc, row_numbers
from trainfare.billing.canonical import Desk, Draft
from trainfare.billing.components import Components
from trainfare.billing.gcp_credits import SPEND, Credits, credits_of
from trainfare.billing.gcp_members import (
    BETWEEN,
    FEE,
    LIMB,
    QUANTUM,
    Members,
    covered_by,
    fees_of,
    scope_of,
)
from trainfare.billing.gcp_rows import Rows, chunks
from trainfare.billing.problems import Problems
from trainfare.billing.source import SourceFile
from trainfare.billing.unpack import open_bytes

_DIGITS = 6
"""Digits of a used part: credits are rounded to that many, so more would be noise."""
_NANO = 10**9
_UNIT = _NANO * QUANTUM
_CENTS = 100
"""The fee of a commitment to spend counts the committed dollars of its hours in cents."""
_WORD = b"ommitment"
_BLOCK = 2**20

_NEEDED = (
    *("billing_account_id", "cost", "cost_type", "credits", "currency", "currency_conversion_rate"),
    *("invoice.month", "location.region", "service.description", "sku.description", "sku.id"),
    *("usage.amount", "usage.amount_in_pricing_units", "usage.unit"),
    *("usage_end_time", "usage_start_time"),
)
"""What the first reading of a file asks for."""


@dataclass(slots=True)
class Group:
    """Fees and the credits that they paid for, and how far both have been read.

    Amounts are whole multiples of 10⁻²⁷ of the currency.
    """

    fee: int
    credit: int
    used: int
    """The part of the fee that goes to the rows with credits."""
    _credit_read: int = 0
    _fee_read: int = 0

    def share(self, credit: int) -> int:
        """What the next row with *credit* gets of the used part; all rows together get all of it."""
        before = self.used * self._credit_read // self.credit
        self._credit_read += credit
        return self.used * self._credit_read // self.credit - before

    def given(self, fee: int) -> int:
        """What the next fee row of *fee* gives away; all of them together give the used part."""
        before = self.used * self._fee_read // self.fee
        self._fee_read += fee
        return self.used * self._fee_read // self.fee - before


@dataclass(slots=True)
class _Sums:
    """What one key adds up to: amounts exactly, quantities as doubles, which only make a ratio."""

    amount: int = 0
    price: float = 0.0
    quantity: float = 0.0

    def add(self, amount: int, price: float, quantity: float) -> None:
        """Count some more."""
        self.amount, self.price = self.amount + amount, self.price + price
        self.quantity += quantity


def _dollars(rows: Rows, members: Members, exact: Exact) -> pa.DoubleArray:
    """(m,) amounts in US dollars, near enough for a ratio."""
    rates = members.numbers(rows, "currency_conversion_rate")
    rates = pc.if_else(pc.greater(rates, 0.0), rates, 1.0)
    amounts = pc.fill_null(exact.nano.take(members.at), 0).cast(pa.float64())
    return pc.divide(amounts, pc.multiply(rates, float(_NANO)))


def _is_spend(key: str) -> bool:
    return f"{BETWEEN}{SPEND} " in key


@dataclass(slots=True)
class Tally:
    """Fees and commitment credits of a whole bill, by key."""

    fees: dict[str, _Sums] = field(default_factory=dict)
    """Amount; the same in US dollars; committed quantity."""
    covered: dict[str, dict[str, _Sums]] = field(default_factory=dict)
    """Key → SKU → credits, with the sign of a cost; on-demand cost and usage of a machine SKU,
    credits in US dollars of any other."""

    def add(self, rows: Rows, credits_here: Credits, gross_cost: Exact) -> None:
        """Count the rows of one chunk."""
        fees = fees_of(rows, credits_here)
        net = gross_cost.plus(credits_here.total)
        numbers = {
            "price": _dollars(rows, fees, net),
            "usage": fees.numbers(rows, "usage.amount"),
            "priced": fees.numbers(rows, "usage.amount_in_pricing_units"),
        }
        for (key,), amount, added in fees.sums(net, numbers):
            sums = self.fees.setdefault(key, _Sums())
            committed = added["priced"] / _CENTS if _is_spend(key) else added["usage"]
            sums.add(amount, added["price"], committed)
        machines, spend = covered_by(rows, credits_here)
        numbers = {
            "price": pc.divide(gross_cost.nano.take(machines.at).cast(pa.float64()), float(_NANO)),
            "usage": machines.numbers(rows, "usage.amount"),
        }
        skus = rows.texts("sku.id", "sku.description").take(machines.at).dictionary_decode()
        for (key, sku), amount, added in machines.sums(credits_here.machines, numbers, skus):
            sums = self.covered.setdefault(key, {}).setdefault(sku, _Sums())
            sums.add(-amount, added["price"] or 0.0, added["usage"])
        numbers = {"dollars": _dollars(rows, spend, credits_here.spend)}
        for (key,), amount, added in spend.sums(credits_here.spend, numbers):
            sums = self.covered.setdefault(key, {}).setdefault("", _Sums())
            sums.add(-amount, 0.0, -added["dollars"])

    def groups(self) -> dict[str, Group]:
        """Fees and what they cover, under the keys of both."""
        found: dict[str, Group] = {}
        rest: dict[str, tuple[list[str], list[str]]] = {}
        for key, fee in self.fees.items():
            if key in self.covered:
                _put_group(
                    found, [key], fee.amount, self._credit(key), _ratio(key, fee, self.covered[key])
                )
            else:
                rest.setdefault(scope_of(key), ([], []))[0].append(key)
        for key in self.covered:
            if key not in self.fees:
                rest.setdefault(scope_of(key), ([], []))[1].append(key)
        for fees, covered in rest.values():
            amount = sum(self.fees[key].amount for key in fees)
            _put_group(found, [*fees, *covered], amount, sum(map(self._credit, covered)), None)
        return found

    def _credit(self, key: str) -> int:
        return sum(sums.amount for sums in self.covered[key].values())


def _ratio(key: str, fee: _Sums, covered: dict[str, _Sums]) -> float | None:
    """Which part of a commitment was used, by its quantities; None where they do not say."""
    if _is_spend(key):
        if not 0 < fee.price <= fee.quantity:  # nobody pays more than what is committed
            return None
        return sum(sums.quantity for sums in covered.values()) / fee.quantity
    if fee.quantity <= 0 or any(sums.price <= 0 for sums in covered.values()):
        return None
    units = (sums.amount / _UNIT * sums.quantity / sums.price for sums in covered.values())
    return sum(units) / fee.quantity


def _put_group(
    found: dict[str, Group], keys: list[str], fee: int, credit: int, ratio: float | None
) -> None:
    if fee <= 0 or credit <= 0:
        return
    used = min(fee, credit)
    if ratio is not None:
        used = int(fee * Fraction(str(round(min(1.0, max(0.0, ratio)), _DIGITS))))
    group = Group(fee, credit, used)
    for key in keys:
        found[key] = group


def find_groups(files: Sequence[SourceFile], desk: Desk) -> dict[str, Group]:
    """Read the files once for their commitments; nothing where no file has any fee."""
    if not any(_has_fees(file) for file in files):
        return {}
    tally, aside = (
        Tally(),
        Desk(Problems(), desk.components),
    )  # problems are told when rows are read
    for file in files:
        for chunk in chunks(file, aside, _NEEDED):
            rows = Rows(chunk, Draft(chunk), aside)
            gross_cost = rows.draft.exact(rows.column("cost"), aside, source="cost").or_zero()
            tally.add(rows, credits_of(rows), gross_cost)
    return tally.groups()


def _has_fees(file: SourceFile) -> bool:
    """Whether a file may hold the fee of a commitment; no row of it is read for that."""
    if file.form == "parquet":
        aside = Desk(Problems(), Components(()))
        parts = chunks(file, aside, ["sku.description"])
        return any(
            pc.any(rows.said(rows.texts("sku.description"), FEE)).as_py()
            for rows in (Rows(part, Draft(part), aside) for part in parts)
        )
    before = b""
    with open_bytes(file) as stream:
        while block := stream.read(_BLOCK):
            if _WORD in before + block:
                return True
            before = block[-len(_WORD) :]
    return False


def shares_of(
    rows: Rows, credits_here: Credits, gross_cost: Exact, groups: dict[str, Group]
) -> Exact:
    """(n,) what each row gets of fees; below 0 what a fee gives away. They sum to 0 over a bill."""
    result = Exact.zero(len(rows))
    if not groups:
        return result
    fees, net = fees_of(rows, credits_here), gross_cost.plus(credits_here.total)
    given = [
        -group.given(fee) if group else 0
        for group, fee in zip(_of(groups, fees), fees.amounts(net), strict=True)
    ]
    result = result.plus(_spread_out(fees, given, len(rows)))
    credited = (credits_here.machines, credits_here.spend)
    for members, exact in zip(covered_by(rows, credits_here), credited, strict=True):
        taken = [
            group.share(-credit) if group else 0
            for group, credit in zip(_of(groups, members), members.amounts(exact), strict=True)
        ]
        result = result.plus(_spread_out(members, taken, len(rows)))
    return result


def _of(groups: Mapping[str, Group], members: Members) -> Iterator[Group | None]:
    """(m,) the group of each member."""
    found = [groups.get(key) for key in members.keys.dictionary.to_pylist()]
    return (found[code] for code in members.keys.indices.to_pylist())


def _spread_out(members: Members, amounts: list[int], rows: int) -> Exact:
    """(rows,) the amounts of the members at their places, 0 elsewhere."""
    whole = [divmod(amount, QUANTUM) for amount in amounts]
    part = Exact(
        pa.array([nano for nano, _ in whole], pa.int64()),
        (
            pa.array([rest // LIMB for _, rest in whole], pa.int64()),
            pa.array([rest % LIMB for _, rest in whole], pa.int64()),
        ),
    )
    return part.take(pc.index_in(row_numbers(0, rows), members.at)).or_zero()
