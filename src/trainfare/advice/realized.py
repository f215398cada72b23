"""Realized savings: what accepted advice saved, measured on the bills that came afterwards.

Of a month after the one in which it was accepted: what the scope would have cost as it was done
before, less what it cost. What the remedy is about is set beside what no remedy changes, so that
more or less work than before is neither a saving nor a loss, an unchanged month saves nothing, and
one that got worse saves less than nothing.

Where stages or runs tell the two apart (:mod:`trainfare.advice.balance`), with u what was paid for
training that went on, a for what the advice is about, and u₀, a₀ up to the acceptance:

    saved = u × a₀ / u₀ − a

Where a rule finds all of the waste in each month by itself, and nothing once it is followed, with b
what the scope cost and w what the rule finds, b₀ and w₀ when it was accepted:

    saved = (b − w) × w₀ / (b₀ − w₀) − w

Where all was waste at first (b₀ = w₀) the old waste per month counts instead. Of any other rule a
bill does not tell what the same work would have cost without it: the saving is unknown, with a
reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from trainfare.advice.balance import ABOUT, Balance
from trainfare.core.decision import Decision
from trainfare.core.money import NANO, Money
from trainfare.core.period import BillingPeriod
from trainfare.core.recommendation import Advice, Kind

FOUND_WHOLE = frozenset(
    [
        *("left_on", "kept_warm", "notebook", "never_used", "kept_after_training", "stalled"),
        "nat_for_store",
    ]
)
"""Rules that find all of the waste in each month by itself, and nothing once they are followed."""

UNKNOWN = {
    Kind.IDLE: "what of low use is left is not told from training that goes on",
    Kind.STORAGE: "a bill does not tell what the files would have cost had they been kept as before",
    Kind.NETWORK: "a bill does not tell what would have been read from afar",
    Kind.EXPERIMENTS: "nobody knows what the runs that were not made, or not ended, would have cost",
}
"""Kind → why a bill does not tell what its other rules saved."""

SAME_WORK = (
    "a bill does not tell what the same work would have cost; compare the cost of a step or token "
    "of runs before and after"
)


@dataclass(frozen=True, slots=True)
class Realized:
    """What one accepted recommendation saved so far."""

    periods: dict[str, Money]
    """Month → what was saved in it."""
    per_month: Money | None
    """Their mean, to set beside the promise; None where *why* says what is missing."""
    why: str


def realize(
    decision: Decision,
    advice: Advice | None,
    book: str,
    periods: tuple[str, ...],
    balances: Mapping[str, Balance] | None = None,
) -> Realized:
    """What *decision* saved, by the advice as it stands now.

    Args:
        decision: an acceptance.
        advice: the same recommendation on the history of now; None where its subject is gone.
        book: of that history; only a bill proves a saving.
        periods: months of that history.
        balances: month → what was paid, of runs that began up to the acceptance or after its
            month; for the rules that have balances.
    """
    accepted = str(BillingPeriod.of(decision.at_ns))
    later = [one for one in periods if one > accepted]
    if book != "billed":
        return _unknown("no bill is here; a saving is measured on the bill")
    if decision.rule not in FOUND_WHOLE and decision.rule not in ABOUT:
        return _unknown(UNKNOWN.get(decision.kind, SAME_WORK))
    if not later:
        return _unknown(f"no bill of a month after {accepted} is allocated yet")
    if decision.rule in ABOUT:
        known = balances or {}
        if not any(one.useful for period, one in known.items() if period <= accepted):
            return _unknown("the runs from before it was accepted are not known any more")
        nanos = _beside_training(known, accepted, later)
    else:
        nanos = _beside_the_rest(decision, advice, later)
    if not nanos:
        return _unknown("nothing of its subject was paid since")
    currency = decision.base.currency
    found = {period: Money.nearest(nano / NANO, currency) for period, nano in nanos.items()}
    total = Money.total(found.values(), currency)
    return Realized(found, Money.nearest(Fraction(total.nano, len(found) * NANO), currency), "")


def _unknown(why: str) -> Realized:
    return Realized({}, None, why)


def _beside_training(
    balances: Mapping[str, Balance], accepted: str, later: list[str]
) -> dict[str, Fraction]:
    """Month → nano-units saved, by what was paid for training that went on."""
    before = [one for period, one in balances.items() if period <= accepted]
    rate = Fraction(sum(one.about for one in before), sum(one.useful for one in before))
    return {
        period: balances[period].useful * rate - balances[period].about
        for period in later
        if period in balances
    }


def _beside_the_rest(
    decision: Decision, advice: Advice | None, later: list[str]
) -> dict[str, Fraction]:
    """Month → nano-units saved, by what the rule left of the scope."""
    found = {}
    for period in later:
        base = advice.bases.get(period) if advice else None
        if base is None:
            continue  # nothing of the subject was paid: no work, no saving
        assert advice is not None
        waste = advice.granted.get(period, Money.zero(base.currency))
        found[period] = _saved(decision, base, waste)
    return found


def _saved(decision: Decision, base: Money, waste: Money) -> Fraction:
    useful = decision.base.nano - decision.granted.nano
    if useful <= 0:
        return Fraction(decision.granted.nano, decision.months) - waste.nano
    rate = Fraction(decision.granted.nano, useful)
    return (base.nano - waste.nano) * rate - waste.nano
