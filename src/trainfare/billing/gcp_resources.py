"""What a row of Google's export is about: resource, machine, reservation, tags and quantity.

Source: Google Cloud Billing, "Structure of Detailed data export", available system labels.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trainfare.billing import tags
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.gcp_rows import Rows, combined, is_list_of
from trainfare.billing.texts import known, only, translated

_GLOBAL = r"/(?P<kind>[a-zA-Z]+)/[^/]+$"
_MACHINE = "compute.googleapis.com/machine_spec"
_UNUSED = "compute.googleapis.com/is_unused_reservation"
_RESERVATION = "compute.googleapis.com/reservation_name"
_decode = json.JSONDecoder(parse_float=str, parse_int=str).decode
_spelt = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def put_resource(rows: Rows) -> None:
    """Set the resource with its name and type, and what its system labels say of the machine."""
    draft = rows.draft
    ids = rows.texts("resource.global_name", "resource.name")
    draft.put("ResourceId", ids)
    draft.put("ResourceName", rows.texts("resource.name"))
    kinds = pc.struct_field(pc.extract_regex(ids.dictionary, _GLOBAL), "kind")
    draft.put("ResourceType", translated(ids, kinds.to_pylist()))
    labels = _pairs(rows, "system_labels")
    said = [_read(text).pairs for text in labels.dictionary.to_pylist()]
    draft.put("x_InstanceType", translated(labels, [_word(each, _MACHINE) for each in said]))
    draft.put(
        "CapacityReservationId", translated(labels, [_word(each, _RESERVATION) for each in said])
    )
    status = [_status(each) for each in said]
    draft.put("CapacityReservationStatus", translated(labels, status))


def _status(labels: dict[str, Any]) -> str | None:
    if str(labels.get(_UNUSED)).lower() == "true":
        return "Unused"
    return "Used" if labels.get(_RESERVATION) else None


def _word(labels: dict[str, Any], key: str) -> str | None:
    found = labels.get(key)
    return str(found) if found not in (None, "") else None


def put_tags(rows: Rows) -> None:
    """Set the tags of each row: one object of all kinds, working on what is distinct."""
    columns = [_pairs(rows, path) for path in _KINDS]
    codes, combinations = combined(columns)
    found = [[*map(_read, texts.dictionary.to_pylist()), _NONE] for texts in columns]
    merged, repairs = [], []
    for places in combinations:
        parts = [each[place] for each, place in zip(found, places, strict=True)]
        merged.append(_merged([part.pairs for part in parts]))
        repairs.append(next((part.repair for part in parts if part.repair), None))
    for repair in {each for each in repairs if each}:
        mask = pa.array([each == repair for each in repairs]).take(codes)
        rows.draft.note("Tags", repair, mask)
    texts = pa.array([_spelt(each) if each else None for each in merged], pa.string())
    rows.draft.put("Tags", texts.take(codes).dictionary_encode(), source="labels")


_KINDS = {"labels": "", "tags": "tag:", "project.labels": "project:", "system_labels": ""}
"""Field → prefix of a key that another field has already said otherwise."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What one list of labels holds, and what had to be repaired."""

    pairs: dict[str, Any]
    repair: str | None = None


_NONE = _Read({})


def _merged(objects: list[dict[str, Any]]) -> dict[str, Any]:
    result = dict(objects[0])
    for prefix, pairs in zip(list(_KINDS.values())[1:], objects[1:], strict=True):
        for key, value in pairs.items():
            if result.setdefault(key, value) != value:
                result[f"{prefix}{key}"] = value
    return result


def _pairs(rows: Rows, path: str) -> pa.DictionaryArray:
    """(n,) keys and values as JSON text; null where there are none."""
    values = rows.column(path)
    if values is None:
        return constant(None, len(rows))
    if is_list_of(values, "key", "value"):
        inner = values.flatten()
        lengths = pc.fill_null(pc.list_value_length(values), 0).cast(pa.int32())
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
        keys, items = (text_of(pc.struct_field(inner, name)) for name in ("key", "value"))
        named = pc.fill_null(keys.dictionary_decode(), "")
        values = pa.MapArray.from_arrays(offsets, named, items)
    texts = known(tags.text_of_nested(values))
    return only(texts, pc.invert(rows.said(texts, r"^\s*(\[\]|\{\})$")))


@lru_cache(maxsize=32768)
def _read(text: str | None) -> _Read:
    """The labels in a text: a list of keys and values, or one object, as JSON or Python."""
    text, repair = (text or "").strip(), None
    if not text:
        return _NONE
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        try:
            value, repair = ast.literal_eval(text), "python-literal"
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return _Read({"x_text": text}, "not-json")
    if isinstance(value, dict):
        pairs = [(key, each) for key, each in value.items()]
    elif isinstance(value, list) and all(
        isinstance(each, dict) and "key" in each for each in value
    ):
        pairs = [(each["key"], each.get("value")) for each in value]
    else:
        return _Read({"x_text": text}, "not-json")
    return _Read(
        {str(key): True if each in (None, "") else str(each) for key, each in pairs}, repair
    )


def put_usage(rows: Rows, is_usage: pa.BooleanArray) -> None:
    """Set quantities, units and prices; what is consumed only where something ran."""
    draft = rows.draft
    amounts = rows.texts("usage.amount_in_pricing_units", "usage.amount")
    units, bases = rows.texts("usage.pricing_unit", "price.unit"), rows.texts("usage.unit")
    in_blocks = rows.texts("usage.amount_in_pricing_units").is_valid()
    hours = pc.and_(rows.said(bases, "^seconds?$"), rows.said(units, "^hours?$"))
    told = pc.if_else(in_blocks, units.dictionary_decode(), bases.dictionary_decode())
    told = pc.if_else(pc.and_(hours, in_blocks), "Hours", told)
    draft.put("ConsumedQuantity", only(amounts, is_usage), source="usage.amount_in_pricing_units")
    draft.put("ConsumedUnit", only(told.dictionary_encode(), is_usage))
    draft.put("PricingQuantity", rows.texts("usage.amount_in_pricing_units"))
    draft.put("PricingUnit", units)
    draft.put("ContractedUnitPrice", rows.texts("price.effective_price"))
    draft.put("ListUnitPrice", rows.texts("price.list_price"))
    rates = rows.texts("currency_conversion_rate")
    draft.put("x_ExchangeRate", rates)
    draft.put("PricingCurrency", only(constant("USD", len(rows)), rates.is_valid()))
