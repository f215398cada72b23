"""Alerts on commitments: used less than before, about to end, and a purchase that would pay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from trainfare.budgets.alert import Finding, Kind, Severity
from trainfare.core.money import Money
from trainfare.core.period import DAY, format_instant
from trainfare.core.plain import percent

LOW = Fraction(80, 100)
"""Under so much utilization a commitment is told of, however it was before."""
FALL = Fraction(10, 100)
"""So much less than in the weeks before is told."""
SETTLED = Fraction(5, 100)
"""An alert stays open until it is by so much better than where it would open."""
END_DAYS = (60, 30, 7)
"""So long before its end a commitment is told of, each time anew."""


@dataclass(frozen=True, slots=True)
class CommitmentWeek:
    """What a commitment was paid and used in the last week of the bill and the weeks before it."""

    id: str
    name: str
    paid: Money
    used: Money
    earlier_paid: Money
    earlier_used: Money

    @property
    def utilization(self) -> Fraction | None:
        """Of the last week; None where nothing was paid."""
        return Fraction(self.used.nano, self.paid.nano) if self.paid.nano > 0 else None

    @property
    def earlier(self) -> Fraction | None:
        """Of the weeks before."""
        if self.earlier_paid.nano <= 0:
            return None
        return Fraction(self.earlier_used.nano, self.earlier_paid.nano)


@dataclass(frozen=True, slots=True)
class Ending:
    """When a commitment ends."""

    id: str
    name: str
    end_ns: int
    per_hour: Money | None


def find_unused(weeks: Iterable[CommitmentWeek]) -> Iterator[Finding]:
    """One finding for each commitment that is used little, or less than before."""
    for one in weeks:
        now, before = one.utilization, one.earlier
        if now is None:
            continue
        fall = Fraction(0) if before is None else before - now
        level = 0
        if now < LOW or fall >= FALL:
            level = 2 if now < LOW / 2 else 1
        elif now >= LOW + SETTLED and fall < FALL - SETTLED:
            continue
        was = "" if before is None else f", {percent(before, 0)} in the four weeks before"
        sentence = (
            f"{one.name} was used to {percent(now, 0)} in its last week on the bill{was}; "
            f"{(one.paid - one.used).display(2)} of it paid for nothing: "
            "trainfare commit status --runs"
        )
        yield Finding(Kind.COMMITMENT, f"{one.id} use", sentence, level=level)


def find_endings(endings: Iterable[Ending], at_ns: int) -> Iterator[Finding]:
    """One finding for each commitment that ends soon; each nearer date is told anew."""
    for one in endings:
        days = (one.end_ns - at_ns) // DAY
        level = sum(days < most for most in END_DAYS)
        if not level or days < 0:
            continue
        worth = "" if one.per_hour is None else f" ({one.per_hour.display(2)} an hour)"
        when = "today" if days == 0 else f"in {days} day{'s' * (days != 1)}"
        sentence = (
            f"{one.name}{worth} ends {when}, on {format_instant(one.end_ns)[:10]}; from then on its "
            "use is paid on demand: trainfare commit watch"
        )
        severity = Severity.CRITICAL if level == len(END_DAYS) else Severity.WARNING
        yield Finding(Kind.COMMITMENT, f"{one.id} end", sentence, level=level, severity=severity)


def find_opportunity(saving: Money, least: Money, what: str) -> Iterator[Finding]:
    """A finding where a purchase would save at least *least* a month; twice as much is told anew.

    Args:
        saving: a month.
        least: what is worth telling, above 0.
        what: the purchase in words.
    """
    times = saving.nano // least.nano
    if times > 0:
        sentence = f"{what} would save {saving.display(2)} a month: trainfare commit watch"
        yield Finding(
            Kind.COMMITMENT, f"purchase {saving.currency}", sentence, level=times.bit_length()
        )
