"""Which runs used up commitments, and which paid on demand beside commitment that nobody used.

    Σ used over runs and remainders + unused = what was paid for commitments     per provider
    Σ open over runs and remainders          = what was paid on demand that they could have covered

What is beside unused commitment *in the same hour* would have cost nothing more had it been of the
account, place or size that the commitment pays for: that is what could have been saved. What is left
of it then could pay for use of other hours at most: runs that can wait could begin in those.

A commitment may pay for the machines that it did pay for somewhere in the bill, at the rates of
there. An hour's unused money goes to the highest saving first, and is divided over runs in proportion
to what they paid. A charge of a longer period is spread evenly over its hours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.allocation.coverage import CoveredHour
from trainfare.core.charge import Remainder
from trainfare.core.money import Money, cumulative_parts

Owner = tuple[str | None, Remainder | None]
Sku = tuple[str, str]
"""Region and SKU."""
Amounts = dict[str, int]
Open = dict[Sku, dict[Owner, int]]


@dataclass(frozen=True, slots=True)
class CommitmentRun:
    """What one run or remainder had of one provider's commitments."""

    run: str | None
    remainder: Remainder | None
    covered: Money
    """On-demand cost of what commitments paid for, as far as the bill says it."""
    used: Money
    """Of commitments, what paid for it."""
    open: Money
    """Paid on demand, of machines that commitments could have paid for."""
    beside: Money
    """Of that, what unused commitment of the same hour would have paid for: it could be saved."""
    unpriced: int = 0
    """Parts that commitments paid for and whose on-demand cost the bill does not say."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How use and commitments of one provider met, in one currency."""

    provider: str
    currency: str
    runs: tuple[CommitmentRun, ...]
    """What used most first; remainders last."""
    unused: Money
    """Paid for commitments, and used by nobody."""
    elsewhere: Money
    """At most so much more could be saved by use that moves to hours with unused commitment."""

    def total(self, name: str) -> Money:
        """The sum of one amount over all runs and remainders."""
        return Money.total([getattr(one, name) for one in self.runs], self.currency)


def align(hours: Sequence[CoveredHour]) -> list[Alignment]:
    """What each run used of commitments, by provider and currency."""
    groups: dict[tuple[str, str], list[CoveredHour]] = defaultdict(list)
    for one in hours:
        groups[one.provider, one.currency].append(one)
    found = [_align(*key, own) for key, own in sorted(groups.items())]
    return [one for one in found if one.unused or any(run.used for run in one.runs)]


def _align(provider: str, currency: str, hours: Sequence[CoveredHour]) -> Alignment:
    rates = _rates(hours)
    reach = {sku for rated in rates.values() for sku in rated}
    used: dict[Owner, int] = defaultdict(int)
    covered: dict[Owner, int] = defaultdict(int)
    unpriced: dict[Owner, int] = defaultdict(int)
    paid: dict[Owner, int] = defaultdict(int)
    unused: dict[int, Amounts] = defaultdict(lambda: defaultdict(int))
    open_: dict[int, Open] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for one in hours:
        owner, sku = (one.run, one.remainder), (one.region, one.sku)
        spans = one.hours
        if one.is_unused:
            for hour, nano in _spread(one.effective, spans):
                unused[hour][one.commitment or ""] += nano
        elif one.commitment is not None:
            used[owner] += one.effective
            covered[owner] += one.on_demand
            unpriced[owner] += one.unpriced
        elif sku in reach and one.on_demand > 0:
            paid[owner] += one.effective
            for hour, nano in _spread(one.on_demand, spans):
                open_[hour][sku][owner] += nano
    beside: dict[Owner, int] = defaultdict(int)
    left: Amounts = defaultdict(int)
    still: Open = defaultdict(lambda: defaultdict(int))
    for hour, amounts in sorted(unused.items()):
        for owner, nano in serve(amounts, open_.get(hour, {}), rates).items():
            beside[owner] += nano
        for name, nano in amounts.items():
            left[name] += nano
    lost = sum(row.effective for row in hours if row.is_unused)
    for skus in open_.values():
        for sku, owners in skus.items():
            for owner, nano in owners.items():
                still[sku][owner] += nano
    elsewhere = sum(serve(left, still, rates).values())
    runs = [
        CommitmentRun(
            run=owner[0],
            remainder=owner[1],
            covered=Money(covered[owner], currency),
            used=Money(used[owner], currency),
            open=Money(paid[owner], currency),
            beside=Money(beside[owner], currency),
            unpriced=unpriced[owner],
        )
        for owner in {*used, *paid}
    ]
    runs.sort(key=lambda one: (one.run is None, -one.used.nano, -one.open.nano, one.run or ""))
    return Alignment(
        provider, currency, tuple(runs), Money(lost, currency), Money(elsewhere, currency)
    )


def _spread(nano: int, hours: range) -> list[tuple[int, int]]:
    """An amount over its hours, losing nothing."""
    return list(zip(hours, cumulative_parts(nano, [1] * len(hours), len(hours)), strict=True))


def _rates(hours: Sequence[CoveredHour]) -> dict[str, dict[Sku, Fraction]]:
    """Commitment → machine → what of an on-demand price it pays."""
    sums: dict[str, dict[Sku, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for one in hours:
        if one.commitment is not None and not one.is_unused and one.on_demand > 0:
            known = sums[one.commitment][one.region, one.sku]
            known[0] += one.effective
            known[1] += one.on_demand
    return {
        name: {sku: Fraction(paid, asked) for sku, (paid, asked) in skus.items() if paid > 0}
        for name, skus in sums.items()
    }


def serve(
    unused: Amounts, open_: Open, rates: Mapping[str, Mapping[Sku, Fraction]]
) -> dict[Owner, int]:
    """What *unused* pays of *open_*, by owner, at on-demand prices; both are used up by it.

    >>> ada, bob = ("ada", None), ("bob", None)
    >>> rates = {"sp": {("", "p5"): Fraction(1, 2)}}
    >>> serve({"sp": 30}, {("", "p5"): {ada: 60, bob: 20}}, rates) == {ada: 45, bob: 15}
    True
    """
    found: dict[Owner, int] = defaultdict(int)
    pairs = sorted(
        (rate, name, sku)
        for name in unused
        for sku, rate in rates.get(name, {}).items()
        if sku in open_ and rate < 1
    )
    for rate, name, sku in pairs:
        owners = open_[sku]
        whole = sum(owners.values())
        part = min(whole, int(unused[name] / rate))
        if part <= 0:
            continue
        unused[name] -= min(unused[name], -int(-part * rate // 1))
        names = sorted(owners, key=lambda one: (one[0] or "", str(one[1])))
        shares = Money(part).split([owners[one] for one in names])
        for owner, share in zip(names, shares, strict=True):
            owners[owner] -= share.nano
            found[owner] += share.nano
    return found
