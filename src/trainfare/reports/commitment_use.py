"""Commitment use: coverage, utilization and effective savings rate, from the charges of a bill.

    commitment utilization  = used / (used + unused)                         in effective cost
    coverage                = covered usage / all usage it could cover       at on-demand prices
    effective savings rate  = (on demand − paid, unused included) / on demand

"On demand" is the list cost, and beside it the contracted cost; spot usage is in neither. A rate of
nothing is no rate: it is None, and the loss is shown. Where a charge lacks the price, the figures
that need it are None and :attr:`Saving.missing` says how many such charges there are.

Source: FinOps Foundation, "How to Calculate Effective Savings Rate"; FOCUS use cases for
commitment discounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from trainfare.allocation.commitment_sums import CommitmentSum
from trainfare.core.money import Money


@dataclass(frozen=True, slots=True)
class Saving:
    """What commitments saved against one kind of on-demand price."""

    on_demand: Money | None
    """What the usage would have cost without commitments; None where a charge does not say."""
    covered: Money | None
    """The part of it that commitments covered."""
    paid: Money
    """What it did cost, unused commitment included."""
    missing: int
    """Charges that do not state this price."""

    @property
    def saved(self) -> Money | None:
        """On demand less paid; negative is a loss."""
        return None if self.on_demand is None else self.on_demand - self.paid

    @property
    def rate(self) -> Fraction | None:
        """The effective savings rate; None where nothing was used or a price is missing."""
        if self.on_demand is None or self.saved is None or not self.on_demand.nano:
            return None
        return Fraction(self.saved.nano, self.on_demand.nano)

    @property
    def coverage(self) -> Fraction | None:
        """Covered usage out of all that could be covered."""
        if self.on_demand is None or self.covered is None or not self.on_demand.nano:
            return None
        return Fraction(self.covered.nano, self.on_demand.nano)


@dataclass(frozen=True, slots=True)
class CommitmentUse:
    """Commitments of one period and provider together, or one of them."""

    period: str
    provider: str
    commitment: str | None
    """Its id, empty where the bill names none; None for all of the provider's."""
    name: str | None
    kind: str | None
    used: Money
    """Effective cost of what was covered."""
    unused: Money
    """Effective cost of what was paid and not used."""
    on_list: Saving
    on_contracted: Saving

    @property
    def commitment_utilization(self) -> Fraction | None:
        """Used out of bought; None where nothing was."""
        bought = self.used + self.unused
        return Fraction(self.used.nano, bought.nano) if bought.nano else None


def commitment_uses(sums: Sequence[CommitmentSum]) -> list[CommitmentUse]:
    """Per period, provider and currency: all commitments together, then each of them.

    Providers without any commitment have a row too: their coverage is 0. Of one commitment the
    usage that it could have covered is not known, so its coverage is that of its own usage: 1.
    """
    found = []
    for _, group in _groups(sums, lambda one: (one.period, one.provider, one.currency)):
        found.append(_use(group, None))
        touched = [one for one in group if one.commitment is not None]
        found.extend(_use(own, name) for name, own in _groups(touched, lambda one: one.commitment))
    return found


Key = TypeVar("Key", bound=Hashable)


def _groups(
    sums: Iterable[CommitmentSum], key: Callable[[CommitmentSum], Key]
) -> list[tuple[Key, list[CommitmentSum]]]:
    groups: dict[Key, list[CommitmentSum]] = defaultdict(list)
    for one in sums:
        groups[key(one)].append(one)
    return list(groups.items())


def _use(group: Sequence[CommitmentSum], commitment: str | None) -> CommitmentUse:
    first, currency = group[0], group[0].currency
    names = [one for one in group if one.commitment is not None and commitment is not None]
    usage = [one for one in group if not one.is_unused]
    used = sum(one.effective for one in group if one.is_used)
    unused = sum(one.effective for one in group if one.is_unused)
    paid = Money(sum(one.effective for one in group), currency)

    def saving(amount: Callable[[CommitmentSum], int], stated: int) -> Saving:
        missing = sum(one.charges for one in usage) - stated
        if missing:
            return Saving(None, None, paid, missing)
        covered = sum(amount(one) for one in usage if one.is_used)
        whole = sum(amount(one) for one in usage)
        return Saving(Money(whole, currency), Money(covered, currency), paid, 0)

    return CommitmentUse(
        period=first.period,
        provider=first.provider,
        commitment=commitment,
        name=next((one.name for one in names if one.name), None),
        kind=next((one.kind for one in names if one.kind), None),
        used=Money(used, currency),
        unused=Money(unused, currency),
        on_list=saving(lambda one: one.list, sum(one.has_list for one in usage)),
        on_contracted=saving(lambda one: one.contracted, sum(one.has_contracted for one in usage)),
    )
