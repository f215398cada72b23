"""Realized savings: what accepted advice saved, measured on the bills that came afterwards.

Of the months after the one in which it was accepted, with b what the scope cost, w what the same
advice still finds to save of it, and b₀, w₀ the same when it was accepted:

    saved = (b − w) × w₀ / (b₀ − w₀) − w

This is what would have been wasted beside the useful rest b − w at the old rate, less what still
is. More or less work than before is therefore neither a saving nor a loss; where it got worse the
saving is negative. Where all was waste at first (b₀ = w₀) the old waste per month counts instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.decision import Decision
from trainfare.core.money import NANO, Money
from trainfare.core.period import BillingPeriod
from trainfare.core.recommendation import Advice


@dataclass(frozen=True, slots=True)
class Realized:
    """What one accepted recommendation saved so far."""

    periods: dict[str, Money]
    """Month → what was saved in it."""
    per_month: Money | None
    """Their mean, to set beside the promise; None where *why* says what is missing."""
    why: str


def realize(
    decision: Decision, advice: Advice | None, book: str, periods: tuple[str, ...]
) -> Realized:
    """What *decision* saved, by the advice as it stands now.

    Args:
        decision: an acceptance.
        advice: the same recommendation on the history of now; None where its subject is gone.
        book: of that history; only a bill proves a saving.
        periods: months of that history.
    """
    accepted = str(BillingPeriod.of(decision.at_ns))
    later = [one for one in periods if one > accepted]
    if book != "billed":
        return Realized({}, None, "no bill is here; a saving is measured on the bill")
    if not later:
        return Realized({}, None, f"no bill of a month after {accepted} is allocated yet")
    currency = decision.base.currency
    found = {}
    for period in later:
        base = advice.bases.get(period) if advice else None
        if base is None:
            continue  # nothing of the subject was paid: no work, no saving
        assert advice is not None
        waste = advice.granted.get(period, Money.zero(currency))
        found[period] = Money.nearest(_saved(decision, base, waste) / NANO, currency)
    if not found:
        return Realized({}, None, "nothing of its subject was paid since")
    total = Money.total(found.values(), currency)
    return Realized(found, Money.nearest(Fraction(total.nano, len(found) * NANO), currency), "")


def _saved(decision: Decision, base: Money, waste: Money) -> Fraction:
    """Nano-units saved in one month."""
    useful = decision.base.nano - decision.granted.nano
    if useful <= 0:
        return Fraction(decision.granted.nano, decision.months) - waste.nano
    rate = Fraction(decision.granted.nano, useful)
    return (base.nano - waste.nano) * rate - waste.nano
