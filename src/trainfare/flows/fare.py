"""The boarding path: a job to come × the price book → what it will cost, region by region."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput, NotFound
from trainfare.core.machine import Machine
from trainfare.core.money import Money, decimal_of
from trainfare.core.price import NoPrice, Price
from trainfare.prices.accelerators import tpu_chips
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import ANY_REGION, Listing, exact_decimal
from trainfare.prices.market import exact_name, list_price, providers_of, regions_of

_PLAN = re.compile(
    r"(?P<instance>[A-Za-z0-9][\w.-]*?)(?:\s*[×x*]\s*(?P<count>\d+))?\s+for\s+"
    r"(?P<length>\d+(?:\.\d+)?)\s*(?P<unit>m|min|h|hours?|d|days?)"
    r"(?:\s+in\s+(?P<region>[A-Za-z0-9-]+))?(?P<spot>\s+spot)?"
)
_UNITS = {"m": Fraction(1, 60), "h": Fraction(1), "d": Fraction(24)}


@dataclass(frozen=True, slots=True)
class Job:
    """So many machines of one type for so long."""

    home: Path
    provider: str | None
    instance: str
    option: str
    hours: Fraction
    count: int
    at_ns: int

    def machine(self, region: str | None) -> Machine:
        """One of the machines, in *region*."""
        return Machine(
            "estimate",
            "estimate",
            provider=self.provider,
            region=region,
            instance_type=self.instance,
            purchase_option=self.option,
        )

    @property
    def title(self) -> str:
        """``12 hours of 4 × p5.48xlarge, on demand``."""
        many = f"{self.count} × " if self.count > 1 else ""
        unit = "hour" if self.hours == 1 else "hours"
        option = "spot" if self.option == "spot" else "on demand"
        return f"{hours_text(self.hours)} {unit} of {many}{self.instance}, {option}"

    def costs(self, per_hour: Decimal, currency: str) -> Money:
        """What the whole job costs at a price *per_hour*, to the nearest nano."""
        return Money.nearest(Fraction(per_hour) * self.hours * self.count, currency)


@dataclass(frozen=True, slots=True)
class Fare:
    """One place's price for a job; *high* is the dearest zone's where zones differ."""

    region: str
    price: Price
    high: Decimal | None
    stated: str | None
    """When the price is of, as its source says it."""


def fares(job: Job, region: str | None) -> list[Fare]:
    """The fare in *region*, or in every region that has one, cheapest first.

    Raises:
        NotFound: there is none; the sentence names what comes close and what to do.
    """
    book = PriceBook(job.home)
    found, why = [], ""
    for place in [region] if region else _regions(job) or [None]:
        price = book.machine_price(job.machine(place), job.at_ns)
        if isinstance(price, NoPrice):
            why = price.why
            continue
        listing = _listing_of(job, price)
        high = None
        if listing is not None and listing.high is not None and listing.high > listing.amount:
            # A discount that the user stated makes both ends of the range cheaper alike.
            high = listing.high * price.amount / listing.amount
        found.append(Fare(price.sku.split("/")[1], price, high, listing.as_of if listing else None))
    if not found:
        raise NotFound(f"no price for {job.instance}: {why}")
    return sorted(found, key=lambda fare: (fare.price.amount, fare.region))


def plan_job(
    home: Path,
    instance: str,
    hours: Fraction,
    *,
    at_ns: int,
    count: int = 1,
    is_spot: bool = False,
    provider: str | None = None,
) -> Job:
    """So many machines of one type for so long, the type found whatever its capitals.

    Raises:
        BadInput: several providers sell the type and none is named, or *hours* is below 0.
        NotFound: it is no instance type.
    """
    if hours < 0:
        raise BadInput(f"{float(hours):g} hours is below 0; say how long the machines run")
    name = exact_name(home, instance)
    return Job(
        home=home,
        provider=_seller(home, name, provider),
        instance=name,
        option="spot" if is_spot else "on_demand",
        hours=hours,
        count=count,
        at_ns=at_ns,
    )


def read_plan(home: Path, text: str, at_ns: int) -> tuple[Job, Fare]:
    """A plan such as ``p5.48xlarge×4 for 12h in us-east-1 spot``, and the fare it is held to.

    Where no region is named it is the dearest one's, so that a plan that fits will fit anywhere.

    Raises:
        BadInput: *text* is no plan.
        NotFound: there is no price.
    """
    match = _PLAN.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"plan {text!r} is not like p5.48xlarge×4 for 12h in us-east-1")
    hours = decimal_of(match["length"]) * _UNITS[match["unit"][0]]
    job = plan_job(
        home,
        match["instance"],
        hours,
        at_ns=at_ns,
        count=int(match["count"] or 1),
        is_spot=match["spot"] is not None,
    )
    return job, fares(job, match["region"])[-1]


def hours_text(hours: Fraction) -> str:
    """Hours without useless zeros."""
    return f"{exact_decimal(hours).normalize():f}"


def _seller(home: Path, name: str, provider: str | None) -> str | None:
    """Whose the instance type is."""
    sellers = providers_of(home, name)
    if provider is None and len(sellers) > 1:
        raise BadInput(f"{name} is sold by {', '.join(sellers)}; say --provider {sellers[0]}")
    spec = find_spec(sellers[0], name) if sellers and provider is None else None
    if spec is not None and spec.sold != "machine":
        raise NotFound(
            f"no price for {name}: it is an accelerator, not an instance type; "
            f"machines that have it: trainfare prices find {name}"
        )
    return provider or (sellers[0] if sellers else None)


def _regions(job: Job) -> list[str | None]:
    """The regions that list the type, or its chips where chips are what is listed."""
    tpu = tpu_chips(job.instance)
    name = tpu[0] if tpu else job.instance
    listed = regions_of(job.home, job.provider or "", name, job.option)
    return [None if item.region == ANY_REGION else item.region for item in listed]


def _listing_of(job: Job, price: Price) -> Listing | None:
    """The listing behind a price, unless it is the user's own or put together from parts."""
    provider, region, name, option = price.sku.split("/")
    listing = list_price(job.home, (provider, region), name, option, job.at_ns)
    return listing if listing is not None and listing.currency == price.currency else None
