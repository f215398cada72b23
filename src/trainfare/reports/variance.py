"""Variance: why a run was billed otherwise than estimated, by cause, as causes that sum exactly.

One *item* is one thing that an estimate, a bill or both know of: the time of one machine, the bytes
sent, what lies in one bucket. With, for one item,

    E   what was estimated, exactly: price × quantity
    e   the quantity that was estimated (hours of the whole machine, gigabytes)
    c   the quantity that the run held beside all other runs that claim the same thing
    q   the quantity that the bill gave to the run
    A   what q costs at the bill's rate of the same kind as the estimate's price
    F   what the run was billed for it (effective cost)
    K   credits within F that are no part of any price (promotions)
    ρ   A / q, the bill's rate

the causes are, in this order,

    price       ρ·e − E        another rate than was assumed
    duration    ρ·(q − c)      paid longer or shorter than measured: boot, shutdown, lost records
    quantity    ρ·(c − e)      a larger or smaller part of it than was assumed: other runs on it
    commitment  F − A − K      what negotiated and commitment discounts took off
    credit      K

and they telescope: ρ·e − E + ρ·(q − c) + ρ·(c − e) + (F − A − K) + K = F − E. Where a bill tells no
quantity, q is taken to be c. An item on one side only is a machine that was missed or over-counted
(quantity: A, or −E), or something that nobody meters (unmetered: all of F). What is smaller than a
nano-unit per charge is rounding, and so is what the sums of both books were rounded by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from trainfare.core.money import Money


class Cause(StrEnum):
    """Why billed and estimated differ, in the order in which a difference is explained."""

    PRICE = "price"
    DURATION = "duration"
    QUANTITY = "quantity"
    COMMITMENT = "commitment"
    CREDIT = "credit"
    UNMETERED = "unmetered"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Variance:
    """Estimated, billed, and the causes between them; the causes sum to the variance exactly."""

    label: str
    """A run, or what a total is of."""
    estimated: Money
    billed: Money
    causes: Mapping[Cause, Money]
    """Every cause, in order, 0 where it played no part."""

    @property
    def variance(self) -> Money:
        """Billed less estimated."""
        return self.billed - self.estimated

    @property
    def relative_error(self) -> Fraction | None:
        """The size of the variance as a part of what was billed; None where nothing was."""
        return abs(Fraction(self.variance.nano, self.billed.nano)) if self.billed else None


@dataclass(frozen=True, slots=True)
class Metered:
    """What the estimate says of one item."""

    nano: Fraction
    """Exact: price × quantity, in nano-units."""
    quantity: Fraction
    held: Fraction
    """The quantity beside all other runs that claim the same thing."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What the bill says of one item, all of it in nano-units."""

    asked_nano: Fraction
    """At the rate that the estimate's price is compared with."""
    effective_nano: int
    credit_nano: Fraction
    """Credits within the effective cost that are no part of a price; below 0."""
    quantity: Fraction | None
    """None where the bill does not say."""
    charges: int
    """How many charges were added up: so many nano-units may be rounding."""


Causes = dict[Cause, Fraction]
"""Cause → exact nano-units; what is not there is 0."""


def explain(metered: Metered | None, charged: Charged | None) -> Causes:
    """The causes of one item; their sum is its billed less its exact estimated cost.

    >>> hour = Metered(Fraction(100), Fraction(1), Fraction(1))
    >>> bill = Charged(Fraction(330), 300, Fraction(0), Fraction(3, 2), 1)
    >>> {cause.value: str(nano) for cause, nano in explain(hour, bill).items()}
    {'price': '120', 'duration': '110', 'commitment': '-30'}
    """
    found = dict.fromkeys(Cause, Fraction(0))
    if charged is None:
        found[Cause.QUANTITY] = -metered.nano if metered else Fraction(0)
        return _without_dust(found, 0)
    found[Cause.CREDIT] = charged.credit_nano
    found[Cause.COMMITMENT] = charged.effective_nano - charged.asked_nano - charged.credit_nano
    if metered is None:
        found[Cause.QUANTITY] = charged.asked_nano
        return _without_dust(found, charged.charges)
    paid = metered.held if charged.quantity is None else charged.quantity
    if paid == 0:
        found[Cause.QUANTITY] = charged.asked_nano - metered.nano
        return _without_dust(found, charged.charges)
    rate = charged.asked_nano / paid
    found[Cause.PRICE] = rate * metered.quantity - metered.nano
    found[Cause.DURATION] = rate * (paid - metered.held)
    found[Cause.QUANTITY] = rate * (metered.held - metered.quantity)
    return _without_dust(found, charged.charges)


def unmetered(effective_nano: int) -> Causes:
    """The causes of something billed that no meter measures."""
    return {Cause.UNMETERED: Fraction(effective_nano)}


def credited(effective_nano: int) -> Causes:
    """The causes of a credit or correction that stands in the bill for itself."""
    return {Cause.CREDIT: Fraction(effective_nano)}


def _without_dust(found: Causes, charges: int) -> Causes:
    """*found* without causes below a nano-unit per charge; they become rounding."""
    return {cause: nano for cause, nano in found.items() if nano and abs(nano) >= charges}


def settle(label: str, estimated: Money, billed: Money, items: Iterable[Causes]) -> Variance:
    """The variance of a run from the causes of its items; rounding is what they leave over.

    Law: the causes sum to billed − estimated as whole nano-units. While the items are those of both
    amounts, rounding stays below a nano-unit per charge and cause.
    """
    sums = dict.fromkeys(Cause, Fraction(0))
    for item in items:
        for cause, nano in item.items():
            sums[cause] += nano
    causes = {cause: round(nano) for cause, nano in sums.items()}
    causes[Cause.ROUNDING] += billed.nano - estimated.nano - sum(causes.values())
    currency = billed.currency
    amounts = {cause: Money(nano, currency) for cause, nano in causes.items()}
    return Variance(label, estimated, billed, amounts)


def total(label: str, variances: Iterable[Variance], currency: str) -> Variance:
    """The sum of *variances*, all in *currency*, column by column."""
    known = list(variances)
    return Variance(
        label,
        Money.total((one.estimated for one in known), currency),
        Money.total((one.billed for one in known), currency),
        {cause: Money.total((one.causes[cause] for one in known), currency) for cause in Cause},
    )


def median_error(variances: Iterable[Variance]) -> Fraction | None:
    """The median of the relative errors; of an even number, the mean of the middle two.

    >>> one = settle("a", Money(90), Money(100), [])
    >>> str(median_error([one, settle("b", Money(100), Money(50), [])]))
    '11/20'
    """
    errors = sorted(e for one in variances if (e := one.relative_error) is not None)
    if not errors:
        return None
    middle = len(errors) // 2
    return errors[middle] if len(errors) % 2 else (errors[middle - 1] + errors[middle]) / 2
