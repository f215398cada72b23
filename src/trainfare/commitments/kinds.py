"""Kinds: the rules by which providers sell and apply what is bought ahead, as data, dated.

A rate file may bring kinds of its own, and other rules for these (see ``rate_file``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from trainfare.core.errors import BadInput

HOURS_OF = {"d": 24, "m": 730, "y": 8760}
"""Hours of a day, a month and a year, by the providers' own 365-day years."""

TERM_HOURS = {"1m": 730, "6m": 4380, "1y": 8760, "3y": 26280}
"""The terms that most are sold for; an offer may have another."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of commitment: who may use it, in which order, and how one gets out of it."""

    name: str
    provider: str
    rank: int
    """Kinds of one provider are applied in the order of their rank, the narrow ones first."""
    is_count: bool
    """Bought as a whole number of machines rather than as money an hour."""
    covers: str
    """What may be eligible; what is, an offer says by the SKUs that it has a rate for."""
    rule: str
    """Who is served first within the kind."""
    end: str
    """How one gets out of it before its term ends."""
    source: str
    as_of: date


_AWS_ORDER = "highest saving against on-demand first, of equal ones the lowest rate"
_AWS_RETURN = "returned within 7 days and the calendar month of its purchase, if small; else none"
_READ = date(2026, 11, 23)
_CHECKED = date(2026, 11, 27)

KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "aws_reserved_instance", "aws", 0, True,
            "one instance type in one zone, or all sizes of a family in a region by normalized units",
            "before every savings plan; of a family the smallest size first",
            "standard ones can be sold on, convertible ones exchanged",
            "docs.aws.amazon.com/savingsplans: sp-applying; AWS whitepaper on reservation models: "
            "size flexibility", _CHECKED,
        ),
        Kind(
            "aws_capacity_block", "aws", 0, True, "a block of GPU instances between two dates",
            "only what runs in the block", "none, the fee is paid at the purchase",
            "aws.amazon.com/ec2/capacityblocks/pricing", _READ,
        ),
        Kind(
            "aws_ec2_instance_savings_plan", "aws", 1, False,
            "one instance family in one region, any size and system",
            f"before the compute plan; {_AWS_ORDER}", _AWS_RETURN,
            "docs.aws.amazon.com/savingsplans: sp-applying", _READ,
        ),
        Kind(
            "aws_sagemaker_savings_plan", "aws", 1, False,
            "ml.* instances: training, processing, notebooks, inference",
            _AWS_ORDER, _AWS_RETURN, "aws.amazon.com/savingsplans/faqs", _READ,
        ),
        Kind(
            "aws_compute_savings_plan", "aws", 2, False,
            "EC2 of any family and region, Fargate, Lambda; not SageMaker",
            _AWS_ORDER, _AWS_RETURN, "docs.aws.amazon.com/savingsplans: sp-applying", _READ,
        ),
        Kind(
            "gcp_resource_cud", "gcp", 0, True,
            "vCPU, memory, GPU or local SSD in one region; GPUs need a reservation beside it",
            "before flexible ones", "none",
            "docs.cloud.google.com/compute: committed use discounts", _READ,
        ),
        Kind(
            "gcp_flexible_cud", "gcp", 1, False,
            "vCPU and memory of most families in every region, no GPU unless the price list says so; "
            "the amount is stated at discounted prices, as since 2026-01-21",
            "after resource-based ones", "none",
            "docs.cloud.google.com/docs/cuds-multiprice", _CHECKED,
        ),
        Kind(
            "gcp_flexible_cud_credits", "gcp", 1, False,
            "the same as exported before: a fee, and credits at on-demand prices; the amount here is "
            "the fee, so that 54 an hour pay for 100 on demand at 46 per cent off",
            "after resource-based ones", "none",
            "docs.cloud.google.com/docs/cuds-multiprice", _CHECKED,
        ),
        Kind(
            "azure_reservation", "azure", 0, True,
            "one machine series in one region, other sizes of its group by their ratio",
            "before savings plans, lost where not used in its hour",
            "refund within the provider's yearly bound",
            "learn.microsoft.com: savings-plan/discount-application, reservations", _CHECKED,
        ),
        Kind(
            "azure_savings_plan", "azure", 1, False, "compute of any series and region",
            "greatest plan discount first; the lower of plan and negotiated rate", "none",
            "learn.microsoft.com: savings-plan/discount-application", _CHECKED,
        ),
        Kind(
            "reserved_contract", "any", 0, True, "machines of a GPU cloud under a contract",
            "what the contract names", "what the contract says", "the user's own contract", _READ,
        ),
        Kind(
            "on_premises", "any", 0, True,
            "machines that are bought: price over lifetime, room, power and people as a rate an hour",
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


def term_hours(term: str) -> int:
    """Hours of a *term* of days, months or years.

    >>> term_hours("1y"), term_hours("6m"), term_hours("14d")
    (8760, 4380, 336)

    Raises:
        BadInput: it is not written so, or is longer than ten years.
    """
    match = re.fullmatch(r"([1-9]\d{0,3})([dmy])", term)
    hours = int(match[1]) * HOURS_OF[match[2]] if match else 0
    if not 0 < hours <= 10 * HOURS_OF["y"]:
        raise BadInput(f"a term of {term!r} is not known; write days, months or years: 14d, 6m, 1y")
    return hours
