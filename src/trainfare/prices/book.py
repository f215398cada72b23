"""The price book: what a machine, a stored byte or a moved byte costs here and now.

Look-up order: override → learnt from bills → refreshed from the provider → shipped → unknown.
Unknown is :class:`NoPrice` with the reason and what would settle it: never 0, never the price of
another region.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price
from trainfare.prices.age import day_of
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import Listing, exact_decimal
from trainfare.prices.market import (
    canonical,
    close_names,
    discounted_price,
    find_listings,
    machine_listing,
    providers_of,
    regions_of,
)
from trainfare.prices.overrides import Override, best_override, read_overrides
from trainfare.prices.tariffs import Tariff, network_tariff, storage_rate


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All prices that this home knows; nothing is held in memory between look-ups but the shipped."""

    home: Path
    """``TRAINFARE_HOME``; overrides, learnt and refreshed prices are under ``prices/`` there."""

    def machine_price(self, machine: Machine, at_ns: int) -> Price | NoPrice:
        """What the whole *machine* costs per hour.

        In this order: the user's price for this host; for its SKU or instance type; for its
        accelerators, each times how many there are; then bills, feeds and the shipped catalogue,
        less the user's discount; last the user's price for machines that nobody sells.

        Args:
            machine: What is known of it. Without a purchase option it is taken as on demand, and
                the price's source says so.
            at_ns: When; decides which overrides hold, and how old a price is.
        """
        day, overrides = day_of(at_ns), read_overrides(self.home)
        provider = machine.provider or self._only_provider(machine.instance_type)
        option, said = _option(machine.purchase_option)
        devices = count_devices(machine.accelerators)
        stated = _stated_price(machine, (provider, machine.region, option), devices, overrides, day)
        if stated is not None:
            return stated
        sku = "/".join(part or "?" for part in (provider, machine.region, machine.instance_type))
        sku += f"/{option}"
        own = _of_unsold_machine(machine, provider, overrides, day)
        if own is not None:
            return own
        if provider is None or not (machine.instance_type or devices):
            return NoPrice(sku, _why_unsold(self.home, machine))
        place = (provider, machine.region or "*")
        name = machine.instance_type or ""
        found = machine_listing(self.home, place, name, option, devices=devices, at_ns=at_ns)
        if isinstance(found, str):
            return NoPrice(sku, self._why_unknown(found, place, name, option))
        final = discounted_price(found, overrides, day)
        return final.price(at_ns, zone=machine.zone, said=said)

    def storage_price(
        self, provider: str | None, region: str | None, tier_or_uri: str, at_ns: int
    ) -> Price | NoPrice:
        """What a GB kept for a month costs.

        Args:
            provider: Who runs the machine, or None where nobody is known to.
            region: Where; of an object store, the bucket's region is taken to be the machine's.
            tier_or_uri: ``service/tier`` (``s3/standard``), a service (``ebs``), an address
                (``s3://…``, ``gs://…``, ``az://…``, ``abfs://…``) or a local path, which is the
                provider's default block storage.
            at_ns: When.
        """
        return storage_rate(self.home, (provider, region), tier_or_uri, at_ns)

    def network_price(
        self, provider: str | None, region: str | None, traffic_class: str, at_ns: int
    ) -> Tariff | NoPrice:
        """What moving bytes costs: the tiers of a month, which price any volume exactly.

        Args:
            provider: Who runs the machine.
            region: Where the bytes leave from.
            traffic_class: ``internet``, ``inter_region``, ``inter_zone``, ``same_zone`` …
            at_ns: When.
        """
        return network_tariff(self.home, (provider, region), traffic_class, at_ns)

    def find(
        self,
        text: str,
        provider: str | None = None,
        region: str | None = None,
        option: str | None = None,
    ) -> list[Listing]:
        """Listings that hold every word of *text*, cheapest first; see :func:`find_listings`."""
        return find_listings(self.home, text, provider, region, option)

    def _only_provider(self, instance_type: str | None) -> str | None:
        """Who sells *instance_type*, where it is one alone."""
        sellers = providers_of(self.home, instance_type) if instance_type else []
        return sellers[0] if len(sellers) == 1 else None

    def _why_unknown(self, why: str, place: tuple[str, str], name: str, option: str) -> str:
        """Why there is no price, with the nearest thing known and what to do."""
        provider, region = place
        known = regions_of(self.home, provider, name, option) if name else []
        where = ", ".join(item.region for item in known[:4])
        if region == "*":
            if known:
                why = f"the region is unknown, and {name} differs by region ({where} …)"
            elif name:
                why = f"nobody lists {name} of {provider} as {option}"
        elif known:
            why += f" (listed in {where}{' …' if len(known) > 4 else ''})"
        elif name and (near := close_names(self.home, name)) and name not in near:
            why += f" (close names: {', '.join(near)})"
        aim = f"--instance {name}" if name else "--gpu MODEL"
        place_option = "" if region == "*" else f" --region {region}"
        return (
            f"{why}; refresh it (trainfare prices refresh --provider {provider}{place_option}) "
            f"or state it (trainfare prices set {aim} --price AMOUNT)"
        )


def count_devices(accelerators: Sequence[Accelerator]) -> dict[str, Fraction]:
    """Canonical accelerator → how many whole ones a machine has.

    MIG instances count as their part of a GPU (3 of 7 slices is 3/7), unless the GPU they are cut
    from is seen as well: then it counts once, as a whole.

    >>> half = Accelerator(0, "MIG-1", "NVIDIA A100-SXM4-80GB", parent_id="GPU-1",
    ...                    slices=3, slices_of=7)
    >>> count_devices([half])
    {'A100-80GB': Fraction(3, 7)}
    """
    seen = {device.id for device in accelerators}
    counts: dict[str, Fraction] = {}
    for device in accelerators:
        if device.parent_id is not None and device.parent_id in seen:
            continue
        memory = device.memory_bytes if device.parent_id is None else None
        name = canonical(device.name, memory)
        part = Fraction(device.slices, device.slices_of)
        counts[name] = counts.get(name, Fraction(0)) + part
    return counts


def _option(purchase_option: str | None) -> tuple[str, str]:
    """The option that a machine is priced by, and what the reader must know about that."""
    if purchase_option is None:
        return "on_demand", "purchase option unknown, on demand assumed"
    if purchase_option == "reserved":
        return "on_demand", "reserved: the list price before any commitment discount"
    return purchase_option, ""


def _stated_price(
    machine: Machine,
    terms: tuple[str | None, str | None, str],
    devices: dict[str, Fraction],
    overrides: Sequence[Override],
    day: date,
) -> Price | None:
    """The user's own price for this host, SKU, instance type or its accelerators, or None."""
    name, (provider, region, option) = machine.instance_type, terms
    names: dict[str, set[str | None]] = {
        "host": {machine.resource_id, machine.hostname},
        "sku": {f"{provider}/{region}/{name}/{option}"},
        "instance": {name},
    }
    fitting = [
        item
        for item in overrides
        if item.discount_pct is None
        and item.name in names.get(item.aim, set())
        and item.fits(*terms)
    ]
    best = best_override(fitting, day)
    if best is not None:
        sku = f"{provider or 'own'}/{region or '-'}/{name or machine.hostname}/{option}"
        return _price(best, best.hourly, sku if best.aim != "sku" else best.name)
    if not devices and provider and name and (spec := find_spec(provider, name)):
        count = spec.accelerator_count
        devices = {spec.accelerator: Fraction(count)} if count else {}
    return _price_by_devices(terms, devices, machine, overrides, day)


def _price_by_devices(
    terms: tuple[str | None, str | None, str],
    devices: dict[str, Fraction],
    machine: Machine,
    overrides: Sequence[Override],
    day: date,
) -> Price | None:
    """The user's price per accelerator times how many there are; None unless all have one."""
    total, used = Fraction(0), []
    for device, count in sorted(devices.items()):
        candidates = [
            item
            for item in overrides
            if item.aim == "accelerator" and item.discount_pct is None
            if item.name.casefold() == device.casefold() and item.fits(*terms)
        ]
        best = best_override(candidates, day)
        if best is None:
            return None
        total += best.hourly * count
        used.append((best, count))
    if not used or len({item.currency for item, _ in used}) > 1:
        return None
    provider, region, option = terms
    name = machine.instance_type or "+".join(sorted(devices))
    sku = f"{provider or 'own'}/{region or '-'}/{name}/{option}"
    source = "; ".join(
        f"{exact_decimal(count).normalize():f} × {item.describe()}" for item, count in used
    )
    return _price(used[0][0], total, sku, source)


def _of_unsold_machine(
    machine: Machine, provider: str | None, overrides: Sequence[Override], day: date
) -> Price | None:
    """The user's price for ``*``: every machine that nobody is known to sell."""
    if provider is not None or machine.instance_type is not None:
        return None
    stars = [item for item in overrides if item.aim == "host" and item.name == "*"]
    best = best_override(stars, day)
    return _price(best, best.hourly, f"own/-/{machine.hostname}/on_demand") if best else None


def _price(override: Override, amount: Fraction, sku: str, source: str = "") -> Price:
    return Price(
        sku=sku,
        amount=exact_decimal(amount),
        unit="h",
        currency=override.currency,
        source=source or override.describe(),
        as_of=override.set_on or override.start,
        origin="override",
    )


def _why_unsold(home: Path, machine: Machine) -> str:
    """What to do about a machine that no price list can know."""
    if machine.instance_type:
        sellers = providers_of(home, machine.instance_type)
        if sellers:
            return f"{machine.instance_type} is sold by {', '.join(sellers)}; say --provider"
        near = close_names(home, machine.instance_type)
        hint = f"; close names: {', '.join(near)}" if near else ""
        return (
            f"nobody lists {machine.instance_type}{hint}; state it: "
            f"trainfare prices set --instance {machine.instance_type} --price AMOUNT"
        )
    return (
        f"the kind of this machine ({machine.hostname}) is not known; state what it costs: "
        f"trainfare prices set --host {machine.hostname} --price AMOUNT"
    )
