"""What a line item of AWS is about: resource, instance type, service, place and reservation.

A resource id is an ARN (``arn:aws:sagemaker:us-east-1:123:training-job/nightly``: its sixth field is
the type and the name) or a short id (``i-0abc``), kept as it came. Spot rows carry no instance type
of their own; it is the first word of their description.

Source: AWS CUR user guide, line item and product columns; AWS General Reference, ARN format.
"""

from __future__ import annotations

from trainfare.billing.arrow import pa, pc
from trainfare.billing.aws_amortised import USAGE
from trainfare.billing.aws_rows import Rows
from trainfare.billing.texts import first_of, only, spread, translated

_ARN = r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:(?P<type>[^/:]+)[/:](?P<name>.+)$"
_ID = r"^(?P<type>[a-z]+)-[0-9a-f]{8,17}$"
_ID_TYPES = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "nat": "natgateway",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "vpn": "vpn-connection",
    "vpce": "vpc-endpoint",
    "tgw": "transit-gateway",
    "fs": "file-system",
    "cr": "capacity-reservation",
    "h": "dedicated-host",
    "ami": "image",
}
_TYPE = r"(?:ml\.)?[a-z][a-z0-9-]*\.[a-z0-9-]*(?:nano|micro|small|medium|large|metal)[a-z0-9-]*"
_IN_USAGE = rf":(?P<type>{_TYPE})$"
_IN_DESCRIPTION = rf"^(?P<type>{_TYPE})\b"
_SPOT = r"SpotUsage|TrSpt|:Spot"
_UNUSED_RESERVATION = r"\bUnused(Box|Ded)"

_SERVICE_CATEGORIES = {
    "AI and Machine Learning": ("AmazonSageMaker", "AmazonBedrock", "AmazonPersonalize"),
    "Analytics": ("AWSGlue", "AmazonAthena", "AmazonRedshift", "ElasticMapReduce", "AmazonKinesis"),
    "Compute": (
        *("AmazonEC2", "AmazonECS", "AmazonEKS", "AWSLambda", "AmazonLightsail", "AWSBatch"),
        *("ComputeSavingsPlans", "MachineLearningSavingsPlans"),
    ),
    "Databases": ("AmazonRDS", "AmazonDynamoDB", "AmazonElastiCache", "AmazonDocDB"),
    "Integration": ("AWSQueueService", "AmazonSNS", "AWSEvents", "AmazonStates"),
    "Management and Governance": ("AmazonCloudWatch", "AWSCloudTrail", "AWSConfig"),
    "Networking": ("AmazonVPC", "AmazonCloudFront", "AmazonRoute53", "AWSELB", "AWSDirectConnect"),
    "Security": ("awskms", "AWSSecretsManager", "AmazonGuardDuty", "awswaf"),
    "Storage": ("AmazonS3", "AmazonEFS", "AmazonFSx", "AmazonECR", "AmazonGlacier", "AWSBackup"),
}
_CATEGORY = {code: name for name, codes in _SERVICE_CATEGORIES.items() for code in codes}


def put_service(rows: Rows) -> None:
    """Set service, its category, SKU and place."""
    draft, code = rows.draft, rows.texts("line_item_product_code")
    name = rows.texts("product_product_name", "product['product_name']")
    draft.put(
        "ServiceName", first_of(name, code), source=rows.header.told("line_item_product_code")
    )
    categories = [_CATEGORY.get(text) for text in code.dictionary.to_pylist()]
    draft.put("ServiceCategory", translated(code, categories))
    draft.put("SkuId", rows.texts("product_sku", "product['sku']"))
    draft.put("SkuPriceId", rows.texts("pricing_rate_code", "pricing_rate_id"))
    draft.put("AvailabilityZone", rows.texts("line_item_availability_zone"))
    places = (
        "product_region_code",
        "product_region",
        "product['region_code']",
        "product['region']",
    )
    draft.put("RegionId", rows.texts(*places))


def put_resource(rows: Rows) -> None:
    """Set the resource, its type and name, and the instance type."""
    ids, draft = rows.texts("line_item_resource_id"), rows.draft
    draft.put("ResourceId", ids)
    arn = pc.extract_regex(ids.dictionary, _ARN)
    short = pc.extract_regex(ids.dictionary, _ID).field("type").dictionary_encode()
    short = translated(short, [_ID_TYPES.get(text) for text in short.dictionary.to_pylist()])
    types = pc.coalesce(_field(arn, "type"), short.dictionary_decode())
    draft.put("ResourceType", _at(types, ids))
    draft.put("ResourceName", _at(_field(arn, "name"), ids))
    usage_type, description = (
        rows.texts("line_item_usage_type"),
        rows.texts("line_item_line_item_description"),
    )
    told = rows.texts("product_instance_type", "product['instance_type']")
    in_usage = _at(_field(pc.extract_regex(usage_type.dictionary, _IN_USAGE), "type"), usage_type)
    found = first_of(told, in_usage)
    spot = is_spot(rows)
    if pc.any(pc.and_(spot, found.is_null())).as_py():
        words = _field(pc.extract_regex(description.dictionary, _IN_DESCRIPTION), "type")
        spoken = pc.if_else(spot, _at(words, description).dictionary_decode(), None)
        found = first_of(found, spoken.dictionary_encode())
    draft.put("x_InstanceType", found)


def put_usage(rows: Rows) -> None:
    """Set how much was used and at which price, on rows that are usage; and spot as Dynamic."""
    draft, unit = rows.draft, rows.texts("pricing_unit")
    usage = rows.of_type(*USAGE)
    amount = rows.texts("line_item_usage_amount")
    draft.put("ConsumedQuantity", only(amount, usage))
    draft.put("ConsumedUnit", only(unit, usage))
    draft.put("PricingQuantity", only(amount, usage))
    draft.put("PricingUnit", only(unit, usage))
    draft.put("ListUnitPrice", only(rows.texts("pricing_public_on_demand_rate"), usage))
    draft.put("PricingCurrency", rows.texts("pricing_currency"))
    dynamic = pc.and_(rows.of_type("Usage"), is_spot(rows))
    pricing = draft.texts("PricingCategory")
    if pricing is not None and pc.any(dynamic).as_py():
        words = pc.if_else(dynamic, "Dynamic", pricing.dictionary_decode())
        draft.put("PricingCategory", words.dictionary_encode())


def put_reservation(rows: Rows) -> None:
    """Set the capacity reservation, and whether a row pays for reserved machines that nobody ran."""
    draft = rows.draft
    prefix = "capacity_reservation_capacity_reservation"
    arn, told = rows.texts(f"{prefix}_arn"), rows.texts(f"{prefix}_status")
    usage_type, ids = rows.texts("line_item_usage_type"), rows.texts("line_item_resource_id")
    unused = spread(
        pc.match_substring_regex(usage_type.dictionary, _UNUSED_RESERVATION), usage_type
    )
    reserved = spread(pc.match_substring(ids.dictionary, "capacity-reservation/"), ids)
    draft.put("CapacityReservationId", first_of(arn, only(ids, reserved)))
    words = {"used": "Used", "unused": "Unused"}
    status = translated(told, [words.get(text.lower()) for text in told.dictionary.to_pylist()])
    marked = pc.if_else(unused, "Unused", status.dictionary_decode())
    draft.put("CapacityReservationStatus", marked.dictionary_encode())


def is_spot(rows: Rows) -> pa.BooleanArray:
    """(n,) whether a row is usage at the spot price: EC2, Fargate or SageMaker managed spot."""
    usage_type, term = rows.texts("line_item_usage_type"), rows.texts("pricing_term")
    named = spread(pc.match_substring_regex(usage_type.dictionary, _SPOT), usage_type)
    return pc.or_(named, spread(pc.equal(term.dictionary, "Spot"), term))


def _field(found: pa.StructArray, name: str) -> pa.StringArray:
    """One group of what a pattern found; null where it found nothing."""
    return pc.if_else(found.is_valid(), found.field(name), None)


def _at(words: pa.StringArray, texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """(n,) what was found in each distinct text."""
    distinct = words.dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(texts.indices), distinct.dictionary)
