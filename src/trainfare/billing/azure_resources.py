"""What a row of Azure's exports is about: resource, machine, service, place and quantity.

The size of a machine stands in ``AdditionalInfo`` (``ServiceType``), which the FOCUS export calls
``x_SkuDetails`` or ``SkuPriceDetails``; else the name of its meter tells it, where that names one.

Source: Microsoft Cost Management, "Understand usage details fields"; FinOps toolkit, services.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.azure_charges import Kinds
from trainfare.billing.azure_names import block_of, region_of, size_of, types_of
from trainfare.billing.azure_rows import Rows, lowered, plain_word
from trainfare.billing.canonical import Draft
from trainfare.billing.texts import first_of, known, only, spread, translated

_DIGITS = 40
"""Digits of a quantity that is divided by its block size; Azure writes up to 28."""
_DETAIL = r'(?i)"(?:x_)?{}"\s*:\s*"(?P<text>[^"]+)"'
_IN_SCALE_SET = r"/virtualmachinescalesets/[^/]+$"
MACHINES = "Virtual Machines"
"""Meter category of the meters that name a machine."""
ZERO = r"^0(\.0*)?$"
"""A price of nothing, which Azure writes where it knows none."""
_CATEGORIES = {
    "AI and Machine Learning": (
        *("azure machine learning", "cognitive services", "azure openai", "azure ai services"),
        *("microsoft.machinelearningservices", "microsoft.cognitiveservices"),
    ),
    "Analytics": (
        *("azure data factory v2", "azure databricks", "azure synapse analytics", "hdinsight"),
        *("microsoft.databricks", "microsoft.synapse", "microsoft.datafactory", "microsoft.kusto"),
    ),
    "Compute": (
        *("virtual machines", "azure kubernetes service", "container instances", "cloud services"),
        *("microsoft.compute", "microsoft.containerservice", "microsoft.containerinstance"),
        "microsoft.batch",
    ),
    "Databases": (
        *("sql database", "azure cosmos db", "redis cache", "microsoft.sql", "microsoft.cache"),
        *("microsoft.documentdb", "microsoft.dbforpostgresql", "microsoft.dbformysql"),
    ),
    "Management and Governance": (
        *("azure monitor", "log analytics", "microsoft.insights", "microsoft.recoveryservices"),
        "microsoft.operationalinsights",
    ),
    "Networking": (
        *("virtual network", "bandwidth", "load balancer", "application gateway", "vpn gateway"),
        *("expressroute", "nat gateway", "azure dns", "azure front door service"),
        *("microsoft.network", "microsoft.cdn"),
    ),
    "Security": ("key vault", "microsoft defender for cloud", "microsoft.keyvault"),
    "Storage": (
        *("storage", "azure netapp files", "container registry", "backup"),
        *("microsoft.storage", "microsoft.netapp", "microsoft.containerregistry"),
    ),
}
_CATEGORY = {name: word for word, names in _CATEGORIES.items() for name in names}
"""Meter category, or service where that says nothing, in small letters → FOCUS ServiceCategory."""


def put_service(rows: Rows) -> None:
    """Set service, meter, SKU, description and place."""
    draft = rows.draft
    services = rows.texts("meter_category", "consumed_service", "publisher")
    if services.null_count:
        draft.note("ServiceName", "taken-from-provider", services.is_null())
        services = first_of(services, constant("Microsoft", len(rows)))
    draft.put("ServiceName", services, source="MeterCategory")
    category, service = _categories(rows, "meter_category"), _categories(rows, "consumed_service")
    draft.put("ServiceCategory", first_of(category, service))
    draft.put("ChargeDescription", rows.texts("product", "meter"))
    draft.put("SkuId", rows.texts("sku"))
    draft.put("SkuMeter", rows.texts("meter"))
    draft.put("SkuPriceId", rows.texts("meter_id"))
    draft.put("x_UsageType", rows.texts("meter_subcategory"))
    places = rows.texts("place")
    draft.put("RegionName", places)
    named = [region_of(text or "") for text in places.dictionary.to_pylist()]
    draft.put("RegionId", translated(places, named))
    draft.put("AvailabilityZone", rows.texts("zone"))


def _categories(rows: Rows, word: str) -> pa.DictionaryArray:
    texts = rows.texts(word)
    known_ones = [_CATEGORY.get((text or "").lower()) for text in texts.dictionary.to_pylist()]
    return translated(texts, known_ones)


def put_resource(rows: Rows, kinds: Kinds) -> None:
    """Set the resource with its name and type, and the machine it runs on."""
    draft, details = rows.draft, rows.texts("details")
    ids = lowered(rows.texts("resource"))
    draft.put("ResourceId", ids, source=rows.header.told("resource"))
    draft.put("ResourceType", types_in(ids))
    draft.put("ResourceName", first_of(rows.texts("resource_name"), last_parts(ids)))
    draft.put("SkuPriceDetails", _without_empty(details))
    put_instance(draft, ids, details)
    is_machine = rows.said(rows.texts("meter_category"), plain_word(MACHINES))
    put_size(draft, details, rows.texts("meter"), pc.and_(is_machine, kinds.is_usage))


def types_in(ids: pa.DictionaryArray) -> pa.DictionaryArray:
    """(n,) the type that each resource id names."""
    return translated(ids, types_of(ids.dictionary).to_pylist())


def last_parts(ids: pa.DictionaryArray) -> pa.DictionaryArray:
    """(n,) what stands behind the last slash of each resource id."""
    return translated(ids, [text.rpartition("/")[2] or None for text in ids.dictionary.to_pylist()])


def put_instance(draft: Draft, ids: pa.DictionaryArray, details: pa.DictionaryArray) -> None:
    """Name the instance of a scale set: Azure bills each, with ``VMName``, under the set's id."""
    names = _detail(details, "VMName")
    sets = spread(pc.match_substring_regex(ids.dictionary, _IN_SCALE_SET), ids)
    here = pc.and_(sets, names.is_valid())
    if not pc.any(here).as_py():
        return
    parents = ids.dictionary_decode()
    instances = pc.binary_join_element_wise(parents, lowered(names).dictionary_decode(), _BELOW)
    draft.put("ResourceId", pc.if_else(here, instances, parents).dictionary_encode())
    draft.put("x_ParentResourceId", only(ids, here))
    draft.note("ResourceId", "instance-of-scale-set", here)


_BELOW = "/virtualmachines/"


def put_size(
    draft: Draft, details: pa.DictionaryArray, meters: pa.DictionaryArray, where: pa.BooleanArray
) -> None:
    """Set the machine's size: as the details say, else by its meter in the rows of *where*."""
    said = _detail(details, "ServiceType")
    sizes = [size_of(text or "") for text in meters.dictionary.to_pylist()]
    metered = only(translated(meters, sizes), pc.and_(where, said.is_null()))
    draft.put("x_InstanceType", first_of(said, metered))
    draft.note("x_InstanceType", "taken-from-meter", metered.is_valid())


def _detail(details: pa.DictionaryArray, key: str) -> pa.DictionaryArray:
    """(n,) the text under *key* of each JSON object; null where there is none."""
    found = pc.struct_field(pc.extract_regex(details.dictionary, _DETAIL.format(key)), "text")
    return translated(details, found.to_pylist())


def _without_empty(details: pa.DictionaryArray) -> pa.DictionaryArray:
    """Details without those that are an empty text in quotes."""
    texts = [None if text in ('""', "{}") else text for text in details.dictionary.to_pylist()]
    return translated(details, texts)


def put_usage(rows: Rows, kinds: Kinds) -> None:
    """Set quantities and their units; what is consumed only where something ran."""
    draft, measures = rows.draft, rows.texts("measure")
    blocks = [block_of(text or "") for text in measures.dictionary.to_pylist()]
    units = translated(measures, [unit for _, unit in blocks])
    draft.put("PricingUnit", units)
    draft.put("ConsumedUnit", only(units, kinds.is_usage))
    values = rows.column("quantity")
    if values is not None:
        quantities = known(text_of(values))
        draft.put("ConsumedQuantity", only(quantities, kinds.is_usage), source="Quantity")
        sizes = pa.array([size for size, _ in blocks], pa.int64()).take(measures.indices)
        draft.put("PricingQuantity", _divided(quantities, sizes), source="Quantity")
    draft.put("ContractedUnitPrice", rows.texts("unit_price"))
    prices = rows.texts("list_price")
    free = spread(pc.match_substring_regex(prices.dictionary, ZERO), prices)
    draft.note("ListUnitPrice", "zero-means-unknown", free)
    draft.put("ListUnitPrice", only(prices, pc.invert(free)))
    draft.put("PricingCurrency", rows.texts("pricing_currency"))
    draft.put("x_ExchangeRate", rows.texts("rate"))


def _divided(quantities: pa.DictionaryArray, sizes: pa.Int64Array) -> pa.DictionaryArray:
    """(n,) quantities in blocks; what is no number stays, for it is told of later."""
    blocks = pc.fill_null(pc.greater(sizes, 1), fill_value=False)
    blocks = pc.and_(blocks, quantities.is_valid())
    if not pc.any(blocks).as_py():
        return quantities
    texts = quantities.dictionary_decode()
    pairs = zip(texts.filter(blocks).to_pylist(), sizes.filter(blocks).to_pylist(), strict=True)
    with localcontext() as context:
        context.prec = _DIGITS
        parts = [_quotient(text, size) for text, size in pairs]
    divided = pc.replace_with_mask(texts, blocks, pa.array(parts, pa.string()))
    return divided.dictionary_encode()


def _quotient(text: str, size: int) -> str:
    try:
        return f"{Decimal(text) / size:f}"
    except InvalidOperation:
        return text
