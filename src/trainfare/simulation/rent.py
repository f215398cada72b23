"""Rent: what the machines cost, hour by hour, with their disks, addresses and traffic.

Everything that hangs on a machine has its owners, hour by hour: who held the machine then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from trainfare.core.period import HOUR, SECOND, BillingPeriod, Interval
from trainfare.simulation.commitment import (
    GOOGLE_COMMITMENT,
    Coverage,
    committed,
    committed_rate,
)
from trainfare.simulation.fleet import Machine, place_of
from trainfare.simulation.line import (
    DAY,
    Commitment,
    Kind,
    Line,
    Ownership,
    Place,
    Product,
    Provider,
    owned_by,
)
from trainfare.simulation.occupancy import Occupancy
from trainfare.simulation.product import (
    ADDRESSES,
    DISKS,
    EGRESS,
    GATEWAY,
    PROCESSING,
    google_products,
    machine_product,
    managed_product,
)
from trainfare.simulation.schedule import TrueRun
from trainfare.simulation.seed import stream

_DISK_NANO = 219_178_082
"""An hour of 2 TB at 0.08 a gigabyte and month of 730 hours."""
_DISK_QUANTITY = {provider: Fraction(2000, 730) for provider in Provider}
_DISK_QUANTITY[Provider.AZURE] = Fraction(1, 730)
_ADDRESS_NANO = 5_000_000
_OUT_NANO = 90_000_000
"""A gigabyte sent out."""
_NAT_NANO = 45_000_000
_PREPARE_NANO = 922_000_000
_SUSTAINED_PERCENT = 12
"""Google's discount on machines that run on and on, a credit on every line."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A machine's paid time within one hour of the bill."""

    machine: Machine
    paid: Interval
    period: BillingPeriod
    ownership: Ownership

    @property
    def charged(self) -> Interval:
        """The charge period: Google writes the very seconds, everybody else the full hour."""
        if self.machine.type.provider is Provider.GCP:
            return self.paid
        start_ns = self.paid.start_ns // HOUR * HOUR
        return Interval(start_ns, start_ns + HOUR)

    def of_hour(self, hour_nano: int) -> int:
        """The part of an hourly price that the paid time costs."""
        return hour_nano * self.paid.duration_ns // HOUR

    def line(
        self,
        product: Product,
        place: Place,
        quantity: Fraction,
        list_nano: int,
        paid_nano: int | None = None,
        *,
        contracted_nano: int | None = None,
        commitment: Commitment | None = None,
        is_tagged: bool = True,
    ) -> Line:
        """A line of usage for this stay; what is paid is the list price unless said otherwise."""
        contracted = list_nano if contracted_nano is None else contracted_nano
        paid = contracted if paid_nano is None else paid_nano
        return Line(
            product=product,
            place=place,
            kind=Kind.USAGE,
            period=self.period,
            interval=self.charged,
            quantity=quantity,
            billed_nano=0 if commitment and commitment != GOOGLE_COMMITMENT else paid,
            effective_nano=paid,
            list_nano=list_nano,
            contracted_nano=contracted,
            ownership=self.ownership,
            tags=self.machine.tags if is_tagged else (),
            commitment=commitment,
        )


def rent(
    seed: int,
    machines: Iterable[Machine],
    occupancies: Mapping[str, Occupancy],
    bill: Interval,
    coverage: Coverage,
) -> Iterator[Line]:
    """The lines of *machines* within *bill*, machine by machine in order of time."""
    for machine in machines:
        life = machine.life.clip(bill)
        if life is None:
            continue
        occupancy = occupancies[machine.id]
        rng = stream(seed, "rent", machine.id)
        prices: dict[int, int] = {}
        for paid in life.cut(HOUR):
            owners = occupancy.ownership(paid.start_ns, paid.end_ns)
            stay = Stay(machine, paid, coverage.period, owners)
            day = paid.start_ns // DAY
            is_first = day not in prices
            if is_first:
                prices[day] = _contracted(rng, machine)
            yield from _compute(stay, prices[day], coverage)
            yield from _attached(rng, stay)
            if machine.type.provider is not Provider.AZURE:
                yield from _sent(rng, stay, 12)
            elif is_first:
                whole = life.clip(Interval(day * DAY, (day + 1) * DAY)) or paid
                owners = occupancy.ownership(whole.start_ns, whole.end_ns)
                yield from _sent(rng, Stay(machine, whole, coverage.period, owners), 60)


def _contracted(rng: Random, machine: Machine) -> int:
    """Today's price of an hour: spot changes by the day, Azure's contract takes 10 % off."""
    full = machine.type.hour_nano
    if machine.is_spot:
        return full * rng.randrange(2500, 5500) // 10_000
    return full * 9 // 10 if machine.type.provider is Provider.AZURE else full


def _compute(stay: Stay, hour_nano: int, coverage: Coverage) -> Iterator[Line]:
    machine = stay.machine
    list_nano, contracted = stay.of_hour(machine.type.hour_nano), stay.of_hour(hour_nano)
    if machine.type.provider is Provider.GCP:
        seconds = stay.paid.duration_ns // SECOND
        for product, units, share in google_products(machine.type):
            part = list_nano * share // 100
            commitment = coverage.spend(stay.paid, committed(part))
            paid = committed(part) if commitment else part - part * _SUSTAINED_PERCENT // 100
            yield stay.line(
                product, machine.place, Fraction(seconds * units), part, paid, commitment=commitment
            )
        return
    product = machine_product(machine.type, is_spot=machine.is_spot)
    hours = Fraction(stay.paid.duration_ns, HOUR)
    commitment = coverage.cover(machine, stay.paid)
    paid = stay.of_hour(committed_rate(machine.type)) if commitment else contracted
    yield stay.line(
        product, machine.place, hours, list_nano, paid,
        contracted_nano=contracted, commitment=commitment,
    )  # fmt: skip


def _attached(rng: Random, stay: Stay) -> Iterator[Line]:
    """Disk, address, gateway and traffic of a machine."""
    machine, provider = stay.machine, stay.machine.type.provider
    hours = Fraction(stay.paid.duration_ns, HOUR)
    disk = _DISK_QUANTITY[provider] * hours
    yield stay.line(DISKS[provider], machine.volume, disk, stay.of_hour(_DISK_NANO))
    if machine.address is not None:
        yield stay.line(
            ADDRESSES[provider], machine.address, hours, stay.of_hour(_ADDRESS_NANO),
            is_tagged=False,
        )  # fmt: skip
    if machine.gateway is not None and rng.random() < 0.5:
        megabytes = rng.randrange(1, 90_000)
        list_nano = _NAT_NANO * megabytes // 1000
        yield stay.line(
            GATEWAY, machine.gateway, Fraction(megabytes, 1000), list_nano, is_tagged=False
        )


def _sent(rng: Random, stay: Stay, percent: int) -> Iterator[Line]:
    """Bytes sent out, in so many percent of all cases; Azure counts them by the day."""
    product = EGRESS.get(stay.machine.type.provider)
    if product is not None and rng.randrange(100) < percent:
        megabytes = rng.randrange(1, 400_000)
        list_nano = _OUT_NANO * megabytes // 1000
        yield stay.line(product, stay.machine.place, Fraction(megabytes, 1000), list_nano)


def managed_jobs(
    seed: int, runs: Iterable[TrueRun], bill: Interval, period: BillingPeriod
) -> Iterator[Line]:
    """The lines of SageMaker's training jobs, and of the processing jobs that fed some of them."""
    for run in runs:
        if not run.job.startswith("arn:"):
            continue
        rng = stream(seed, "managed", run.id)
        is_spot = len(run.attempts) > 1
        product = managed_product(run.type, is_spot=is_spot)
        list_nano = run.type.hour_nano * run.nodes
        paid_nano = list_nano * rng.randrange(3000, 6000) // 10_000 if is_spot else list_nano
        place = place_of(Provider.AWS, "training-job", run.job)
        tags = tuple(sorted((("run_id", run.id), *run.labels))) if rng.random() < 0.5 else ()
        jobs = [(attempt.interval, product, place, list_nano, paid_nano, run.nodes, tags)
                for attempt in run.attempts]  # fmt: skip
        if rng.random() < 0.5:
            first_ns = run.attempts[0].interval.start_ns
            before = Interval(first_ns - rng.randrange(600, 7200) * SECOND, first_ns)
            arn = run.job.replace(":training-job/", ":processing-job/prepare-")
            fed = place_of(Provider.AWS, "processing-job", arn)
            named = (("run_id", run.id),)
            jobs.append((before, PROCESSING, fed, _PREPARE_NANO, _PREPARE_NANO, 1, named))
        for whole, sold, where, list_hour, paid_hour, count, words in jobs:
            billed = whole.clip(bill)
            for paid in billed.cut(HOUR) if billed else ():
                seconds = paid.duration_ns // SECOND
                start_ns = paid.start_ns // HOUR * HOUR
                list_part, paid_part = (n * seconds // 3600 for n in (list_hour, paid_hour))
                yield Line(
                    sold, where, Kind.USAGE, period, Interval(start_ns, start_ns + HOUR),
                    Fraction(seconds * count, 3600), paid_part, paid_part, list_part, paid_part,
                    owned_by(run.id), words,
                )  # fmt: skip
