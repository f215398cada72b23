"""Google Cloud's Billing Catalog API: prices of parts, put together to machine types where that is right.

The catalogue sells cores, memory and GPUs, never machines. A machine type of a family without
bundled parts is cores × core price + GiB × memory price + GPUs × GPU price, from the shipped
specification. Not put together, and said so: A3, A2 Ultra and G4, whose price holds local disks or
parts that no SKU names by the machine. Left out: SKUs of DWS (flex start, calendar mode), reserved
and sole-tenant capacity and custom machines; mixing these in is what made a public catalogue list
8 H100 at 33.61 instead of 78.37.

Source: cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus (Compute Engine).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.catalogue import InstanceSpec, shipped_specs
from trainfare.prices.download import fetch_json
from trainfare.prices.feed import Delivery, Feed, Request
from trainfare.prices.listing import ANY_REGION, Listing

ASSEMBLED = ("n1", "n2", "n2d", "n4", "e2", "t2d", "c2", "c3", "c3d", "c4", "c4a", "g2", "a2")
"""Machine families whose price is exactly the sum of their cores, memory and GPUs."""

BUNDLED = re.compile(r"a2-ultragpu-|a3-|g4-")
"""Machine types whose price holds more than that."""

PAGE_LIMIT = 500
"""Pages beyond which the server is leading us in circles; the real list has about ten."""

_OPTIONS = {
    "OnDemand": "on_demand",
    "Preemptible": "spot",
    "Commit1Yr": "commit_1y",
    "Commit3Yr": "commit_3y",
}

_UNWANTED = re.compile(
    r"\bDWS\b|Calendar|Reserved|Reservation|Sole Tenancy|Custom|Flex.?Start|Defined Duration"
    r"|Virtual Workstation|Premium|Extended|Overcommit",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:Spot Preemptible )?(?P<family>[A-Z]\d[A-Z]?|Compute optimized)(?: Predefined| AMD| Arm)?"
    r"(?: Instance)? (?P<part>Core|Ram) running in .+"
)
_COMMITTED = re.compile(
    r"Commitment v1: (?:(?P<family>[A-Z]\d[A-Z]?|Compute optimized) )?(?:AMD |Arm )?"
    r"(?P<part>Cpu|Ram) in .+ for [13] Years?"
)
_GPU = re.compile(
    r"(?:Commitment v1: )?Nvidia (?:Tesla )?(?P<model>[A-Z]\d+(?: 80GB)?) GPU"
    r"(?: attached to Spot Preemptible VMs)? (?:running )?in .+"
)

_ATTACHABLE = ("T4", "V100", "P100")
"""GPUs that are attached to N1 machines and priced beside them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A core, a GiB of memory or a GPU, by an option."""

    kind: str
    """core, ram or gpu."""
    name: str
    """Machine family, or canonical accelerator."""
    option: str


def deliver(request: Request) -> Iterator[Delivery]:
    """The assembled prices of one region, or of each region with ``*``."""
    if not request.key:
        raise BadInput(
            "the Google price catalogue wants an API key: set GOOGLE_API_KEY or give --key "
            "(a key restricted to the Cloud Billing API is enough)"
        )
    prices: dict[tuple[str, Part], Decimal] = {}
    unclear: set[tuple[str, Part]] = set()
    seen = 0
    for sku in _skus(request):
        seen += 1
        part, amount = read_part(sku), last_rate(sku)
        if part is None or amount is None:
            continue
        for region in sku.get("serviceRegions", []):
            if prices.setdefault((region, part), amount) != amount:
                unclear.add((region, part))
    for key in unclear:
        del prices[key]
    regions = sorted({region for region, _ in prices})
    if request.region != ANY_REGION:
        regions = [region for region in regions if region == request.region]
    if not regions:
        raise OutsideFailed(
            f"Google's catalogue has no machine parts for {request.region} among {seen} SKUs; "
            "nothing was stored"
        )
    for region in regions:
        mine = {part: amount for (where, part), amount in prices.items() if where == region}
        doubts = sum(where == region for where, _ in unclear)
        yield Delivery(region, assemble(region, mine, request.now), seen, notes=_notes(doubts))


def read_part(sku: dict[str, Any]) -> Part | None:
    """What a SKU is the price of, or None where it is of no use here.

    >>> sku = {"description": "N2D AMD Instance Core running in Americas",
    ...        "category": {"usageType": "OnDemand"}}
    >>> read_part(sku)
    Part(kind='core', name='n2d', option='on_demand')
    >>> read_part({**sku, "description": "DWS Calendar Mode A3 Instance Core running in Americas"})
    """
    text = str(sku.get("description", ""))
    option = _OPTIONS.get(str(sku.get("category", {}).get("usageType")))
    if option is None or _UNWANTED.search(text):
        return None
    is_committed = option.startswith("commit")
    gpu = _GPU.fullmatch(text)
    if gpu:
        return Part("gpu", gpu["model"].replace(" ", "-"), option)
    found = (_COMMITTED if is_committed else _PART).fullmatch(text)
    if not found:
        return None
    family = (found["family"] or "N1").lower()
    name = "c2" if family == "compute optimized" else family
    kind = "ram" if found["part"] == "Ram" else "core"
    return Part(kind, name, option) if name in ASSEMBLED else None


def last_rate(sku: dict[str, Any]) -> Decimal | None:
    """The price of the last tier per hour, exactly: units + nanos / 10⁹; None if not hourly.

    The first tiers of some SKUs are a free allowance, which is no price.
    """
    infos = sku.get("pricingInfo") or [{}]
    expression = infos[-1].get("pricingExpression", {})
    rates = expression.get("tieredRates") or []
    if expression.get("usageUnit") not in ("h", "GiBy.h") or not rates:
        return None
    rate = max(rates, key=lambda tier: tier.get("startUsageAmount", 0))["unitPrice"]
    if rate.get("currencyCode", "USD") != "USD":
        return None
    return Decimal(int(rate.get("units") or 0)) + Decimal(int(rate.get("nanos") or 0)).scaleb(-9)


def assemble(region: str, parts: dict[Part, Decimal], now: str) -> list[Listing]:
    """The machine types, and attachable GPUs, that the prices of a region's *parts* give."""
    listings = []
    for spec in shipped_specs("gcp"):
        for option in _OPTIONS.values():
            amount = _machine_amount(spec, parts, option)
            if amount is not None:
                listings.append(_listing(region, spec.name, option, amount, now))
    for model in _ATTACHABLE:
        for option in _OPTIONS.values():
            amount = parts.get(Part("gpu", model, option))
            if amount is not None:
                listings.append(_listing(region, model, option, amount, now))
    return listings


def _machine_amount(spec: InstanceSpec, parts: dict[Part, Decimal], option: str) -> Decimal | None:
    """Cores + memory + GPUs, or None unless all of them have a price."""
    family = spec.name.partition("-")[0]
    if spec.sold != "machine" or family not in ASSEMBLED or BUNDLED.match(spec.name):
        return None
    if spec.vcpus is None or spec.memory_gib is None or spec.accelerator_count is None:
        return None
    core, ram = parts.get(Part("core", family, option)), parts.get(Part("ram", family, option))
    if core is None or ram is None:
        return None
    amount = spec.vcpus * core + spec.memory_gib * ram
    if spec.accelerator_count:
        gpu = parts.get(Part("gpu", spec.accelerator, option))
        if gpu is None:
            return None
        amount += spec.accelerator_count * gpu
    return amount


def _listing(region: str, name: str, option: str, amount: Decimal, now: str) -> Listing:
    return Listing(
        provider="gcp",
        region=region,
        name=name,
        option=option,
        amount=Decimal(f"{amount.normalize():f}"),
        as_of=now,
        source="Google Cloud Billing Catalog, from its parts",
        origin="refreshed",
    )


def _skus(request: Request) -> Iterator[dict[str, Any]]:
    """Every SKU of Compute Engine, page by page."""
    token, tokens = "", set()
    while token not in tokens:
        tokens.add(token)
        page = f"&pageToken={quote(token)}" if token else ""
        url = f"{request.url}?pageSize=5000{page}"
        # In a header, so that the key stands in no address, log or error.
        answer = fetch_json(request.line, url, headers={"X-Goog-Api-Key": request.key})
        assert answer is not None
        rows = answer[0].get("skus")
        if not isinstance(rows, list):
            raise OutsideFailed("Google's answer has no skus; nothing was stored")
        yield from rows
        token = str(answer[0].get("nextPageToken") or "")
        if not token:
            return
        if len(tokens) > PAGE_LIMIT:
            break
    raise OutsideFailed("Google's pages lead in circles; nothing was stored")


def _notes(doubts: int) -> tuple[str, ...]:
    notes = ["A3, A2 Ultra and G4 are not put together: local disks are part of their price"]
    if doubts:
        notes.append(f"{doubts} parts have two SKUs of different prices and were left out")
    return tuple(notes)


FEED = Feed(
    name="gcp-catalogue",
    provider="gcp",
    url="https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus",
    deliver=deliver,
    about="Google Cloud Billing Catalog, all regions at once; API key needed",
    needs_region=False,
)
"""What the refresh flow runs."""
