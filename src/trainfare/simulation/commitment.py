"""Commitments: discounts that the company bought ahead, hour by hour used or unused.

A savings plan covers on-demand hours of large AWS instances as far as its hourly commitment goes; a
reservation covers two AWS instances by the hour, another two Azure machines by whole days. What is
used costs the committed rate and no cash; what is not used is a line of its own; the purchase is
cash and no effective cost. Over the bill, the effective cost of used and unused is what was
purchased; of the AWS reservation, half of that was paid at once for a whole year. Google's
commitment to spend is billed otherwise: what it covers costs its rate in cash as well, and the fee of
each hour is what was not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.core.charge import Component, Remainder
from trainfare.core.period import HOUR, BillingPeriod, Interval
from trainfare.simulation.fleet import ACCOUNTS, G5, NC96, P4, P5, REGIONS, Machine, MachineType
from trainfare.simulation.line import (
    DAY,
    Commitment,
    Kind,
    Line,
    Ownership,
    Place,
    Product,
    Provider,
    left_to,
)
from trainfare.simulation.product import machine_product

_ID = "0f1e2d3c-4b5a-4678-9abc-def012345678"

SAVINGS_PLAN = Commitment(
    f"arn:aws:savingsplans::111122223333:savingsplan/{_ID}",
    "three years, no upfront",
    "Savings Plan",
    "Spend",
)
INSTANCE_RESERVATION = Commitment(
    f"arn:aws:ec2:us-east-1:111122223333:reserved-instances/{_ID}",
    "one year, partial upfront",
    "Reserved Instance",
    "Usage",
)
AZURE_RESERVATION = Commitment(
    f"/providers/Microsoft.Capacity/reservationOrders/{_ID}/reservations/{_ID}",
    "NC96 one year, monthly",
    "Reservation",
    "Usage",
)

GOOGLE_COMMITMENT = Commitment(
    "8a0f2f3e-1c1d-4e5f-9a9b-0c0d0e0f1011", "Compute Flexible CUDs - 1 Year", "CUD", "Spend"
)

GOOGLE_PRODUCT = Product(
    Provider.GCP,
    Component.COMPUTE,
    "Compute Engine",
    "Compute",
    "6F81-5844-456A",
    "Commitment - dollar based v1: GCE for 1 year",
    "A1B2-C3D4-E5F6",
    "hour",
)
PLAN_PRODUCT = Product(
    Provider.AWS,
    Component.COMPUTE,
    "Savings Plans for AWS Compute usage",
    "Compute",
    "ComputeSavingsPlans",
    "ComputeSP:3yrNoUpfront",
    "SPC3YNOUPFRONT",
    "Hours",
)


GOOGLE_HOUR_NANO = 61_234_567_891
"""What the company committed to spend with Google every hour."""
RESERVED = 2
"""Machines that each reservation pays for."""
_YEAR_HOURS = 8760
_RESERVED_FOR = ("-001", "-003")
"""Azure machines that their reservation is tied to, so that no day is covered in part."""


def committed(list_nano: int) -> int:
    """What a list price comes to under any commitment: 62 % of it.

    >>> committed(5_672_000_000)
    3516640000
    """
    return list_nano * 62 // 100


def committed_rate(machine_type: MachineType) -> int:
    """Nano-units an hour of a machine under any commitment."""
    return committed(machine_type.hour_nano)


@dataclass(slots=True)
class Coverage:
    """How much of each commitment is left, in nano-units per hour or day."""

    bill: Interval
    period: BillingPeriod
    plan_nano: int
    """Hourly commitment of the savings plan."""
    plan_left: dict[int, int] = field(default_factory=dict)
    instance_left: dict[int, int] = field(default_factory=dict)
    azure_left: dict[int, int] = field(default_factory=dict)
    google_left: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, bill: Interval, period: BillingPeriod, machines: int) -> Coverage:
        """Commitments that cover about half of *machines* large instances."""
        plan = cls(bill, period, committed_rate(P4) * max(1, machines // 2) + 7_654_321_987)
        for start_ns in range(bill.start_ns, bill.end_ns, HOUR):
            plan.plan_left[start_ns] = plan.plan_nano
            plan.instance_left[start_ns] = RESERVED * committed_rate(G5)
            plan.google_left[start_ns] = GOOGLE_HOUR_NANO
            if (start_ns - bill.start_ns) % DAY == 0:
                plan.azure_left[start_ns] = RESERVED * committed_rate(NC96) * 24
        return plan

    def cover(self, machine: Machine, hour: Interval) -> Commitment | None:
        """The commitment that covers *machine* in *hour*, if one does; it is used up by that.

        Args:
            machine: of any kind.
            hour: full UTC hours, or less where the machine lived less.
        """
        start_ns = hour.start_ns // HOUR * HOUR
        rate_nano = committed_rate(machine.type) * hour.duration_ns // HOUR
        if machine.is_spot or start_ns not in self.plan_left:
            return None
        if machine.type in (P4, P5) and self.plan_left[start_ns] >= rate_nano:
            self.plan_left[start_ns] -= rate_nano
            return SAVINGS_PLAN
        if machine.type is G5 and self.instance_left[start_ns] >= rate_nano:
            self.instance_left[start_ns] -= rate_nano
            return INSTANCE_RESERVATION
        if machine.type is NC96 and machine.id.endswith(_RESERVED_FOR):
            self.azure_left[start_ns // DAY * DAY] -= rate_nano
            return AZURE_RESERVATION
        return None

    def spend(self, hour: Interval, rate_nano: int) -> Commitment | None:
        """Google's commitment, if *rate_nano* is left of it in *hour*; it is used up by that."""
        start_ns = hour.start_ns // HOUR * HOUR
        if self.google_left.get(start_ns, 0) < rate_nano:
            return None
        self.google_left[start_ns] -= rate_nano
        return GOOGLE_COMMITMENT

    def lines(self) -> Iterator[Line]:
        """Purchases, and what nobody used; ask for it when everything is covered."""
        month = Interval(self.bill.start_ns, self.bill.end_ns)
        for start_ns, left in self.plan_left.items():
            hour = Interval(start_ns, start_ns + HOUR)
            yield self._line(
                PLAN_PRODUCT, SAVINGS_PLAN, Kind.PURCHASE, hour, self.plan_nano, Fraction(1)
            )
            if left:
                yield self._line(PLAN_PRODUCT, SAVINGS_PLAN, Kind.UNUSED, hour, left, Fraction(1))
        hours = month.duration_ns // HOUR
        product = machine_product(G5)
        once_nano = RESERVED * committed_rate(G5) // 2
        day = Interval(month.start_ns, month.start_ns + DAY)
        for kind, when, share in (
            (Kind.UPFRONT, day, once_nano * _YEAR_HOURS),
            (Kind.PURCHASE, month, (RESERVED * committed_rate(G5) - once_nano) * hours),
        ):
            yield self._line(product, INSTANCE_RESERVATION, kind, when, share, Fraction(hours))
        left = sum(self.instance_left.values())
        if left:
            unused = Fraction(left, committed_rate(G5))
            yield self._line(product, INSTANCE_RESERVATION, Kind.UNUSED, month, left, unused)
        product = machine_product(NC96)
        paid_nano = RESERVED * committed_rate(NC96) * hours
        yield self._line(
            product, AZURE_RESERVATION, Kind.PURCHASE, month, paid_nano, Fraction(hours)
        )
        for start_ns, left in self.azure_left.items():
            if left:
                day = Interval(start_ns, start_ns + DAY)
                unused = Fraction(left, committed_rate(NC96))
                yield self._line(product, AZURE_RESERVATION, Kind.UNUSED, day, left, unused)
        yield from (self._fee(start_ns, left) for start_ns, left in self.google_left.items())

    def _fee(self, start_ns: int, left: int) -> Line:
        """An hour of Google's commitment: its fee, less what was used."""
        return Line(
            product=GOOGLE_PRODUCT,
            place=Place(ACCOUNTS[Provider.GCP][0], REGIONS[Provider.GCP][0]),
            kind=Kind.UNUSED,
            period=self.period,
            interval=Interval(start_ns, start_ns + HOUR),
            quantity=Fraction(1),
            billed_nano=left,
            effective_nano=left,
            list_nano=GOOGLE_HOUR_NANO,
            contracted_nano=GOOGLE_HOUR_NANO,
            ownership=left_to(Remainder.UNUSED_COMMITMENT),
            commitment=GOOGLE_COMMITMENT,
        )

    def _line(
        self,
        product: Product,
        commitment: Commitment,
        kind: Kind,
        interval: Interval,
        nano: int,
        quantity: Fraction,
    ) -> Line:
        """A purchase (all cash) or an unused stretch (all effective)."""
        is_purchase = kind is not Kind.UNUSED
        owner: Ownership = left_to(
            Remainder.UNALLOCATED if is_purchase else Remainder.UNUSED_COMMITMENT
        )
        account = ACCOUNTS[product.provider][0]
        return Line(
            product=product,
            place=Place(account, REGIONS[product.provider][0]),
            kind=kind,
            period=self.period,
            interval=interval,
            quantity=quantity,
            billed_nano=nano if is_purchase else 0,
            effective_nano=0 if is_purchase else nano,
            list_nano=nano,
            contracted_nano=nano,
            ownership=owner,
            commitment=commitment,
        )
