"""Offers: what a provider sells ahead, by the rules of its kind, at dated rates.

A commitment is an amount of money for every hour of its term. In an hour it pays for use at its own
rates, as far as it goes; what is left of it in that hour is lost. A reservation of *n* machines is
the same thing with one SKU and an amount of *n* times its rate, so that one engine prices both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from trainfare.core.errors import BadInput
from trainfare.core.money import NANO

AMOUNT_MAX = 10**8 * NANO
"""The most that is held of one offer, an hour."""

TERM_HOURS = {"1m": 730, "6m": 4380, "1y": 8760, "3y": 26280}
"""Hours of a term, by the providers' own 365-day years."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of commitment: how its provider applies it."""

    name: str
    provider: str
    rank: int
    """Kinds of one provider are applied in the order of their rank, the narrow ones first."""
    is_count: bool
    """Bought as a whole number of machines rather than as money an hour."""
    covers: str
    rule: str
    """Who is served first within the kind."""
    end: str
    """How one gets out of it before its term ends."""
    source: str
    as_of: date


_AWS_ORDER = "highest saving against on-demand first, of equal ones the lowest rate"
_READ = date(2026, 11, 23)

KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "aws_reserved_instance", "aws", 0, True, "one instance type in one region or zone",
            _AWS_ORDER, "standard ones can be sold on, convertible ones exchanged",
            "docs.aws.amazon.com/savingsplans: sp-applying", _READ,
        ),
        Kind(
            "aws_ec2_instance_savings_plan", "aws", 1, False,
            "one instance family in one region, any size and system",
            _AWS_ORDER, "none; small new plans can be returned within days",
            "docs.aws.amazon.com/savingsplans: sp-applying", _READ,
        ),
        Kind(
            "aws_compute_savings_plan", "aws", 2, False,
            "EC2 of any family and region, Fargate, Lambda; not SageMaker",
            _AWS_ORDER, "none; small new plans can be returned within days",
            "docs.aws.amazon.com/savingsplans: sp-applying", _READ,
        ),
        Kind(
            "aws_sagemaker_savings_plan", "aws", 1, False,
            "ml.* instances: training, processing, notebooks, inference",
            _AWS_ORDER, "none; small new plans can be returned within days",
            "aws.amazon.com/savingsplans/faqs", _READ,
        ),
        Kind(
            "aws_capacity_block", "aws", 0, True, "a block of GPU instances between two dates",
            "only what runs in the block", "none, the fee is paid at the purchase",
            "aws.amazon.com/ec2/capacityblocks/pricing", _READ,
        ),
        Kind(
            "gcp_resource_cud", "gcp", 0, True,
            "vCPU, memory, GPU or local SSD in one region; GPUs need a reservation beside it",
            "before flexible ones", "none",
            "docs.cloud.google.com/compute: committed use discounts", _READ,
        ),
        Kind(
            "gcp_flexible_cud", "gcp", 1, False,
            "vCPU and memory of most families in every region; no GPU unless the price list says so",
            "after resource-based ones", "none",
            "docs.cloud.google.com/docs/cuds-multiprice", _READ,
        ),
        Kind(
            "azure_reservation", "azure", 0, True, "one machine series in one region",
            "before savings plans, lost where not used in its hour",
            "refund within the provider's yearly bound", "learn.microsoft.com: reservations", _READ,
        ),
        Kind(
            "azure_savings_plan", "azure", 1, False, "compute of any series and region",
            "highest saving first", "none", "learn.microsoft.com: savings plans", _READ,
        ),
        Kind(
            "reserved_contract", "any", 0, True, "machines of a GPU cloud under a contract",
            "what the contract names", "what the contract says", "the user's own contract", _READ,
        ),
        Kind(
            "on_premises", "any", 0, True, "machines that are bought: price over lifetime, and power",
            "always used first, since it is paid for", "resale", "the user's own offer", _READ,
        ),
    )
}  # fmt: skip
"""Rules of each kind; which SKU is eligible is data too: an offer names those it has a rate for."""


def kind_of(name: str) -> Kind:
    """The rules of the kind *name*; one that nobody here knows is money an hour, after narrow kinds.

    >>> kind_of("gcp_resource_cud").is_count, kind_of("fjord_gpu_plan").is_count
    (True, False)
    """
    own = "what it has a rate for"
    return KINDS.get(name) or Kind(
        name, "any", 1, False, own, _AWS_ORDER, own, "the user's own", _READ
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A commitment one can buy: the rates, by SKU, that an hour's amount is used up at.

    A SKU without a rate is not eligible. Nobody else's list decides that, since eligibility of new
    machines changes from month to month.
    """

    kind: str
    term: str
    rates: Mapping[str, int] = field(hash=False)
    """Nano-units of money for one unit of the SKU for an hour."""
    source: str = ""
    as_of: date | None = None
    upfront: int = 0
    """Per cent of the term's price that is paid at the purchase."""

    def __post_init__(self) -> None:
        if not self.kind:
            raise BadInput("a commitment has a kind; write one, such as aws_compute_savings_plan")
        if self.term not in TERM_HOURS:
            raise BadInput(f"a term of {self.term!r} is not known; known: {', '.join(TERM_HOURS)}")
        if not self.rates:
            raise BadInput(
                f"{self.kind} {self.term} has no rate; name at least one SKU and its rate"
            )
        if self.is_count and len(self.rates) != 1:
            raise BadInput(f"{self.kind} {self.term} is bought per machine, so it has one SKU only")
        for sku, rate in self.rates.items():
            if type(rate) is not int or not 0 < rate < 10**9 * NANO:
                raise BadInput(
                    f"the rate of {sku} under {self.kind} is {rate!r}; write more than 0"
                )
        if not 0 <= self.upfront <= 100:
            raise BadInput(f"upfront is {self.upfront} per cent; write 0 to 100")

    @property
    def is_count(self) -> bool:
        """Whether it is bought as a whole number of machines."""
        return kind_of(self.kind).is_count

    @property
    def rank(self) -> int:
        """Its place in the provider's order."""
        return kind_of(self.kind).rank

    @property
    def name(self) -> str:
        """``kind term``, with the SKU where it is for one.

        >>> Offer("azure_reservation", "1y", {"ND96": 5 * 10**9}).name
        'azure_reservation 1y ND96'
        """
        only = f" {next(iter(self.rates))}" if len(self.rates) == 1 else ""
        return f"{self.kind} {self.term}{only}"

    @property
    def quantum_nano(self) -> int:
        """The least amount an hour that can be bought: a machine's rate, or a thousandth of a unit.

        Source: AWS sells plans in steps of 0.001 USD an hour; the other providers in finer ones.
        """
        return next(iter(self.rates.values())) if self.is_count else NANO // 1000


@dataclass(frozen=True, slots=True)
class Holding:
    """An offer that is held: *amount_nano* an hour in the hours from *start* up to *end*."""

    offer: Offer
    amount_nano: int
    start: int = 0
    """The first hour since the epoch."""
    end: int = 2**40
    """The first hour after it."""

    def __post_init__(self) -> None:
        if type(self.amount_nano) is not int or not 0 <= self.amount_nano <= AMOUNT_MAX:
            raise BadInput(
                f"{self.offer.name}: an amount an hour is from 0 to {AMOUNT_MAX // NANO:,}"
            )
        if self.end <= self.start:
            raise BadInput(f"{self.offer.name}: it ends before it begins")
