"""Measures of commitments: coverage, utilization and the effective savings rate.

Source: FinOps Foundation, "Effective Savings Rate"; the identity that ties the three together for
one discount d is ``ESR = coverage · (d − (1 − d)(1/utilization − 1))``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from trainfare.commitments.application import Applied
from trainfare.commitments.demand import Demand, exact_sum


@dataclass(frozen=True, slots=True)
class Measures:
    """What commitments did over some hours; a share whose base is 0 is None, never 0."""

    on_demand_nano: int
    """What all use would have cost on demand."""
    paid_nano: int
    """What was paid: committed, used or not, and on demand."""
    committed_nano: int
    used_nano: int
    covered_nano: int

    @property
    def unused_nano(self) -> int:
        """Committed and not used."""
        return self.committed_nano - self.used_nano

    @property
    def saving_nano(self) -> int:
        """Below 0 where the commitments cost more than they saved."""
        return self.on_demand_nano - self.paid_nano

    @property
    def effective_savings_rate(self) -> Fraction | None:
        """Saving out of what on demand would have cost; None where nothing was used at all."""
        return Fraction(self.saving_nano, self.on_demand_nano) if self.on_demand_nano else None

    @property
    def coverage(self) -> Fraction | None:
        """On-demand money that commitments paid for, out of all of it."""
        return Fraction(self.covered_nano, self.on_demand_nano) if self.on_demand_nano else None

    @property
    def commitment_utilization(self) -> Fraction | None:
        """Used out of committed; None where nothing is committed."""
        return Fraction(self.used_nano, self.committed_nano) if self.committed_nano else None


def measure(demand: Demand, applied: Applied) -> Measures:
    """The measures of *applied* over *demand*."""
    return Measures(
        demand.total_nano,
        applied.total_nano,
        applied.committed_nano,
        exact_sum(applied.used_nano),
        exact_sum(applied.covered_nano),
    )
