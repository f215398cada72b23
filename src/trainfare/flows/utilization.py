"""The utilization path: paid GPU time × claims × what was measured → what the GPUs did, in money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import NotFound
from trainfare.core.labels import make_labels
from trainfare.core.period import DAY, BillingPeriod, format_instant
from trainfare.flows.gpu_book import GpuBook, Outside, open_book
from trainfare.reports.gpu_time import MachineDays, held_time, seen_time
from trainfare.reports.run_use import RunUse, sum_uses
from trainfare.reports.utilization import Piece, UseRow, pieces_of, total_row, use_rows

if TYPE_CHECKING:
    from trainfare.reports.commitment_use import CommitmentUse
    from trainfare.reports.table import Table

NO_LABEL = "(no label)"
"""Where the run of a GPU's time has no such label."""

PART_KEYS = ("resource", "day", "state")
"""Keys that cut a run into parts."""


@dataclass(frozen=True, slots=True)
class GpuUse:
    """What the GPUs that were paid in one currency did; rows sum to the total."""

    currency: str
    rows: tuple[UseRow, ...]
    total: UseRow


@dataclass(frozen=True, slots=True)
class Utilization:
    """What ``trainfare utilization`` says."""

    periods: tuple[str, ...]
    book: str
    """``billed``: effective cost of the allocated bill; ``estimated``: of the runs metered here."""
    by: tuple[str, ...]
    run: str | None
    """The run that all is about, if one was asked for."""
    uses: tuple[GpuUse, ...]
    """One per currency, the largest first."""
    sources: tuple[str, ...]
    """Who measured activity: NVML, a metric of DCGM …"""
    commitments: tuple[CommitmentUse, ...]
    outside: tuple[Outside, ...]
    """Machines that may have GPUs and are in no row, the dearest first."""
    not_allocated: tuple[str, ...]
    """Billing periods with a bill and no allocation; they are not in it."""
    facts: Mapping[str, RunUse]
    """Metered run → what it did as a whole."""

    def use_of(self, row: UseRow) -> RunUse | None:
        """What the metered runs of *row* did; None where its keys cut runs into parts."""
        if any(name in PART_KEYS for name in self.by):
            return None
        return sum_uses(self.facts[run] for run in sorted(row.run_ids) if run in self.facts)

    def tables(self) -> list[Table]:
        """The same as tables, one per currency, the largest first."""
        from trainfare.reports.utilization_table import utilization_table

        notes = [f"activity measured by {', '.join(self.sources) or 'nobody'}"]
        if self.outside:
            notes.append(f"not known whether they have GPUs: {len(self.outside)} machines")
        if self.not_allocated:
            notes.append(f"not allocated yet: {', '.join(self.not_allocated)}")
        return [
            utilization_table(
                self.by,
                [(row, self.use_of(row)) for row in use.rows],
                (use.total, self.use_of(use.total)),
                currency=use.currency,
                is_billed=self.book == "billed",
                periods=self.periods,
                notes=tuple(notes),
            )
            for use in self.uses
        ]


def make_utilization(
    home: Path, by: Sequence[str] = ("run",), *, period: str | None = None, run: str | None = None
) -> Utilization:
    """What paid GPUs did, in one billing period or all.

    Args:
        home: whose bills, claims and runs.
        by: keys of the rows: ``run``, ``resource``, ``day``, ``state`` or labels of runs.
        period: ``YYYY-MM``.
        run: only what this run held.

    Raises:
        BadInput: a key is no label.
        NotFound: there is nothing to say: no allocated bill and no metered run with a GPU.
    """
    make_labels(dict.fromkeys(by, "x"))
    book = open_book(home, None if period is None else BillingPeriod.parse(period))
    days = MachineDays(book.days)
    held, seen = held_time(days, book.claims), seen_time(days, book.uses)
    pieces = pieces_of(days.paid, book.money, held, seen)
    if run is not None:
        pieces = [piece for piece in pieces if piece.run == run]
        if not pieces:
            when = ", ".join(book.periods)
            raise NotFound(f"run {run!r} held no GPU that is known to be paid for in {when}")
    return Utilization(
        periods=book.periods,
        book=book.name,
        by=tuple(by),
        run=run,
        uses=_uses(pieces, by, book),
        sources=tuple(sorted(book.sources)),
        commitments=_commitments(book) if run is None else (),
        outside=tuple(book.outside) if run is None else (),
        not_allocated=book.not_allocated,
        facts=book.facts,
    )


def _uses(pieces: Sequence[Piece], by: Sequence[str], book: GpuBook) -> tuple[GpuUse, ...]:
    key = _key(by, book)
    uses = [
        GpuUse(currency, tuple(use_rows(pieces, key, currency)), total_row(pieces, currency))
        for currency in sorted({piece.currency for piece in pieces})
    ]
    return tuple(sorted(uses, key=lambda use: -abs(use.total.amount.nano)))


def _key(by: Sequence[str], book: GpuBook) -> Callable[[Piece], tuple[str, ...]]:
    def value(name: str, piece: Piece) -> str:
        place, day = piece.slot
        if name == "resource":
            return book.names.get(place, place)
        if name == "day":
            return format_instant(day * DAY)[:10] if day >= 0 else "(whole period)"
        if name == "state":
            return piece.state.value
        if piece.run is None:
            return f"({piece.state.value.replace('_', ' ')})"
        return piece.run if name == "run" else book.labels.get(piece.run, {}).get(name, NO_LABEL)

    return lambda piece: tuple(value(name, piece) for name in by)


def _commitments(book: GpuBook) -> tuple[CommitmentUse, ...]:
    if not book.charges:
        return ()
    from trainfare.allocation.commitment_sums import read_commitment_sums
    from trainfare.reports.commitment_use import commitment_uses

    return tuple(commitment_uses(read_commitment_sums(book.charges)))
