"""Overhead: what a bill charges beside machines: shared data, logs, support, tax, credits, refunds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from random import Random

from trainfare.core.charge import Remainder
from trainfare.core.period import BillingPeriod, Interval
from trainfare.simulation.fleet import ACCOUNTS, AZURE_GROUP, GCP_ZONE, REGIONS, Tags
from trainfare.simulation.line import DAY, Kind, Line, Place, Product, Provider, left_to
from trainfare.simulation.product import (
    BUCKETS,
    CONTROL_PLANE,
    LOGS,
    PREPARATION,
    SUPPORT,
    tax_product,
)

BUCKET = "acmedatasets"
"""What every bucket's name begins with."""

RULES = f"""\
# What no tag and no claim can tell: who pays for what everybody uses.

[[rule]]
name = "dataset buckets"
match = 'ResourceId glob "*{BUCKET}*"'
shared = "apart"

[[rule]]
name = "cluster heads"
match = 'Tags.role in ("head", "control-plane")'
shared = "apart"

[[rule]]
name = "data preparation"
match = 'ServiceName = "AWS Glue"'
label = "team=data"
"""
"""The rules file of the simulated company; with it, and without faults, allocation is the truth."""

_TAX_PERCENT = {Provider.AWS: 8, Provider.GCP: 6, Provider.RENTED: 25}


def overhead(rng: Random, bill: Interval, period: BillingPeriod) -> Iterator[Line]:
    """Daily lines of what serves everybody or nobody known."""
    buckets = {
        Provider.AWS: f"{BUCKET}-us",
        Provider.AZURE: f"{AZURE_GROUP}/microsoft.storage/storageaccounts/{BUCKET}east",
        Provider.GCP: f"//storage.googleapis.com/projects/_/buckets/{BUCKET}-central",
        Provider.RENTED: f"{BUCKET}-no",
    }
    places = {
        provider: _place(provider, resource_id, "bucket")
        for provider, resource_id in buckets.items()
    }
    terabytes = {provider: rng.randrange(20, 400) for provider in Provider}
    cluster = f"{GCP_ZONE.replace('/zones/', '/locations/')}/clusters/prod"
    plane = _place(Provider.GCP, cluster, "cluster")
    nowhere = _place(Provider.AWS, "", "")
    for start_ns in range(bill.start_ns, bill.end_ns, DAY):
        day = Interval(start_ns, start_ns + DAY)
        for provider, place in places.items():
            terabytes[provider] += rng.randrange(3)
            held = Fraction(terabytes[provider] * 1000, 30)
            yield _line(
                BUCKETS[provider], place, day, period, held, int(held * 23_000_000),
                Remainder.SHARED,
            )  # fmt: skip
        yield _line(
            CONTROL_PLANE, plane, day, period, Fraction(24), 2_400_000_000, Remainder.SHARED,
            tags=(("role", "control-plane"),),
        )  # fmt: skip
        units = Fraction(rng.randrange(10, 3000), 10)
        yield _line(
            PREPARATION, nowhere, day, period, units, int(units * 440_000_000), Remainder.SHARED
        )
        gigabytes = Fraction(rng.randrange(1, 90_000), 1000)
        nano = int(gigabytes * 500_000_000)
        yield _line(LOGS, nowhere, day, period, gigabytes, nano, Remainder.UNALLOCATED)


def closing(
    rng: Random, lines: Iterable[Line], bill: Interval, period: BillingPeriod
) -> Iterator[Line]:
    """What stands at the end of a month's bills: support, tax, a credit and a refund."""
    billed = dict.fromkeys(Provider, 0)
    for line in lines:
        billed[line.product.provider] += line.billed_nano
    nowhere = {provider: _place(provider, "", "") for provider in Provider}
    support = max(100 * 10**9, billed[Provider.AWS] * 7 // 100)
    aws = nowhere[Provider.AWS]
    lost = Remainder.UNALLOCATED
    yield _line(SUPPORT, aws, bill, period, Fraction(1), support, lost, Kind.FEE)
    for provider, percent in _TAX_PERCENT.items():
        tax = billed[provider] * percent // 100
        yield _line(
            tax_product(provider), nowhere[provider], bill, period, Fraction(0), tax, lost, Kind.TAX
        )
    promotion = -rng.randrange(100, 900) * 10**9
    yield _line(LOGS, aws, bill, period, Fraction(0), promotion, lost, Kind.CREDIT)
    goodwill = -rng.randrange(10**9, 90 * 10**9)
    yield _line(LOGS, aws, bill, period, Fraction(0), goodwill, lost, Kind.REFUND)
    rebate = -rng.randrange(10**8, 10**9) * 100
    yield _line(
        BUCKETS[Provider.RENTED], nowhere[Provider.RENTED], bill, period, Fraction(0), rebate, lost,
        Kind.CREDIT,
    )  # fmt: skip


def _place(provider: Provider, resource_id: str, kind: str) -> Place:
    name = resource_id.rpartition("/")[2]
    return Place(ACCOUNTS[provider][-1], REGIONS[provider][0], resource_id, name, kind)


def _line(
    product: Product,
    place: Place,
    interval: Interval,
    period: BillingPeriod,
    quantity: Fraction,
    nano: int,
    owner: Remainder,
    kind: Kind = Kind.USAGE,
    tags: Tags = (),
) -> Line:
    """A line that costs the same in every view."""
    return Line(
        product, place, kind, period, interval, quantity, nano, nano, nano, nano, left_to(owner),
        tags,
    )  # fmt: skip
