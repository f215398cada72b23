"""Decisions on advice: what somebody said to a recommendation, and what it promised then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainfare.core.errors import BadInput
from trainfare.core.money import BIGINT_MAX, Money
from trainfare.core.recommendation import Advice, Kind

REASON_MAX = 1000
"""Signs of a reason."""


class Verdict(StrEnum):
    """What was said."""

    ACCEPTED = "accepted"
    """It is or will be done; what it saves is measured on later bills."""
    DISMISSED = "dismissed"
    """It is not done, for a reason; its dollars are free for other advice."""
    SNOOZED = "snoozed"
    """Not now: it is told again from a date on."""
    REOPENED = "reopened"
    """Whatever was said before no longer counts."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What *who* said to one recommendation, and what it promised then."""

    advice: str
    """Its id."""
    verdict: Verdict
    at_ns: int
    who: str
    reason: str
    until_ns: int | None
    """When one that is snoozed is told again."""
    kind: Kind
    rule: str
    subject: str
    title: str
    saving: Money
    """Expected, per month."""
    saving_low: Money
    saving_high: Money
    granted: Money
    """Over the history that it was made from."""
    base: Money
    """What its scope cost in that history."""
    months: int

    def is_hidden(self, now_ns: int) -> bool:
        """Whether it is not told at an instant."""
        if self.verdict is Verdict.SNOOZED:
            return self.until_ns is None or now_ns < self.until_ns
        return self.verdict in (Verdict.ACCEPTED, Verdict.DISMISSED)


def decide(
    advice: Advice,
    verdict: Verdict,
    *,
    at_ns: int,
    who: str,
    reason: str = "",
    until_ns: int | None = None,
) -> Decision:
    """A decision on *advice* as it stands.

    Raises:
        BadInput: a dismissal without a reason, or a snooze that does not end later.
    """
    if verdict is Verdict.DISMISSED and not reason.strip():
        raise BadInput("say why it is dismissed; give a reason such as 'kept for a demo'")
    if len(reason) > REASON_MAX:
        raise BadInput(f"a reason has at most {REASON_MAX:,} signs, not {len(reason):,}")
    if (verdict is Verdict.SNOOZED) != (until_ns is not None):
        raise BadInput("what is snoozed, and only that, has an end")
    if until_ns is not None and not at_ns < until_ns <= BIGINT_MAX:
        raise BadInput("it is snoozed until a moment that has passed; name a later one")
    made = advice.recommendation
    return Decision(
        advice=made.id,
        verdict=verdict,
        at_ns=at_ns,
        who=who,
        reason=reason.strip(),
        until_ns=until_ns,
        kind=made.kind,
        rule=made.rule,
        subject=made.subject,
        title=made.title,
        saving=advice.saving,
        saving_low=advice.saving_low,
        saving_high=advice.saving_high,
        granted=Money.total((s.saving for s in advice.stakes), made.currency),
        base=advice.base,
        months=advice.months,
    )
