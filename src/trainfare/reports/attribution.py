"""Attribution: money by any keys, from both books, with every remainder and what a filter leaves out.

    Σ rows + Σ remainders + left out = the bill           (where there is none: the estimates)

Keys are of three kinds: what a run is (labels, ``run``, ``status``, ``ending``), what its time was
(``component``, ``stage``, ``epoch``), and what the bill says (``resource``, ``service``, …).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from trainfare.core.carry import CarryRule
from trainfare.core.charge import Remainder, Sharing, View
from trainfare.core.dataset import Output
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import name_periods
from trainfare.reports.carried import Books, carried_cells, carried_columns, carry_books
from trainfare.reports.cell import Column, Kind, Role, Row, Value, remainder_title
from trainfare.reports.entry import (
    NOT_METERED,
    BilledPeriod,
    Entry,
    allocated_entries,
    estimated_entries,
)
from trainfare.reports.measure import Asked, ask, measure_cells, measure_columns
from trainfare.reports.scope import Book, Grain, Scope, union
from trainfare.reports.spend import Spend, cut_at_steps
from trainfare.reports.table import Table
from trainfare.store.results import COLUMNS

NO_LABEL = "(no label)"
"""Where a run has no such label."""

RUN_KEYS = ("run", "status", "ending")
PART_KEYS = ("component", "stage", "epoch", "step")
BILL_KEYS = tuple(name for name in COLUMNS if name not in (*RUN_KEYS, *PART_KEYS))
KEYS = (*RUN_KEYS, *PART_KEYS, *BILL_KEYS)
"""What a report can be grouped by, besides labels."""

ORDERED = ("day", "epoch", "step")
"""Keys whose rows stand in their order; others stand by their money."""

PARTS = "these keys cut runs into parts that were not estimated apart"
NO_BILL = "no bill is allocated yet"

_SHARED = {
    Sharing.BILLED: "",
    Sharing.POOLED: ", commitments pooled",
    Sharing.NONE: ", without commitments",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for."""

    by: tuple[str, ...]
    view: View | None = None
    """Which cost column; None where there is no bill."""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key → the values that stay in."""
    asked: Asked = field(default_factory=lambda: ask(()))
    periods: tuple[str, ...] = ()
    carry: CarryRule | None = None
    """How the cost of data is carried to the runs that read it; None leaves it aside."""
    outputs: Sequence[Output] = ()
    """What data runs made and who read it, of all runs, also those outside the periods."""
    sharing: Sharing = Sharing.BILLED
    """Who has the benefit of commitments."""

    def __post_init__(self) -> None:
        if self.carry is not None and self.grain is not Grain.RUNS:
            cut = [key for key in self.keys if key in (*PART_KEYS, *BILL_KEYS)]
            raise BadInput(
                f"the cost of data is carried between whole runs, and {', '.join(cut)} cuts them; "
                "group by labels, run, status or ending"
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that it looks at."""
        return (*self.by, *(name for name in self.where if name not in self.by))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a result that it needs."""
        bill = [name for name in self.keys if name in BILL_KEYS]
        return ("component", *bill) if self.is_cut or "component" in self.keys else tuple(bill)

    @property
    def is_cut(self) -> bool:
        """Whether allocated money must be divided over stages and epochs."""
        return bool(self.asked.names) or any(key in ("stage", "epoch", "step") for key in self.keys)

    @property
    def is_of_bill(self) -> bool:
        """Whether only a bill can answer."""
        return any(key in BILL_KEYS for key in self.keys)

    @property
    def grain(self) -> Grain:
        """What its keys cut."""
        cut = [key for key in self.keys if key in (*PART_KEYS, *BILL_KEYS)]
        if not cut:
            return Grain.RUNS
        return Grain.EPOCHS if cut == ["epoch"] else Grain.PARTS

    @property
    def books(self) -> tuple[Book, ...]:
        """The books there are."""
        return (Book.ESTIMATED,) if self.view is None else tuple(Book)


def attribute(
    question: Question,
    spends: Sequence[Spend],
    billed: Sequence[BilledPeriod],
    labels: Mapping[str, Mapping[str, str]],
) -> list[Table]:
    """One table per currency, the one with the most money first; none where there is nothing.

    Args:
        question: keys, filter, measures.
        spends: metered runs, their parts cut at the periods.
        billed: the allocation of each period by the question's columns.
        labels: run → its labels, those of metered runs among them.
    """
    return [table for table, _ in attribute_carried(question, spends, billed, labels)]


def attribute_carried(
    question: Question,
    spends: Sequence[Spend],
    billed: Sequence[BilledPeriod],
    labels: Mapping[str, Mapping[str, str]],
) -> list[tuple[Table, Books]]:
    """The tables of :func:`attribute`, each with what was carried between its runs."""
    if "step" in question.keys:
        wanted = question.where.get("run")
        spends = [cut_at_steps(s) if wanted is None or s.run in wanted else s for s in spends]
    known = {spend.run: spend for spend in spends}
    entries = [e for b in billed for e in allocated_entries(b, known, is_cut=question.is_cut)]
    if not question.is_of_bill:
        entries += estimated_entries(spends)
    sizes: dict[str, int] = {}
    for entry in entries:
        if entry.currency is not None:
            # A bill, however small, before estimates in another currency.
            weight = (entry.nano or 0) if question.view is None or not entry.is_estimate else 0
            sizes[entry.currency] = sizes.get(entry.currency, 0) + weight
    ranked = sorted(sizes, key=lambda c: (-abs(sizes[c]), c)) or (["USD"] if entries else [])
    paid = _paid_in(entries, ranked)
    found = []
    for currency in ranked:
        book = _Book(question, currency, known, labels)
        away = {
            run: f"is paid in {min(others)}"
            for run, others in paid.items()
            if currency not in others
        }
        own = (e for e in entries if (e.currency or paid[e.run or ""][0]) == currency)
        found.append((book.table(own, away), book.carried))
    return found


def _paid_in(entries: Iterable[Entry], ranked: Sequence[str]) -> dict[str, list[str]]:
    """Run → the currencies that it has amounts in, in the order of *ranked*; the first if none.

    What has no price stands in the first of them: of a run that is billed in euros no dollars are
    lacking.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.run is not None:
            found[entry.run].update([entry.currency] if entry.currency else ())
    return {
        run: [currency for currency in ranked if currency in own] or list(ranked[:1])
        for run, own in found.items()
    }


class _Book:
    """One currency of a report while its entries are sorted into lines."""

    def __init__(
        self,
        question: Question,
        currency: str,
        spends: Mapping[str, Spend],
        labels: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._question, self._currency = question, currency
        self._spends, self._labels = spends, labels
        self._groups: dict[tuple[str, ...], Scope] = {}
        self._left_out = self._scope()
        self._remainders = dict.fromkeys(Remainder, 0)
        self.carried: Books = {}

    def _scope(self, epoch: str | None = None) -> Scope:
        return Scope(self._currency, self._spends, self._question.grain, epoch)

    def table(self, entries: Iterable[Entry], away: Mapping[str, str]) -> Table:
        for entry in entries:
            self._sort(entry)
        question = self._question
        everything = union([*self._groups.values(), self._left_out], self._left_out)
        whole = self._whole(everything)
        if question.carry is not None:
            self.carried = carry_books(
                question.carry, question.outputs, everything, question.books, away
            )
        lines = [
            Row(dict(zip(question.by, key, strict=True)) | cells, whys=whys)
            for key, scope in sorted(self._groups.items(), key=self._rank)
            for cells, whys in [self._cells(scope, everything, whole)]
        ]
        return Table(
            title=self._title(),
            by=question.by,
            columns=tuple(report_columns(self._question, self._currency)),
            rows=tuple(lines),
            remainders=tuple(self._remainder_rows(whole)),
            left_out=self._left_out_row(everything, whole),
            total=self._total_row(everything, whole),
            currency=self._currency,
            view=question.view.value if question.view else None,
            periods=question.periods,
        )

    def _sort(self, entry: Entry) -> None:
        """Put *entry* into its line."""
        question = self._question
        given = _given(entry, question.keys)
        is_nobody = entry.run is None and not given
        own = given if entry.run is None else self._labels.get(entry.run, {})
        for name, wanted in question.where.items():
            if is_nobody and name not in entry.found:
                continue  # a filter on runs says nothing of money that no run owns
            if self._value(name, entry, own) not in wanted:
                self._left_out.add(entry)
                return
        if is_nobody:
            assert entry.remainder is not None
            self._remainders[entry.remainder] += entry.nano or 0
            return
        key = tuple(self._value(name, entry, own) for name in question.by)
        if key not in self._groups:
            epoch = key[question.by.index("epoch")] if "epoch" in question.by else None
            self._groups[key] = self._scope(epoch)
        self._groups[key].add(entry)

    def _value(self, name: str, entry: Entry, labels: Mapping[str, str]) -> str:
        if name in entry.found:
            return entry.found[name] or "(none)"
        if name == "run":
            return entry.run or "(no run)"
        if name in ("status", "ending"):
            spend = self._spends.get(entry.run or "")
            return NOT_METERED if spend is None else str(getattr(spend, name))
        return labels.get(name, NO_LABEL)

    def _whole(self, everything: Scope) -> int:
        """The bill; where there is none, the estimates that are known."""
        if self._question.view is None:
            return everything.known_nano(Book.ESTIMATED)
        return _allocated(everything) + sum(self._remainders.values())

    def _cells(
        self, scope: Scope, everything: Scope, whole: int
    ) -> tuple[dict[str, Value], dict[str, str]]:
        """The figures of one line, and why some are not there."""
        question = self._question
        estimated, estimated_why = scope.money(Book.ESTIMATED)
        if question.is_of_bill:
            estimated, estimated_why = None, PARTS
        allocated, allocated_why = scope.money(Book.ALLOCATED)
        if question.view is None:
            allocated, allocated_why = None, NO_BILL
        main = estimated if question.view is None else allocated
        cells: dict[str, Value] = {
            "runs": len(scope.runs),
            "estimated": estimated,
            "allocated": allocated,
            "share": None if main is None else _share(main.nano, whole),
        }
        reasons = {"estimated": estimated_why, "allocated": allocated_why}
        own = {Book.ESTIMATED: estimated, Book.ALLOCATED: allocated}
        for name, (value, why) in carried_cells(self.carried, scope, own):
            cells[name], reasons[name] = value, why
        for name, (value, why) in measure_cells(question.asked, question.books, scope, everything):
            cells[name], reasons[name] = value, why
        return cells, {name: why for name, why in reasons.items() if why}

    def _blank(self, title: str) -> dict[str, Value]:
        cells: dict[str, Value] = {
            column.name: None for column in report_columns(self._question, self._currency)
        }
        return cells | {self._question.by[0]: title}

    def _remainder_rows(self, whole: int) -> Iterable[Row]:
        if self._question.view is None:
            return
        for name, nano in self._remainders.items():
            cells = self._blank(remainder_title(name))
            yield Row(cells | self._billed(nano, whole), Role.REMAINDER, name=name.value)

    def _left_out_row(self, everything: Scope, whole: int) -> Row | None:
        if not self._question.where:
            return None
        cells, whys = self._cells(self._left_out, everything, whole)
        scope = self._left_out
        if not scope.runs:
            cells["estimated"] = None if self._question.is_of_bill else Money(0, self._currency)
        if self._question.view is not None:
            cells |= self._billed(_allocated(scope), whole, self._moved(scope))
            whys.pop("allocated", None)
        title = remainder_title("left_out")
        return Row(self._blank(title) | cells, Role.LEFT_OUT, whys, "left_out")

    def _total_row(self, everything: Scope, whole: int) -> Row:
        cells, whys = self._cells(everything, everything, whole)
        # What nobody was billed is no bill.
        is_bill = self._question.view is not None and self._question.sharing is not Sharing.NONE
        title = "bill" if is_bill else "total"
        if self._question.view is not None:
            cells |= self._billed(whole, whole)
            whys.pop("allocated", None)
        return Row(self._blank(title) | cells, Role.TOTAL, whys)

    def _billed(self, nano: int, whole: int, moved: int = 0) -> dict[str, Value]:
        """What a line that is no group has of the bill."""
        money = Money(nano, self._currency)
        cells: dict[str, Value] = {"allocated": money, "share": _share(nano, whole)}
        if self._question.carry is not None:
            cells["allocated_with_data"] = money + Money(moved, self._currency)
        return cells

    def _moved(self, scope: Scope) -> int:
        carried = self.carried.get(Book.ALLOCATED)
        return 0 if carried is None else sum(carried.moved.get(run, 0) for run in scope.runs)

    def _title(self) -> str:
        question = self._question
        what = f"{question.view.value} cost" if question.view else "estimated cost"
        when = name_periods(question.periods) if question.periods else "all time"
        by = f", data carried by {question.carry}" if question.carry else ""
        shared = _SHARED[question.sharing]
        return f"{when}   {what} in {self._currency}{shared}{by}"

    def _rank(self, line: tuple[tuple[str, ...], Scope]) -> tuple[object, ...]:
        key, scope = line
        if any(name in ORDERED for name in self._question.by):
            return tuple(map(_natural, key))
        book = Book.ESTIMATED if self._question.view is None else Book.ALLOCATED
        amount = scope.money(book)[0]
        return (amount is None, 0 if amount is None else -amount.nano, key)


def _allocated(scope: Scope) -> int:
    """What a line has of the bill; 0 where it has nothing."""
    return scope.known_nano(Book.ALLOCATED) + (scope.unowned or 0)


def _given(entry: Entry, keys: Sequence[str]) -> dict[str, str]:
    """The label among *keys* that a rule gave this money to; empty where none did."""
    if entry.run is not None or entry.label is None:
        return {}
    key, _, value = entry.label.partition("=")
    return {key: value} if key in keys and key not in KEYS else {}


def _share(nano: int, whole: int) -> Decimal | None:
    return Decimal(round(Fraction(nano, whole) * 10**6)).scaleb(-6) if whole else None


def _natural(text: str) -> tuple[int, int, str]:
    """Whole numbers in their order, before words."""
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def report_columns(question: Question, currency: str) -> Iterable[Column]:
    """The columns of a report, in order."""
    yield from (Column(name, Kind.TEXT) for name in question.by)
    yield Column("runs", Kind.COUNT, what="Different runs.")
    what = "Usage × the price known at that time."
    yield Column("estimated", Kind.MONEY, currency, is_sum=True, what=what)
    what = f"What rules gave of the bill's {question.view or 'effective'} cost."
    yield Column("allocated", Kind.MONEY, currency, is_sum=True, what=what)
    of = "the estimates" if question.view is None else "the whole bill"
    yield Column("share", Kind.SHARE, what=f"Of {of}.")
    if question.carry is not None:
        yield from carried_columns(question.carry, question.books, currency)
    yield from measure_columns(question.asked, question.books, currency)
