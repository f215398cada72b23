"""Contracts: what is known of a commitment beside its bill: who sells what, for how long, at how much.

A contract is told by a human who bought it, or by a provider's file (FOCUS ContractCommitment). The
bill shows what a commitment did; only a contract says when it ends, and what was promised of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.core.errors import BadInput
from trainfare.core.money import BIGINT_MAX, Money
from trainfare.core.period import HOUR

BY_HAND = "by hand"
"""The source of what a human told."""

STATES = (
    "proposed", "pending", "active", "exhausted", "expired", "canceled", "superseded", "withdrawn",
)  # fmt: skip
"""As FOCUS has them, and *withdrawn*: what was told of it is taken back."""

_ID_MAX, _KIND_MAX, _NAME_MAX = 512, 64, 1000


@dataclass(frozen=True, slots=True)
class Contract:
    """One commitment, as it was told."""

    id: str
    """As bills have it."""
    kind: str
    name: str
    provider: str
    currency: str
    per_hour: Money | None
    """What it costs in every hour of its term, used or not; None where nobody says."""
    start_ns: int
    end_ns: int
    source: str
    """:data:`BY_HAND`, or the file."""
    at_ns: int
    """When it was told."""
    who: str
    state: str = "active"
    rates: Mapping[str, int] = field(default_factory=dict, hash=False)
    """SKU → nano-units an hour at which it is used up; empty where nobody says."""
    promised: Money | None = None
    """Saving a month that was expected when it was bought."""

    def __post_init__(self) -> None:
        for what, text, most in (
            ("id", self.id, _ID_MAX), ("kind", self.kind, _KIND_MAX), ("name", self.name, _NAME_MAX)
        ):  # fmt: skip
            if not text.strip() or len(text) > most:
                raise BadInput(f"the {what} of a commitment has 1 to {most} signs, not {len(text)}")
        if self.state not in STATES:
            raise BadInput(f"a commitment is {', '.join(STATES)}, not {self.state!r}")
        if not 0 <= self.start_ns < self.end_ns <= BIGINT_MAX:
            raise BadInput(
                f"commitment {self.id} ends before it begins; give its first and last day"
            )
        if self.per_hour is not None and self.per_hour.nano < 0:
            raise BadInput(f"commitment {self.id} costs less than nothing an hour")

    def is_live(self, at_ns: int) -> bool:
        """Whether it holds at an instant: begun, not ended, and not called off."""
        return self.state in ("active", "pending") and self.start_ns <= at_ns < self.end_ns


def hourly(cost: Money, start_ns: int, end_ns: int) -> Money:
    """What a commitment of *cost* in all costs in each hour of its term, to the nearest nano.

    >>> hourly(Money.parse("8760"), 0, 8760 * 3600 * 10**9).text()
    '1.000000000'
    """
    hours = Fraction(end_ns - start_ns, HOUR)
    return Money.nearest(Fraction(cost.nano, 10**9) / hours, cost.currency)
