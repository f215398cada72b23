"""Names that Azure writes, in the words that its own FOCUS export uses.

Cost Management's actual and amortised exports say "100 Hours", "US West 2" and "NC24ads A100 v4"
where the FOCUS export says Hours in blocks of 100, ``westus2`` and ``Standard_NC24ads_A100_v4``.

Source: Microsoft FinOps toolkit, "Convert Cost Management data to FOCUS" and its open data (pricing
units, regions).
"""

from __future__ import annotations

import re

from trainfare.billing.arrow import pa, pc

_BLOCK = re.compile(r"\s*(\d[\d,]*)\s*([KMB](?![A-Za-z]))?(?=[\s/]|$)\s*(.*?)\s*", re.IGNORECASE)
_TIMES = {"K": 10**3, "M": 10**6, "B": 10**9}
_COUNTED = re.compile(
    r"(second|minute|hour|day|month|unit|user|node|request|transaction)s?|hrs", re.IGNORECASE
)

_COUNTRIES = {
    "ae": "uae",
    "at": "austria",
    "au": "australia",
    "be": "belgium",
    "br": "brazil",
    "ca": "canada",
    "ch": "switzerland",
    "cl": "chile",
    "cn": "china",
    "de": "germany",
    "es": "spain",
    "fi": "finland",
    "fr": "france",
    "gr": "greece",
    "id": "indonesia",
    "il": "israel",
    "it": "italy",
    "ja": "japan",
    "kr": "korea",
    "mx": "mexico",
    "my": "malaysia",
    "no": "norway",
    "nz": "newzealand",
    "pl": "poland",
    "qa": "qatar",
    "sa": "saudiarabia",
    "se": "sweden",
    "tw": "taiwan",
    "uk": "uk",
    "za": "southafrica",
}
"""Short form of a country → how regions of that country begin."""
_CONTINENTS = {"us": "us", "eu": "europe", "ap": "asia", "in": "india"}
"""Short form → how regions end that name the direction first: "US West 2" is ``westus2``."""
_APART = ("gov", "dod", "sec")
"""Parts of the United States whose regions keep their order."""

_TYPE = r"(?i)/providers/(?P<space>[^/]+)/(?P<kind>[^/]+)/[^/]+(?:/(?P<inner>[^/]+)/[^/]+)?/?$"
_SIZE = re.compile(r"[A-Z]{1,3}\d+[a-z\d-]*(?: [A-Za-z\d]+)*")
_OFFERS = (" Spot", " Low Priority", " Expired", " Promo")


def block_of(measure: str) -> tuple[int, str]:
    """How many units one priced block holds, and the unit.

    >>> block_of("100 Hours"), block_of("10K"), block_of("1 GB/Month"), block_of("1/Day")
    ((100, 'Hours'), (10000, 'Units'), (1, 'GB/Month'), (1, 'Units/Day'))
    """
    found = _BLOCK.fullmatch(measure)
    if found is None:
        return 1, _unit(measure.strip())
    size = int(found[1].replace(",", "")) * _TIMES.get((found[2] or "").upper(), 1)
    return max(1, size), _unit(found[3])


def _unit(text: str) -> str:
    """A unit in the plural, for what is counted: "1 Hour" and "5 Hrs" are both of Hours."""
    if not text or text.startswith("/"):
        return f"Units{text}"
    *before, last = text.split(" ")
    found = _COUNTED.fullmatch(last)
    if found:
        last = f"{(found[1] or 'hour').capitalize()}s"
    return " ".join([*before, last])


def region_of(place: str) -> str:
    """A region as Azure's own tools name it.

    >>> region_of("US East 2"), region_of("CentralUS"), region_of("JA West"), region_of("EU North")
    ('eastus2', 'centralus', 'japanwest', 'northeurope')
    """
    words = place.lower().replace("_", " ").split()
    if len(words) > 1 and words[0] in _COUNTRIES:
        words[0] = _COUNTRIES[words[0]]
    elif len(words) > 1 and words[0] in _CONTINENTS and words[1] not in _APART:
        last = len(words) - 1 if words[-1].isdigit() else len(words)
        words = [*words[1:last], _CONTINENTS[words[0]], *words[last:]]
    return "".join(words)


def types_of(ids: pa.StringArray) -> pa.StringArray:
    """(n,) the resource type that each resource id names, in small letters; null where none does.

    >>> types_of(pa.array(["/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/disks/d"]))[
    ...     0
    ... ].as_py()
    'microsoft.compute/disks'
    """
    parts = pc.extract_regex(ids, _TYPE)
    space, kind, inner = (pc.struct_field(parts, name) for name in ("space", "kind", "inner"))
    outer = pc.binary_join_element_wise(space, kind, "/")
    whole = pc.if_else(pc.equal(inner, ""), outer, pc.binary_join_element_wise(outer, inner, "/"))
    return pc.utf8_lower(whole)


def size_of(meter: str) -> str | None:
    """The machine that a meter of virtual machines names; None where it names two of one price.

    >>> size_of("NC24ads A100 v4 Spot"), size_of("D3 v2/DS3 v2")
    ('Standard_NC24ads_A100_v4', None)
    """
    for offer in _OFFERS:
        meter = meter.removesuffix(offer)
    return f"Standard_{meter.replace(' ', '_')}" if _SIZE.fullmatch(meter) else None
