"""Two books: what the estimate and the bill say of each thing that a run used, set side by side.

The time of each machine is one item, all bytes sent are one, and what lies in each bucket is one.
A run's part of a machine's paid time is that machine's paid time of the day × the run's part of the
day's list cost (so the run's own share, claimed or tagged, as the allocation has it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from trainfare.allocation.charged import ChargedDay
from trainfare.allocation.names import last_part
from trainfare.allocation.steps import PRIORITIES, RUN_TAG
from trainfare.core.charge import Component, View
from trainfare.core.estimate import Stretch
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import GIB, MONTH_HOURS, Price
from trainfare.core.run import sum_over_machines
from trainfare.metering.receipt import Receipt
from trainfare.reports.variance import Causes, Charged, Metered, credited, explain, unmetered
from trainfare.store.results import RunPart

_VIEWS = tuple(View)
_EFFECTIVE = _VIEWS.index(View.EFFECTIVE)
_WEIGHING = tuple(map(_VIEWS.index, (View.LIST, View.CONTRACTED, View.EFFECTIVE, View.BILLED)))
"""The first of these that both sides have tells a run's part of a day; list prices change least."""

_MACHINE = (Component.COMPUTE, Component.DATA)
_GIGABYTES = ("gb", "gib", "gibibyte", "gibibytes", "gigabyte", "gigabytes")
_GIGABYTE_MONTHS = (
    "gb-mo", "gb-month", "gb-months", "gib-month", "gibibyte-month", "gibibyte month", "gb/month",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a run used, in both books."""

    name: str
    """The machine, the bucket, or what it is."""
    component: Component
    metered: Metered | None
    charged: Charged | None
    causes: Causes
    price: Price | None = None
    """What was assumed; of several, the one that held longest."""
    tagged: Fraction = Fraction(0)
    """Of the quantity, what only a tag gives to the run: time that nothing measured."""


@dataclass(slots=True)
class _Bill:
    """What a run was charged for one item, as it adds up."""

    effective: int = 0
    listed: Fraction = Fraction(0)
    agreed: Fraction = Fraction(0)
    credit: Fraction = Fraction(0)
    quantity: Fraction | None = Fraction(0)
    tagged: Fraction = Fraction(0)
    charges: int = 0

    def charged(self, basis: View) -> Charged:
        """The bill's side, asked at the rate of *basis*."""
        asked = {View.LIST: self.listed, View.CONTRACTED: self.agreed}.get(basis)
        if asked is None:
            asked = self.effective - self.credit
        return Charged(asked, self.effective, self.credit, self.quantity, self.charges)


def basis_of(price: Price) -> View:
    """Which rate of a bill a price is compared with, by where it came from.

    Price lists are list prices, but spot prices are what is paid; the user states what is paid
    before commitments; bills taught what was paid after everything.
    """
    if price.origin == "learnt":
        return View.EFFECTIVE
    if price.origin in ("stated", "override") or price.sku.endswith("/spot"):
        return View.CONTRACTED
    return View.LIST


@dataclass(frozen=True, slots=True)
class Books:
    """What is known beside a run's own receipt and parts, of the months that are compared."""

    months: tuple[Interval, ...]
    places: Mapping[str, str]
    """Resource in small letters → the one name of its place."""
    days: Mapping[tuple[str, str, date], Sequence[ChargedDay]] = field(default_factory=dict)
    """(resource in small letters, currency, day) → what all of it was charged."""
    held: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    """(run, place) → hours of the whole machine that the run holds beside all other claims."""

    def place(self, resource: str) -> str:
        """The one name of a resource."""
        return self.places.get(resource.lower(), resource.lower())

    def inside(self, interval: Interval) -> Fraction:
        """The part of *interval* that lies in the months."""
        whole = interval.duration_ns
        inside = sum(interval.overlap_ns(month) for month in self.months)
        if whole == 0:
            touches = any(m.start_ns <= interval.start_ns < m.end_ns for m in self.months)
            return Fraction(int(touches))
        return Fraction(inside, whole)


def items_of(receipt: Receipt, parts: Sequence[RunPart], books: Books) -> list[Item]:
    """Every item of a run; their causes sum to its billed less its exact estimated cost.

    Args:
        receipt: of a run, all of whose machine time has a price.
        parts: what the run got in the months, in the currency of the estimate.
        books: of the same months.
    """
    stretches: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in receipt.estimate.stretches:
        if books.inside(stretch.interval):
            stretches[books.place(stretch.resource_id)].append(stretch)
    bills, goods, items = _sorted(parts, books, stretches)
    for place in sorted(stretches.keys() | bills.keys()):
        found = stretches.get(place, ())
        items.append(_machine(receipt.run.id, place, found, bills.get(place), books))
    items.extend(_network(receipt, goods, books))
    items.extend(_storage(receipt, goods, books))
    return items


Goods = dict[Component, dict[str, list[RunPart]]]
"""Component → place → parts that are no machine's time."""


def _sorted(
    parts: Iterable[RunPart], books: Books, metered: Container[str]
) -> tuple[dict[str, _Bill], Goods, list[Item]]:
    """Machine time by place, other goods by component and place, and what needs no comparison."""
    bills: dict[str, _Bill] = defaultdict(_Bill)
    goods: Goods = defaultdict(lambda: defaultdict(list))
    items: list[Item] = []
    machine_days: dict[tuple[str, str, date | None], list[RunPart]] = defaultdict(list)
    for part in parts:
        component, nano = Component(part.component), part.amounts[_EFFECTIVE] or 0
        is_by_step = part.method in PRIORITIES or books.place(part.resource or "") in metered
        if part.is_correction or part.category in ("Credit", "Adjustment"):
            items.append(Item(part.resource or "credits", component, None, None, credited(nano)))
        elif part.category != "Usage" or not is_by_step or not part.resource:
            items.append(Item(part.method, component, None, None, unmetered(nano)))
        elif component in _MACHINE:
            machine_days[part.resource, part.currency, part.day].append(part)
        else:
            goods[component][books.place(part.resource)].append(part)
    for (resource, currency, day), group in machine_days.items():
        days = [d for d in _days(books, resource, currency, day) if d.component in _MACHINE]
        _add(bills[books.place(resource)], group, days, _hours(days))
    return dict(bills), goods, items


def _days(books: Books, resource: str, currency: str, day: date | None) -> Sequence[ChargedDay]:
    return () if day is None else books.days.get((resource.lower(), currency, day), ())


def _hours(days: Sequence[ChargedDay]) -> Fraction | None:
    """For how many hours the machine was paid on a day."""
    paid = [day.paid_ns for day in days if day.paid_ns is not None]
    return Fraction(max(paid), HOUR) if paid else None


def _add(
    bill: _Bill, group: Sequence[RunPart], days: Sequence[ChargedDay], quantity: Fraction | None
) -> None:
    """Add a run's parts of one resource and day to *bill*; *quantity* is all of that day's."""
    effective = sum(part.amounts[_EFFECTIVE] or 0 for part in group)
    bill.effective += effective
    bill.charges += max(1, sum(part.charges for part in group))
    weight = _weight(group, days)
    if weight is None:
        bill.listed += effective
        bill.agreed += effective
        bill.quantity = None
        return
    bill.listed += weight * sum(day.asked_nano for day in days)
    bill.agreed += weight * sum(day.agreed_nano for day in days)
    bill.credit += weight * sum(day.credit_nano for day in days)
    if quantity is None or bill.quantity is None:
        bill.quantity = None
    else:
        bill.quantity += weight * quantity
        tagged = _weight([part for part in group if part.method == RUN_TAG], days)
        bill.tagged += (tagged or 0) * quantity


def _weight(group: Sequence[RunPart], days: Sequence[ChargedDay]) -> Fraction | None:
    """A run's part of a resource's day; None where no view tells."""
    for view in _WEIGHING:
        whole = [day.amounts[view] for day in days]
        own = [part.amounts[view] for part in group]
        if whole and None not in whole and None not in own:
            everything = sum(nano or 0 for nano in whole)
            if everything > 0:
                return Fraction(sum(nano or 0 for nano in own), everything)
    return None


def _machine(
    run: str, place: str, stretches: Sequence[Stretch], bill: _Bill | None, books: Books
) -> Item:
    """The time of one machine."""
    hours: dict[Price, Fraction] = defaultdict(Fraction)
    for stretch in stretches:
        if isinstance(stretch.price, Price):
            part = stretch.share * books.inside(stretch.interval)
            hours[stretch.price] += part * Fraction(stretch.interval.duration_ns, HOUR)
    metered = price = None
    if hours:
        price = max(hours, key=lambda each: hours[each])
        exact = sum((Fraction(p.amount) * NANO * h for p, h in hours.items()), Fraction(0))
        quantity = sum(hours.values(), Fraction(0))
        metered = Metered(exact, quantity, books.held.get((run, place), quantity))
    basis = basis_of(price) if price else View.LIST
    charged = bill.charged(basis) if bill else None
    tagged = bill.tagged if bill else Fraction(0)
    name = stretches[0].resource_id if stretches else place
    return Item(name, Component.COMPUTE, metered, charged, explain(metered, charged), price, tagged)


def _network(receipt: Receipt, goods: Goods, books: Books) -> Iterable[Item]:
    """All bytes sent, where their class and so their price is known; the rest nobody meters."""
    places = goods.get(Component.NETWORK, {})
    estimated = receipt.estimate.components[Component.NETWORK]
    sent = sum_over_machines(receipt.run, "net_tx_bytes") or 0
    is_priced = bool(estimated) and sent > 0
    bill = _Bill()
    for place, parts in places.items():
        rest = parts
        if is_priced:
            rest = _take(bill, parts, books, _GIGABYTES)
        yield from _unmetered(place, Component.NETWORK, rest)
    if is_priced and estimated is not None:
        inside = books.inside(receipt.run.interval)
        yield _good(
            "bytes sent",
            Component.NETWORK,
            (estimated.nano * inside, Fraction(sent, GIB) * inside),
            bill,
        )


def _storage(receipt: Receipt, goods: Goods, books: Books) -> Iterable[Item]:
    """What lies in each bucket; disks of machines and whatever else is stored nobody meters."""
    places = dict(goods.get(Component.STORAGE, {}))
    kept: dict[str, tuple[Fraction, Fraction]] = {}
    for nano, gigabyte_months, uri in stored(receipt, books):
        bucket = _bucket(uri)
        before = kept.get(bucket, (Fraction(0), Fraction(0)))
        kept[bucket] = (before[0] + nano, before[1] + gigabyte_months)
    by_bucket = {last_part(place): place for place in places}
    for bucket, estimated in kept.items():
        bill = _Bill()
        place = by_bucket.get(bucket)
        if place is not None:
            places[place] = _take(bill, places[place], books, _GIGABYTE_MONTHS)
        yield _good(bucket, Component.STORAGE, estimated, bill)
    for place, parts in places.items():
        yield from _unmetered(place, Component.STORAGE, parts)
    for place, parts in goods.get(Component.OTHER, {}).items():
        yield from _unmetered(place, Component.OTHER, parts)


def estimated_in(receipt: Receipt, books: Books) -> Money | None:
    """What the months' part of a run was estimated at; None where some of its time has no price.

    The parts of all months sum to the whole; of a run that lies within the months, whose files are
    gone too, it is the receipt's total.
    """
    estimate = receipt.estimate
    nano = 0
    for stretch in estimate.stretches:
        inside = books.inside(stretch.interval)
        if stretch.estimated_cost is not None:
            nano += round(stretch.estimated_cost.nano * inside)
        elif inside:
            return None
    nano += sum(round(each) for each, _, _ in stored(receipt, books))
    network = estimate.components[Component.NETWORK]
    if network:
        nano += round(network.nano * books.inside(receipt.run.interval))
    return Money(nano, estimate.currency)


def stored(receipt: Receipt, books: Books) -> Iterable[tuple[Fraction, Fraction, str]]:
    """Exact nano-units, gigabyte-months and address of every priced artifact, within the months."""
    for segment in receipt.run.segments:
        for one in segment.artifacts:
            byte_ns, currency = one.byte_ns, receipt.estimate.currency
            if byte_ns and isinstance(one.price, Price) and one.price.currency == currency:
                part = byte_ns * books.inside(one.held)
                months = part / (GIB * MONTH_HOURS * HOUR)
                yield one.price.per_quantum * part * NANO, months, one.uri


def _bucket(uri: str) -> str:
    """The bucket of an address; a path stands for itself."""
    scheme, sign, rest = uri.partition("://")
    return rest.partition("/")[0].lower() if sign and scheme != "file" else uri


def _take(
    bill: _Bill, parts: Sequence[RunPart], books: Books, units: Sequence[str]
) -> list[RunPart]:
    """Add those of *parts* to *bill* that are counted in *units*; the others are given back."""
    rest = []
    for part in parts:
        days = [
            day
            for day in _days(books, part.resource or "", part.currency, part.day)
            if day.component == part.component
        ]
        if len(days) == 1 and days[0].unit in units and days[0].quantity is not None:
            _add(bill, [part], days, days[0].quantity)
        else:
            rest.append(part)
    return rest


def _good(
    name: str, component: Component, estimated: tuple[Fraction, Fraction], bill: _Bill
) -> Item:
    """Something counted in gigabytes: whatever is not price is quantity."""
    charged = bill.charged(View.LIST) if bill.charges else None
    paid = charged.quantity if charged else None
    metered = Metered(*estimated, estimated[1] if paid is None else paid)
    return Item(name, component, metered, charged, explain(metered, charged))


def _unmetered(place: str, component: Component, parts: Sequence[RunPart]) -> Iterable[Item]:
    nano = sum(part.amounts[_EFFECTIVE] or 0 for part in parts)
    if nano:
        yield Item(place, component, None, None, unmetered(nano))
