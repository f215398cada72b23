"""AWS offers: how a product and its terms read, in the bulk price list and in GetProducts alike."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from trainfare.prices.listing import Listing

ON_DEMAND_RATE = ".JRTCKXETXF.6YS6EN2CT7"
"""How the rate code of an hourly on-demand price ends: offer term, then rate."""

_WANTED = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
"""What an instance must be to have the plain Linux on-demand price (karpenter's filters)."""

_FAMILIES = {
    "Compute Instance": ("Shared",),
    "Compute Instance (bare metal)": ("Shared", "Dedicated"),
}


def instance_of(product: dict[str, Any]) -> tuple[str, str, int] | None:
    """The instance type and region that a product is the plain Linux price of, or None.

    Returns:
        Type, region and rank: of two products of one type the lower rank counts (bare metal is
        listed for shared and for dedicated tenancy).
    """
    attributes = product.get("attributes")
    tenancies = _FAMILIES.get(str(product.get("productFamily")), ())
    if not isinstance(attributes, dict) or attributes.get("tenancy") not in tenancies:
        return None
    if any(attributes.get(key, value) != value for key, value in _WANTED.items()):
        return None
    name, region = attributes.get("instanceType"), attributes.get("regionCode")
    if not name or not region or "operatingSystem" not in attributes:
        return None
    return str(name), str(region), tenancies.index(attributes["tenancy"])


def hourly_usd(terms: dict[str, Any]) -> Decimal | None:
    """The hourly on-demand dollars among the offers of one SKU, or None.

    Args:
        terms: Offer code → offer, as under ``terms.OnDemand[sku]``.

    >>> rate = {"unit": "Hrs", "pricePerUnit": {"USD": "0.0960000000"}}
    >>> hourly_usd({"X.JRTCKXETXF": {"priceDimensions": {"X.JRTCKXETXF.6YS6EN2CT7": rate}}})
    Decimal('0.096')
    """
    for offer in terms.values():
        for code, rate in offer.get("priceDimensions", {}).items():
            if not code.endswith(ON_DEMAND_RATE) or rate.get("unit") != "Hrs":
                continue
            try:
                amount = Decimal(rate["pricePerUnit"]["USD"])
            except (KeyError, InvalidOperation):
                continue
            return Decimal(f"{amount.normalize():f}")
    return None


def on_demand_listing(
    name: str, region: str, amount: Decimal, *, now: str, source: str, code: str
) -> Listing:
    """An on-demand price of AWS as a listing."""
    return Listing(
        provider="aws",
        region=region,
        name=name,
        option="on_demand",
        amount=amount,
        as_of=now,
        source=source,
        origin="refreshed",
        code=code,
    )
