"""Scopes: the runs and amounts of one line of a report, of which its measures are made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from trainfare.core.money import NANO, Money
from trainfare.core.stage import TRAIN
from trainfare.reports.cell import NOT_IN_IT
from trainfare.reports.entry import OUTSIDE_STAGES, Entry
from trainfare.reports.spend import Spend

NOT_METERED_WHY = "not metered here"
NO_PRICE_WHY = "no price was known"
NO_BILL_WHY = "nothing of the bill was given to it"
OUTSIDE_WHY = "it goes on outside these periods"
NO_RUN_WHY = "no run is in it"


class Book(StrEnum):
    """The two books; neither overwrites the other."""

    ESTIMATED = "estimated"
    ALLOCATED = "allocated"


class Grain(StrEnum):
    """What the keys of a report cut."""

    RUNS = "runs"
    """Whole runs."""
    EPOCHS = "epochs"
    """Runs into epochs."""
    PARTS = "parts"
    """Runs into parts that have no work of their own: components, stages, days."""


Known = tuple[int | None, str | None]
"""Nano-units of one run, or None and why."""

Cell = tuple[Money | None, str | None]
"""An amount, and why it is not known or what is not in it."""

_Summed = tuple[Fraction | None, str | None]

Nanos = dict[str, dict[tuple[str, str], tuple[int, bool]]]
"""Run → (stage, epoch) → nano-units that are known, and whether that is all of it."""


@dataclass(slots=True)
class Scope:
    """What one line of a report is of."""

    currency: str
    spends: Mapping[str, Spend]
    """Every metered run of the report, not only those of this line."""
    grain: Grain
    epoch: str | None = None
    """The epoch that the line is of, where the grain is epochs."""
    runs: dict[str, None] = field(default_factory=dict)
    books: dict[Book, Nanos] = field(
        default_factory=lambda: {book: defaultdict(dict) for book in Book}
    )
    unowned: int | None = None
    """Allocated nano-units that a rule gave to the line's label without a run."""

    def add(self, entry: Entry) -> None:
        """Take in one amount."""
        if entry.run is None:
            self.unowned = (self.unowned or 0) + (entry.nano or 0)
            return
        self.runs[entry.run] = None
        book = Book.ESTIMATED if entry.is_estimate else Book.ALLOCATED
        amounts = self.books[book][entry.run]
        place = (entry.found.get("stage") or "", entry.found.get("epoch") or "")
        nano, is_all = amounts.get(place, (0, True))
        amounts[place] = nano + (entry.nano or 0), is_all and entry.nano is not None

    def money(self, book: Book) -> Cell:
        """What the line costs by *book*: the sum over its runs of which that is known."""
        if book is Book.ALLOCATED:
            known = [n for run in self.runs if (n := self.run_nano(run, book)[0]) is not None]
            if not known and self.unowned is None:
                return None, NO_BILL_WHY
            return Money(sum(known) + (self.unowned or 0), self.currency), None
        if self.grain is not Grain.RUNS and not any(self.books[book].values()):
            return None, "nothing of it was estimated"
        return self._estimated()

    def _estimated(self) -> Cell:
        """The sum of every part with a price, so that any grouping sums to the same total."""
        _, why = self.sum_runs(lambda run: self.run_nano(run, Book.ESTIMATED))
        known = self.known_nano(Book.ESTIMATED)
        if why is None or not known:
            return (None if why else Money(known, self.currency)), why
        if NOT_IN_IT not in why:
            why = f"some of it is{NOT_IN_IT}{why}"
        return Money(known, self.currency), why

    def known_nano(self, book: Book) -> int:
        """Everything of *book* that runs of the line have and that is known."""
        return sum(nano for each in self.books[book].values() for nano, _ in each.values())

    def run_nano(self, run: str, book: Book) -> Known:
        """What one run costs within the line."""
        return self._nano(run, book, lambda _stage: True)

    def machine_nano(self, run: str, book: Book) -> Known:
        """What the time of its machines costs: everything but what stands outside stages."""
        return self._nano(run, book, lambda stage: stage != OUTSIDE_STAGES)

    def train_nano(self, run: str, book: Book) -> Known:
        """What its train stage costs."""
        nano, why = self._nano(run, book, lambda stage: stage == TRAIN)
        is_there = any(stage == TRAIN for stage, _ in self.books[book].get(run, {}))
        return (nano, why) if is_there or why else (None, "no time in the stage train")

    def _nano(self, run: str, book: Book, takes: Callable[[str], bool]) -> Known:
        amounts = self.books[book].get(run)
        if not amounts:
            if self.grain is not Grain.RUNS:
                return 0, None
            is_bill = book is Book.ALLOCATED
            missing = NO_PRICE_WHY if run in self.spends else NOT_METERED_WHY
            return None, NO_BILL_WHY if is_bill else missing
        chosen = [one for (stage, _), one in amounts.items() if takes(stage)]
        is_all = all(one[1] for one in chosen)
        return (sum(one[0] for one in chosen), None) if is_all else (None, NO_PRICE_WHY)

    def sum_runs(self, part: Callable[[str], Known]) -> Cell:
        """Σ over the runs of which *part* is known; the reason says how many are not in it."""
        total, missing = self._sum(part)
        if total is None or (missing and not total):  # no 0 for what may be something
            return None, missing
        return Money(int(total), self.currency), missing

    def sum_work(self, what: Callable[[Spend], int | Fraction | None], name: str) -> _Summed:
        """Σ over runs of what they did, those of which it is known."""
        return self._sum(lambda run: self._work(run, what, name))

    def rate(
        self,
        part: Callable[[str], Known],
        what: Callable[[Spend], int | Fraction | None],
        name: str,
        per: int,
    ) -> Cell:
        """Σ money × *per* ÷ Σ work, both of the same runs: those of which both are known."""
        both: dict[str, tuple[int, int | Fraction]] = {}

        def known(run: str) -> tuple[int | Fraction | None, str | None]:
            work, why = self._work(run, what, name)
            nano, no_money = part(run)
            if work is None or nano is None:
                return None, why or no_money
            both[run] = nano, work
            return work, None

        _, missing = self._sum(known)
        nano = sum(one[0] for one in both.values())
        work = sum((Fraction(one[1]) for one in both.values()), Fraction(0))
        if not work:
            return None, missing or f"no {name}"
        return rate(nano * per, work, self.currency), missing

    def _work(
        self, run: str, what: Callable[[Spend], int | Fraction | None], name: str
    ) -> tuple[int | Fraction | None, str | None]:
        spend = self.spends.get(run)
        if spend is None:
            return None, NOT_METERED_WHY
        if not spend.is_whole:
            return None, OUTSIDE_WHY
        amount = what(spend)
        return amount, None if amount is not None else spend.whys.get(name, f"{name} unknown")

    def _sum(self, part: Callable[[str], tuple[int | Fraction | None, str | None]]) -> _Summed:
        total, whys = Fraction(0), Counter[str]()
        for run in self.runs:
            amount, why = part(run)
            if amount is None:
                whys[why or "unknown"] += 1
            else:
                total += amount
        if not self.runs:
            return None, NO_RUN_WHY
        if not whys:
            return total, None
        if len(self.runs) == whys.total():
            return None, whys.most_common(1)[0][0]
        return total, missing_text(whys, len(self.runs))


def missing_text(whys: Counter[str], runs: int) -> str:
    """How many runs are not in a figure, and why most of them are not."""
    missing = whys.total()
    are = "is" if missing == 1 else "are"
    return f"{missing:,} of {runs:,} runs {are}{NOT_IN_IT}{whys.most_common(1)[0][0]}"


def union(scopes: Iterable[Scope], like: Scope) -> Scope:
    """All of *scopes* as one line; epochs together are whole runs again."""
    grain = Grain.RUNS if like.grain is Grain.EPOCHS else like.grain
    whole = Scope(like.currency, like.spends, grain)
    for scope in scopes:
        whole.runs |= scope.runs
        if scope.unowned is not None:
            whole.unowned = (whole.unowned or 0) + scope.unowned
        for book, runs in scope.books.items():
            for run, amounts in runs.items():
                merged = whole.books[book][run]
                for place, (nano, is_all) in amounts.items():
                    before, was_all = merged.get(place, (0, True))
                    merged[place] = before + nano, was_all and is_all
    return whole


def rate(nano: Fraction | int, per: Fraction | int, currency: str) -> Money:
    """Nano-units over an amount, to the nearest nano."""
    return Money.nearest(Fraction(nano) / (Fraction(per) * NANO), currency)
