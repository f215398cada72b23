"""Scopes: the runs and amounts of one line of a report, of which its measures are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from trainfare.core.money import NANO, Money
from trainfare.core.stage import TRAIN
from trainfare.reports.entry import OUTSIDE_STAGES, Entry
from trainfare.reports.spend import Spend

NOT_METERED_WHY = "not metered here"
NO_PRICE_WHY = "no price was known"
NO_BILL_WHY = "nothing of the bill was given to it"


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


Nanos = dict[str, dict[tuple[str, str], int | None]]
"""Run → (stage, epoch) → nano-units; None is unknown."""


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
        before = amounts.get(place, 0)
        amounts[place] = None if before is None or entry.nano is None else before + entry.nano

    def money(self, book: Book) -> tuple[Money | None, str | None]:
        """What the line costs by *book*, or None and why."""
        if book is Book.ALLOCATED:
            found = [self.run_nano(run, book)[0] for run in self.runs]
            known = [nano for nano in found if nano is not None]
            if not known and self.unowned is None:
                return None, NO_BILL_WHY
            return Money(sum(known) + (self.unowned or 0), self.currency), None
        if not self.runs:
            return None, "no run is in it"
        if self.grain is not Grain.RUNS and not any(self.books[book].values()):
            return None, "nothing of it was estimated"
        return self.sum_runs(lambda run: self.run_nano(run, book))

    def run_nano(self, run: str, book: Book) -> tuple[int | None, str | None]:
        """What one run costs within the line."""
        return self._nano(run, book, lambda _stage: True)

    def machine_nano(self, run: str, book: Book) -> tuple[int | None, str | None]:
        """What the time of its machines costs: everything but what stands outside stages."""
        return self._nano(run, book, lambda stage: stage != OUTSIDE_STAGES)

    def train_nano(self, run: str, book: Book) -> tuple[int | None, str | None]:
        """What its train stage costs."""
        nano, why = self._nano(run, book, lambda stage: stage == TRAIN)
        is_there = any(stage == TRAIN for stage, _ in self.books[book].get(run, {}))
        return (nano, why) if is_there or why else (None, "no time in the stage train")

    def _nano(
        self, run: str, book: Book, takes: Callable[[str], bool]
    ) -> tuple[int | None, str | None]:
        amounts = self.books[book].get(run)
        if not amounts:
            if self.grain is not Grain.RUNS:
                return 0, None
            is_bill = book is Book.ALLOCATED
            missing = NO_PRICE_WHY if run in self.spends else NOT_METERED_WHY
            return None, NO_BILL_WHY if is_bill else missing
        chosen = [nano for (stage, _), nano in amounts.items() if takes(stage)]
        known = [nano for nano in chosen if nano is not None]
        return (sum(known), None) if len(known) == len(chosen) else (None, NO_PRICE_WHY)

    def sum_runs(
        self, part: Callable[[str], tuple[int | None, str | None]]
    ) -> tuple[Money | None, str | None]:
        """Σ over runs; unknown where one of them is, and what is known stands in the reason."""
        total, missing, first = 0, 0, None
        for run in self.runs:
            nano, why = part(run)
            if nano is None:
                missing, first = missing + 1, first or why
            else:
                total += nano
        if not missing:
            return Money(total, self.currency), None
        rest = f"; {Money(total, self.currency).display()} is known" if total else ""
        return None, f"{_count(missing, len(self.runs))}{first}{rest}"

    def sum_work(
        self, what: Callable[[Spend], int | Fraction | None], name: str
    ) -> tuple[Fraction | None, str | None]:
        """Σ over runs of what they did; unknown where one of them does not say."""
        total, missing, first = Fraction(0), 0, None
        for run in self.runs:
            spend = self.spends.get(run)
            amount = None if spend is None or not spend.is_whole else what(spend)
            if amount is not None:
                total += amount
                continue
            missing += 1
            first = first or _why(spend, name)
        if not missing:
            return total, None
        return None, f"{_count(missing, len(self.runs))}{first}"


def _why(spend: Spend | None, name: str) -> str:
    if spend is None:
        return NOT_METERED_WHY
    if not spend.is_whole:
        return "it goes on outside these periods"
    return spend.whys.get(name, f"{name} unknown")


def _count(missing: int, runs: int) -> str:
    return "" if runs == 1 else f"{missing:,} of {runs:,} runs: "


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
                for place, nano in amounts.items():
                    before = merged.get(place, 0)
                    merged[place] = None if before is None or nano is None else before + nano
    return whole


def rate(nano: Fraction | int, per: Fraction | int, currency: str) -> Money:
    """Nano-units over an amount, to the nearest nano."""
    return Money.nearest(Fraction(nano) / (Fraction(per) * NANO), currency)
