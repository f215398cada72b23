"""FOCUS export: parts of charges as rows of FOCUS CostAndUsage, one per owner of a charge.

    a charge of $8.00 that two runs and idle time share →
    BilledCost  AllocatedResourceId  AllocatedMethodId               ratio
    4.00        bert-1               trainfare:resource_overlap      0.5
    2.00        bert-2               trainfare:resource_overlap      0.25
    2.00                             trainfare:idle:resource_overlap 0.25

Costs and quantities of the rows of one charge sum to the charge; ratios sum to 1 as decimals; unit
prices and every other column are the charge's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from trainfare.allocation.proportion import ONE, portion
from trainfare.allocation.steps import OWN_METHOD
from trainfare.billing.arrow import pa, pc
from trainfare.core.charge import COLUMNS, View
from trainfare.reports.focus_export_columns import SUMMABLE, FocusColumn, Kind, focus_columns

PLACES = 12
"""A part of a quantity has so many decimal places, or as many as the whole has."""

_RATIO_PLACES = 18
_COSTS = {
    "BilledCost": View.BILLED,
    "EffectiveCost": View.EFFECTIVE,
    "ListCost": View.LIST,
    "ContractedCost": View.CONTRACTED,
}
_SPELT = {
    "ProviderName": ("x_ProviderName", "ServiceProviderName"),
    "PublisherName": ("x_PublisherName",),
}
"""Columns that the lake keeps under other names: the first that is filled counts."""


def lake_columns(column: FocusColumn) -> tuple[str, ...]:
    """The columns of the lake that fill *column*, the first that is there; none for what is ours."""
    bare = column.name.removeprefix("x_")
    if column.kind is Kind.MONEY:
        return (_COSTS[bare].column,)
    if bare in _SPELT:
        return _SPELT[bare]
    found = column.name if column.name in COLUMNS else bare
    return (found,) if found in COLUMNS and not bare.startswith("Allocated") else ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What an export knows beside the charges."""

    labels: Mapping[str, Mapping[str, str]]
    """Run → its labels."""
    names: Mapping[str, str]
    """Run → its name, where it has one."""
    deliveries: Mapping[str, str]
    """Folder of the lake's file → delivery."""


def focus_batch(parts: pa.RecordBatch, version: str, origin: Origin) -> pa.RecordBatch:
    """Parts as rows of FOCUS *version*: texts, JSON, decimals as texts, money as ``decimal128(38, 9)``.

    Args:
        parts: from :func:`trainfare.allocation.parts.stream_parts`.
        version: one of :data:`~trainfare.reports.focus_export_columns.VERSIONS`.
        origin: labels and names of runs, and where charges came from.
    """
    own = _own_columns(parts, origin)
    is_split = _is_split(parts)
    made = {}
    for column in focus_columns(version):
        bare = column.name.removeprefix("x_")
        if column.kind is Kind.MONEY:
            made[column.name] = _money(parts.column(_COSTS[bare].value))
        elif column.name in own or (bare in own and bare.startswith("Allocated")):
            made[column.name] = own.get(column.name, own.get(bare))
        else:
            values = _first_filled(parts, lake_columns(column))
            plain = _plain(values) if column.kind is Kind.DECIMAL else values
            made[column.name] = _divided(plain, bare, parts, is_split)
    return pa.RecordBatch.from_arrays(list(made.values()), names=list(made))


def _first_filled(parts: pa.RecordBatch, names: tuple[str, ...]) -> pa.Array:
    found = [parts.column(name) for name in names]
    return pc.coalesce(*found) if len(found) > 1 else found[0]


def _money(nanos: pa.Array) -> pa.Array:
    exact = pc.multiply(nanos.cast(pa.decimal128(19, 0)), pa.scalar(Decimal(1).scaleb(-9)))
    return exact.cast(pa.decimal128(38, 9))


def _is_split(parts: pa.RecordBatch) -> pa.BooleanArray:
    whole = pc.and_(pc.equal(parts.column("low"), 0), pc.equal(parts.column("high"), ONE))
    return pc.invert(whole)


def _plain(numbers: pa.Array) -> pa.Array:
    """Decimals without exponents, which FOCUS allows in part only (no ``+``)."""
    has_exponent = pc.match_substring(numbers, "e", ignore_case=True)
    if not pc.any(has_exponent).as_py():
        return numbers
    texts = [None if each is None else _text(Decimal(each)) for each in numbers.to_pylist()]
    return pc.if_else(has_exponent, pa.array(texts, pa.string()), numbers)


def _divided(values: pa.Array, name: str, parts: pa.RecordBatch, is_split: pa.Array) -> pa.Array:
    """*values*, in rows of split charges the part of what is summable."""
    divide: Callable[[str, int, int], str]
    if name in SUMMABLE:
        divide = quantity_part
    elif name == "ContractApplied":
        divide = _contract_part
    else:
        return values
    if values.null_count == len(values) or not pc.any(is_split).as_py():
        return values
    rows = zip(
        values.to_pylist(),
        is_split.to_pylist(),
        parts.column("low").to_pylist(),
        parts.column("high").to_pylist(),
        strict=True,
    )
    return pa.array(
        [
            divide(text, low, high) if split and text is not None else text
            for text, split, low, high in rows
        ],
        pa.string(),
    )


@lru_cache(maxsize=65_536)
def quantity_part(text: str, low: int, high: int) -> str:
    """The part of a quantity between two proportions; consecutive parts sum to it exactly.

    >>> quantity_part("1", 0, ONE // 4), quantity_part("35.2E-7", 0, ONE)
    ('0.25', '0.00000352')
    """
    return _text(_decimal_part(Decimal(text), low, high))


def _decimal_part(whole: Decimal, low: int, high: int) -> Decimal:
    exponent = whole.as_tuple().exponent
    places = max(PLACES, -int(exponent))
    units = int(whole.scaleb(places))
    return Decimal(portion(units, high) - portion(units, low)).scaleb(-places)


def _text(number: Decimal) -> str:
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


@lru_cache(maxsize=8192)
def _contract_part(text: str, low: int, high: int) -> str:
    """What a contract covered of a charge, its costs and quantities divided as the charge is."""
    told = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    pieces = []
    for one in told if isinstance(told, list) else [told]:
        fields = one.items() if isinstance(one, dict) else ()
        shown = []
        for key, value in fields:
            if isinstance(value, Decimal):
                is_sum = key.endswith(("AppliedCost", "AppliedQuantity"))
                number = _text(_decimal_part(value, low, high) if is_sum else value)
                shown.append(f"{_json(key)}:{number}")
            else:
                shown.append(f"{_json(key)}:{_json(value)}")
        pieces.append("{" + ",".join(shown) + "}")
    return f"[{','.join(pieces)}]" if isinstance(told, list) else pieces[0]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_text)


def _own_columns(parts: pa.RecordBatch, origin: Origin) -> dict[str, pa.Array]:
    """Who has a part, how, how much of the charge, and where the charge came from."""
    runs, left, methods, labels = (
        parts.column(name).to_pylist() for name in ("run", "remainder", "method", "label")
    )
    bounds = zip(parts.column("low").to_pylist(), parts.column("high").to_pylist(), strict=True)
    tags, own_tags = parts.column("Tags").to_pylist(), parts.column("AllocatedTags").to_pylist()
    given = [
        tuple(origin.labels.get(run, {}).items()) if run else _label(label)
        for run, label in zip(runs, labels, strict=True)
    ]
    texts: dict[str, list[str | None]] = {
        "AllocatedMethodDetails": [method_details(low, high) for low, high in bounds],
        "AllocatedMethodId": [
            f"{OWN_METHOD}{method}" if run else f"{OWN_METHOD}{name}:{method}"
            for run, name, method in zip(runs, left, methods, strict=True)
        ],
        "AllocatedResourceId": runs,
        "AllocatedResourceName": [origin.names.get(run) if run else None for run in runs],
        "AllocatedTags": [merged_tags(*each) for each in zip(tags, own_tags, given, strict=True)],
        "x_Label": labels,
        "x_Method": methods,
        "x_OriginCharge": _charges(parts, origin.deliveries),
        "x_Remainder": left,
    }
    return {
        **{name: pa.array(values, pa.string()) for name, values in texts.items()},
        "x_OriginAllocatedMethodId": parts.column("AllocatedMethodId"),
        "x_OriginAllocatedResourceId": parts.column("AllocatedResourceId"),
    }


@lru_cache(maxsize=65_536)
def method_details(low: int, high: int) -> str:
    """AllocatedMethodDetails of a part: its ratio; the ratios of consecutive parts sum to 1.

    >>> method_details(0, ONE // 4)
    '{"Elements":[{"AllocatedRatio":0.25}]}'
    """
    whole = 10**_RATIO_PLACES
    ratio = Decimal(portion(whole, high) - portion(whole, low)).scaleb(-_RATIO_PLACES)
    return f'{{"Elements":[{{"AllocatedRatio":{_text(ratio)}}}]}}'


def _label(label: str | None) -> tuple[tuple[str, str], ...]:
    key, found, value = (label or "").partition("=")
    return ((key, value),) if found else ()


@lru_cache(maxsize=65_536)
def merged_tags(
    tags: str | None, allocated: str | None, labels: tuple[tuple[str, str], ...]
) -> str | None:
    """AllocatedTags: the charge's tags, what its provider allocated it by, and the owner's labels.

    Of two that share a key the later named counts.

    >>> merged_tags('{"env":"prod"}', None, (("team", "nlp"),))
    '{"env":"prod","team":"nlp"}'
    """
    merged: dict[str, Any] = {}
    for text in (tags, allocated):
        told = json.loads(text) if text else {}
        merged |= told if isinstance(told, dict) else {}
    merged |= dict(labels)
    return _json(dict(sorted(merged.items()))) if merged else None


def _charges(parts: pa.RecordBatch, deliveries: Mapping[str, str]) -> list[str | None]:
    """Each charge as ``trainfare explain --charge`` takes it: delivery/file:row."""
    folders = {
        name: deliveries.get(name.rpartition("/")[0], "?")[:12]
        for name in pc.unique(parts.column("file")).to_pylist()
    }
    rows = zip(
        parts.column("file").to_pylist(),
        parts.column("x_SourceFile").to_pylist(),
        parts.column("x_SourceRow").to_pylist(),
        strict=True,
    )
    return [f"{folders[file]}/{source}:{row}" for file, source, row in rows]
