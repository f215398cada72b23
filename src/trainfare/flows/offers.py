"""The offers path: the price book → machines with accelerators that can be bought, with the user's discounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path

from trainfare.advice.offer import OPTIONS, Offer
from trainfare.advice.trip import Trip
from trainfare.core.errors import BadInput
from trainfare.prices.age import day_of
from trainfare.prices.catalogue import InstanceSpec, find_spec
from trainfare.prices.listing import Listing
from trainfare.prices.market import discounted_price, find_listings
from trainfare.prices.overrides import read_overrides
from trainfare.prices.spot_advice import find_spot_advice


def find_offers(
    home: Path,
    at_ns: int,
    *,
    provider: str | None = None,
    regions: Collection[str] = (),
    options: Collection[str] = OPTIONS,
    accelerators: Collection[str] = (),
    currency: str = "USD",
    is_bare_too: bool = False,
) -> list[Offer]:
    """Every whole machine with whole accelerators that is listed, cheapest first.

    Accelerators that are sold apart from a machine are left out: half a machine trains nothing.

    Args:
        home: whose prices, overrides and discounts.
        at_ns: when it is to be bought.
        provider: only of this one.
        regions: only there; empty is everywhere.
        options: ways to pay.
        accelerators: only these models; empty is all.
        currency: only in this one: converting needs a dated rate.
        is_bare_too: machines without accelerators as well.
    """
    overrides, day = read_overrides(home), day_of(at_ns)
    found = []
    for listing in find_listings(home, "", provider):
        if listing.option not in options or listing.unit != "h" or listing.currency != currency:
            continue
        if regions and listing.region not in {*regions, "*"}:
            continue
        spec = find_spec(listing.provider, listing.name)
        if spec is None or not _is_machine(spec, is_bare_too=is_bare_too):
            continue
        if accelerators and spec.accelerator not in accelerators:
            continue
        found.append(_offer(home, discounted_price(listing, overrides, day), spec))
    return sorted(found, key=lambda one: (one.price_per_hour, one.provider, one.region))


def _is_machine(spec: InstanceSpec, *, is_bare_too: bool) -> bool:
    count = spec.accelerator_count
    if spec.sold == "attached" or count is None or count % 1:
        return False
    return bool(count) or is_bare_too


def _offer(home: Path, listing: Listing, spec: InstanceSpec) -> Offer:
    advice = None
    if listing.option == "spot" and listing.provider == "aws":
        advice = find_spot_advice(home, listing.region, listing.name)
    return Offer(
        provider=listing.provider,
        region=listing.region,
        instance=listing.name,
        option=listing.option,
        accelerator=spec.accelerator,
        devices=int(spec.accelerator_count or 0),
        price_per_hour=Fraction(listing.amount),
        currency=listing.currency,
        source=f"{listing.source}, {listing.as_of}" if listing.source else listing.as_of,
        is_reference=listing.is_reference,
        interruption=None if advice is None else advice.interruption,
        cpus=None if spec.vcpus is None else float(spec.vcpus),
        memory_gb=None if spec.memory_gib is None else float(spec.memory_gib),
        high=None if listing.high is None else Fraction(listing.high),
    )


def check_market(
    home: Path, provider: str | None, regions: Collection[str], currency: str | None
) -> None:
    """Refuse words that no price list knows, with those that are like them.

    Raises:
        BadInput: nobody of that name sells machines, has that region, or sells in that currency.
    """
    sold = [one for one in find_listings(home, "") if one.unit == "h"]
    _known("provider", provider, {one.provider for one in sold})
    here = [one for one in sold if provider in (None, one.provider)]
    for region in regions:
        _known("region", region, {one.region for one in here} - {"*"})
    _known("currency", currency, {one.currency for one in here})


def _known(what: str, word: str | None, words: Collection[str]) -> None:
    if word is None or word in words:
        return
    near = get_close_matches(word, sorted(words), 3) or sorted(words)[:8]
    raise BadInput(f"no machine is listed with the {what} {word!r}; did you mean {', '.join(near)}")


def own_offers(trips: Iterable[Trip]) -> list[Offer]:
    """Machines that the user's own runs held and that no price list has, at what they cost there."""
    found = {}
    for trip in trips:
        if trip.provider is None and trip.accelerator and trip.price_per_hour is not None:
            found[trip.instance or "own", trip.accelerator, trip.devices // trip.machines] = trip
    return [
        Offer(
            "own", "-", name, trip.option or "on_demand", accelerator, count,
            trip.price_per_hour or Fraction(0), trip.currency, "stated for own machines",
        )
        for (name, accelerator, count), trip in found.items()
        if count
    ]  # fmt: skip
