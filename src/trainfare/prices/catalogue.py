"""The shipped catalogue: dated list prices and instance specifications that need no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from trainfare.prices.guards import Band, band_of
from trainfare.prices.listing import Listing
from trainfare.prices.shelf import read_table, read_text, rows_starting


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What an instance type is made of; None is "not known", which is not none of it."""

    provider: str
    name: str
    vcpus: Decimal | None
    memory_gib: Decimal | None
    accelerator: str
    """Canonical model, or empty."""
    accelerator_count: Decimal | None
    """0 where it is known to have none; a fraction where a device is shared."""
    accelerator_gib: Decimal | None
    sold: str
    """``machine``; ``piece``: one accelerator with its part of a machine; ``attached``: one
    accelerator without any machine."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who stated a shipped price."""

    id: str
    title: str
    url: str
    licence: str
    confidence: str


@cache
def sources() -> dict[str, Source]:
    """Id → source."""
    return {row[0]: Source(*row) for row in read_table("sources")}


def find_shipped(provider: str, region: str, name: str, option: str) -> Listing | None:
    """The shipped price of exactly this SKU, or None."""
    for row in rows_starting("prices", provider, region, name, option):
        return _listing(row)
    return None


def shipped_of_name(name: str, provider: str | None = None) -> list[Listing]:
    """All shipped prices of an instance type or accelerator, in order of provider and region."""
    text, key = read_text("prices"), f",{name},"
    found = []
    at = text.find(key, text.index("\n"))
    while at >= 0:
        start, end = text.rindex("\n", 0, at) + 1, text.index("\n", at)
        row = text[start:end].split(",")
        if row[2] == name and (provider is None or row[0] == provider):
            found.append(_listing(row))
        at = text.find(key, end)
    return found


def all_shipped() -> Iterator[Listing]:
    """Every shipped price, sorted by provider, region, name and option."""
    return (_listing(row) for row in read_table("prices"))


def shipped_names() -> list[str]:
    """Every name that is sold, each once."""
    return sorted({row[1] for row in read_table("instances")})


def find_spec(provider: str, name: str) -> InstanceSpec | None:
    """The specification of an instance type, or None."""
    for row in rows_starting("instances", provider, name):
        return _spec(row)
    return None


def find_gpu_count(instance_type: str) -> Fraction | None:
    """How many accelerators a type has, whoever sells it; 0 is known to be none, None not known.

    Bills spell types in any case, and SageMaker puts ``ml.`` before EC2's.

    >>> find_gpu_count("ml.p5.48xlarge"), find_gpu_count("m6i.2xlarge"), find_gpu_count("x9.huge")
    (Fraction(8, 1), Fraction(0, 1), None)
    """
    return _gpu_counts().get(instance_type.casefold().removeprefix("ml."))


@cache
def _gpu_counts() -> dict[str, Fraction]:
    """Type in small letters → its accelerators, where all who sell it agree."""
    found: dict[str, set[Fraction]] = {}
    for row in read_table("instances"):
        count = _spec(row).accelerator_count
        if count is not None:
            found.setdefault(row[1].casefold(), set()).add(Fraction(count))
    return {name: counts.pop() for name, counts in found.items() if len(counts) == 1}


def shipped_specs(provider: str) -> list[InstanceSpec]:
    """The specifications of all that a provider sells."""
    return [_spec(row) for row in rows_starting("instances", provider)]


@cache
def family_bands(provider: str) -> dict[str, Band]:
    """Canonical accelerator → its family band in a provider's shipped on-demand prices.

    What is sold ``attached`` is left out: it lacks the machine, so it is no measure of one.
    """
    specs = {spec.name: spec for spec in shipped_specs(provider)}
    each: dict[str, list[Decimal]] = {}
    for row in rows_starting("prices", provider):
        spec = specs.get(row[2])
        if row[3] == "on_demand" and spec and spec.accelerator_count and spec.sold != "attached":
            price = Decimal(row[4]) / spec.accelerator_count
            each.setdefault(spec.accelerator, []).append(price)
    return {name: band for name, prices in each.items() if (band := band_of(prices))}


def _listing(row: list[str]) -> Listing:
    provider, region, name, option, usd, high, as_of, source = row
    stated = sources()[source]
    return Listing(
        provider=provider,
        region=region,
        name=name,
        option=option,
        amount=Decimal(usd),
        as_of=as_of,
        source=stated.title,
        high=Decimal(high) if high else None,
        confidence=stated.confidence,
    )


def _spec(row: list[str]) -> InstanceSpec:
    provider, name, vcpus, memory, accelerator, count, each, sold = row
    return InstanceSpec(
        provider=provider,
        name=name,
        vcpus=_maybe(vcpus),
        memory_gib=_maybe(memory),
        accelerator=accelerator,
        accelerator_count=_maybe(count),
        accelerator_gib=_maybe(each),
        sold=sold,
    )


def _maybe(text: str) -> Decimal | None:
    return Decimal(text) if text else None
