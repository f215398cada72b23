"""The market: what providers list for a name, from bills learnt, feeds refreshed, or shipped.

This is the part of the look-up order after the user's own overrides: learnt → refreshed → shipped.
A region that no source speaks of has no price, whatever other regions cost; only where a seller
states one price for all regions (``*``) is that taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from trainfare.prices.accelerators import find_accelerator, tpu_chips
from trainfare.prices.age import day_of, instant_of
from trainfare.prices.catalogue import (
    InstanceSpec,
    all_shipped,
    find_shipped,
    find_spec,
    shipped_names,
    shipped_of_name,
)
from trainfare.prices.learnt import find_learnt
from trainfare.prices.listing import ANY_REGION, Listing, exact_decimal
from trainfare.prices.overrides import Override, best_override, discounted
from trainfare.prices.refreshed import all_refreshed, find_refreshed, refreshed_of_name

HOST_CHIPS = 8
"""TPU chips on one host at most; a larger slice is many machines."""


def list_price(
    home: Path, place: tuple[str, str], name: str, option: str, at_ns: int
) -> Listing | None:
    """What *name* is listed at in *place* (provider, region), learnt first; None if by nobody."""
    provider, region = place
    sku = f"{provider}/{region}/{name}/{option}"
    learnt = find_learnt(home, sku, day_of(at_ns))
    if learnt is not None:
        return learnt
    for where in dict.fromkeys((region, ANY_REGION)):
        found = find_refreshed(home, provider, where, name, option)
        found = found or find_shipped(provider, where, name, option)
        if found is not None:
            return found
    return None


def discounted_price(listing: Listing, overrides: Sequence[Override], day: date) -> Listing:
    """*listing* less the discount that the user stated for it, if any; bills already have theirs."""
    if listing.origin == "learnt":
        return listing
    spec = find_spec(listing.provider, listing.name)
    aims = {
        ("sku", listing.sku),
        ("instance", listing.name),
        ("accelerator", spec.accelerator if spec else ""),
        ("provider", listing.provider),
    }
    candidates = [
        item
        for item in overrides
        if item.discount_pct is not None
        and (item.aim, item.name) in aims
        and item.fits(listing.provider, listing.region, listing.option)
    ]
    best = best_override(candidates, day)
    return discounted(listing, best) if best else listing


def combined(name: str, parts: Sequence[tuple[Listing, Fraction]]) -> Listing:
    """One listing for *name* that is made of *parts*, each so many times; dated as its oldest.

    Parts of a spot price are spot prices; the whole is never more certain than its weakest part.
    """
    oldest = min((item for item, _ in parts), key=lambda item: instant_of(item.as_of))
    amount = sum((Fraction(item.amount) * count for item, count in parts), Fraction(0))
    high = sum((Fraction(item.high or item.amount) * count for item, count in parts), Fraction(0))
    words = [f"{_count(count)} × {item.name} at {item.amount}" for item, count in parts]
    return replace(
        oldest,
        name=name,
        amount=exact_decimal(amount),
        high=exact_decimal(high) if any(item.high for item, _ in parts) else None,
        zones={},
        source=f"{' + '.join(words)} ({oldest.source})",
    )


def machine_listing(
    home: Path,
    place: tuple[str, str],
    name: str,
    option: str,
    *,
    devices: Mapping[str, Fraction],
    at_ns: int,
) -> Listing | str:
    """The list price of a whole machine, put together where its seller prices it in parts.

    Args:
        home: Where learnt and refreshed prices are.
        place: Provider and region.
        name: Instance type; may be empty where the seller prices accelerators by the piece.
        option: Purchase option.
        devices: Canonical accelerator → how many the machine has; empty if none were seen.
        at_ns: When the price is used.

    Returns:
        The listing, or why there is none.
    """
    tpu = tpu_chips(name)
    if tpu is not None:
        chips = sum(devices.values(), Fraction(0)) or Fraction(tpu[1])
        if chips > HOST_CHIPS:
            return f"{name} is a slice of many machines; each machine's own chips are priced"
        devices = {tpu[0]: chips}
    whole = list_price(home, place, name, option, at_ns) if name and tpu is None else None
    spec = find_spec(place[0], name)
    if whole is not None and not _lacks_its_accelerators(spec, place[0], has_any=bool(devices)):
        return whole
    if whole is None and not _sells_by_the_piece(place[0], devices):
        return f"nobody lists {name or 'it'} in {place[1]} as {option}"
    parts = [(whole, Fraction(1))] if whole is not None else []
    for device, count in sorted(devices.items()):
        each = list_price(home, place, device, option, at_ns)
        if each is None:
            return f"nobody lists a {device} in {place[1]} as {option}"
        parts.append((each, count))
    if len({item.currency for item, _ in parts}) > 1:
        return f"the parts of {name} are priced in different currencies"
    return combined(name or "+".join(sorted(devices)), parts)


def _lacks_its_accelerators(spec: InstanceSpec | None, provider: str, *, has_any: bool) -> bool:
    """Whether the type's price leaves out the accelerators that this machine has.

    On GCP, GPUs are attached to N1 machines and priced beside them: the price of ``n1-standard-8``
    alone would hide most of what the machine costs.
    """
    bare = spec is not None and spec.accelerator_count == 0
    return provider == "gcp" and bare and has_any


def is_sold_whole(provider: str, name: str, *, has_accelerators: bool) -> bool:
    """Whether one price under this name is that of a whole machine, accelerators and all.

    >>> is_sold_whole("gcp", "n1-standard-8", has_accelerators=True)
    False
    """
    spec = find_spec(provider, name)
    lacks = _lacks_its_accelerators(spec, provider, has_any=has_accelerators)
    return tpu_chips(name) is None and not lacks


def _sells_by_the_piece(provider: str, devices: Mapping[str, Fraction]) -> bool:
    specs = [find_spec(provider, device) for device in devices]
    return bool(specs) and all(spec is not None and spec.sold == "piece" for spec in specs)


def providers_of(home: Path, name: str) -> list[str]:
    """Who sells an instance type of this name."""
    sold = {item.provider for item in shipped_of_name(name)}
    if tpu_chips(name) is not None:
        sold.add("gcp")
    return sorted(sold | {item.provider for item in refreshed_of_name(home, name)})


def regions_of(home: Path, provider: str, name: str, option: str) -> list[Listing]:
    """The listings of a name in every region that has one, cheapest first."""
    found = {item.sku: item for item in shipped_of_name(name, provider) if item.option == option}
    for item in refreshed_of_name(home, name):
        if (item.provider, item.option) == (provider, option):
            found[item.sku] = item
    return sorted(found.values(), key=lambda item: (item.amount, item.region))


def find_listings(
    home: Path,
    text: str,
    provider: str | None = None,
    region: str | None = None,
    option: str | None = None,
) -> list[Listing]:
    """The listings whose place, name, option or accelerator hold every word of *text*, cheapest first.

    A refreshed price stands for the shipped one of the same SKU.
    """
    words = text.casefold().split()
    found: dict[str, Listing] = {}
    for item in (*all_shipped(), *all_refreshed(home)):
        if any(
            wanted not in (None, actual)
            for wanted, actual in (
                (provider, item.provider),
                (region, item.region),
                (option, item.option),
            )
        ):
            continue
        if _holds(item, words):
            found[item.sku] = item
    return sorted(found.values(), key=lambda item: (item.amount, item.sku))


def _holds(item: Listing, words: Sequence[str]) -> bool:
    haystack = item.sku.casefold()
    if all(word in haystack for word in words):
        return True
    spec = find_spec(item.provider, item.name)
    device = spec.accelerator.casefold() if spec else ""
    return all(word in haystack or word == device for word in words)


def close_names(home: Path, name: str, limit: int = 4) -> list[str]:
    """Names that are sold and look like *name*, the nearest first.

    >>> close_names(Path("nowhere"), "p5.48xlrge")[0]
    'p5.48xlarge'
    """
    from difflib import get_close_matches

    known = sorted({*shipped_names(), *(item.name for item in all_refreshed(home))})
    by_case = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), by_case, n=limit, cutoff=0.6)
    return [by_case[each] for each in near]


def exact_name(home: Path, name: str) -> str:
    """*name* as its seller writes it, whatever the case; unchanged if nobody sells it."""
    known = {*shipped_names(), *(item.name for item in all_refreshed(home))}
    if name in known:
        return name
    same = sorted(each for each in known if each.casefold() == name.casefold())
    return same[0] if same else name


def canonical(name: str, memory_bytes: int | None = None) -> str:
    """The model that price lists call a device, or the driver's own name if it is unknown."""
    model = find_accelerator(name, memory_bytes)
    return model.name if model else name


def _count(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else str(exact_decimal(number).normalize())


def dollars(amount: Decimal) -> str:
    """An amount without useless zeros, for sentences.

    >>> dollars(Decimal("55.040"))
    '55.04'
    """
    return f"{amount.normalize():f}"
