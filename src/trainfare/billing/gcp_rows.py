"""Rows of Google's billing export under one set of names, whichever form they come in.

BigQuery keeps groups of fields: ``service.description`` is a field of a struct in Parquet, of an
object in JSON lines, and of a text that holds such an object in some CSV files. Others flatten it to
a column of its own, ``service.description`` or ``service_description``. A name here is the dotted
one, and every form answers it.

Source: Google Cloud Billing, "Structure of Detailed data export".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.chunks import chunks_of, header_of, records_of
from trainfare.billing.source import SourceFile
from trainfare.billing.tags import text_of_nested
from trainfare.billing.texts import first_of, known, spread, translated

LISTS = ("credits", "labels", "project.labels", "system_labels", "tags")
"""Names that hold lists of objects."""
LEAVES = (
    *("billing_account_id", "cost", "cost_at_list", "cost_at_effective_price_default", "cost_type"),
    *("currency", "currency_conversion_rate", "seller_name", "usage_start_time", "usage_end_time"),
    *(f"adjustment_info.{name}" for name in ("description", "id", "mode", "type")),
    *(f"consumption_model.{name}" for name in ("description", "id")),
    *("invoice.month", "subscription.instance_id"),
    *(f"location.{name}" for name in ("location", "region", "zone")),
    *(f"price.{name}" for name in ("effective_price", "list_price", "unit")),
    *(f"project.{name}" for name in ("id", "name", "number")),
    *(f"resource.{name}" for name in ("global_name", "name")),
    *(f"service.{name}" for name in ("description", "id")),
    *(f"sku.{name}" for name in ("description", "id")),
    *(f"usage.{name}" for name in ("amount", "amount_in_pricing_units", "pricing_unit", "unit")),
)
"""Names that hold one value."""

_OTHER_NAMES = {"project.labels": "labels_1"}
"""What BigQuery calls the second of two columns that would have the same name."""
_RECORDS = 16_384
_spelt = json.JSONEncoder(ensure_ascii=False).encode


def chunks(file: SourceFile, desk: Desk, names: Sequence[str] = ()) -> Iterator[Chunk]:
    """The rows of one file; those of JSON with a column for each name.

    Args:
        file: CSV, Parquet or JSON (lines or one array).
        desk: collects what cannot be read.
        names: what is asked for; everything when left out.
    """
    asked = tuple(names) or (*LEAVES, *LISTS)
    if file.form != "json":
        wanted = {name for path in asked for name in _columns(path)}
        header = header_of(file)
        yield from chunks_of(
            file, desk.problems, wanted=[name for name in header if name in wanted]
        )
        return
    records = (record for _, record in records_of(file))
    first = 1
    while (batch := _of_records(islice(records, _RECORDS), asked)).num_rows:
        yield Chunk(file.name, first, batch)
        first += batch.num_rows


def _columns(path: str) -> tuple[str, ...]:
    """Every column that may hold *path*, the best first."""
    flat = path.replace(".", "_")
    other = _OTHER_NAMES.get(path)
    return (path, flat, path.partition(".")[0], *([other] if other else []))


def has(columns: Sequence[str], path: str) -> bool:
    """Whether one of *columns* may hold *path*."""
    return not set(_columns(path)).isdisjoint(columns)


def _of_records(records: Iterable[dict[str, Any]], paths: Sequence[str]) -> pa.RecordBatch:
    """A column of text for each path; lists and objects as JSON text.

    Every record is taken apart at once. Many that live together would keep Python's garbage
    collector busy, which then takes longer than reading them.
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        group, _, name = path.rpartition(".")
        if path not in LISTS:
            groups.setdefault(group, []).append(name)
    plan = [(group, names, list[Any]()) for group, names in groups.items()]
    lists = [(path.rpartition("."), list[str | None]()) for path in paths if path in LISTS]
    for record in records:
        for group, names, values in plan:
            owner = record.get(group) if group else record
            values.extend(map((owner if isinstance(owner, dict) else _NOTHING).get, names))
        for (group, _, name), texts in lists:
            owner = record.get(group) if group else record
            texts.append(_list_text(owner.get(name)) if isinstance(owner, dict) else None)
    columns = {
        f"{group}.{name}" if group else name: _column(values[place :: len(names)])
        for group, names, values in plan
        for place, name in enumerate(names)
    }
    columns.update({"".join(parts): _column(texts) for parts, texts in lists})
    return pa.RecordBatch.from_pydict(columns)


def _column(values: list[Any]) -> pa.DictionaryArray:
    try:
        return pa.array(values, pa.string()).dictionary_encode()
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_text(each) for each in values], pa.string()).dictionary_encode()


_NOTHING: dict[str, Any] = {}


def _text(value: Any) -> str | None:
    """A list, an object or a word of JSON as text; nothing for an empty one."""
    if isinstance(value, str):
        return value
    return _spelt(value) if value or value is False else None


def _list_text(value: Any) -> str | None:
    """A list as text; a bill has few lists of labels, and each is spelt once."""
    try:
        labels = tuple([(each["key"], each["value"]) for each in value])
        return _labels_text(labels) if labels else None
    except (TypeError, KeyError):
        return _text(value)


@lru_cache(maxsize=32768)
def _labels_text(labels: tuple[tuple[Any, Any], ...]) -> str:
    return _spelt([{"key": key, "value": value} for key, value in labels])


@dataclass(slots=True)
class Rows:
    """The rows of one chunk; every answer is one value per row."""

    chunk: Chunk
    draft: Draft
    desk: Desk
    _objects: dict[str, list[Any]] = field(default_factory=dict)
    """Column of JSON text → what its distinct texts hold."""

    def __len__(self) -> int:
        return len(self.chunk)

    def column(self, path: str) -> pa.Array | None:
        """(n,) values of *path* as they came, or None where the file has none."""
        flat, inner = path.replace(".", "_"), path.partition(".")[2]
        for name in (path, flat, _OTHER_NAMES.get(path, flat)):
            values = self.chunk.column(name)
            if values is not None:
                return _plain(values)
        root = self.chunk.column(path.partition(".")[0]) if inner else None
        if root is None:
            return None
        if pa.types.is_struct(root.type):
            has_it = root.type.get_field_index(inner) >= 0
            return _plain(pc.struct_field(root, inner)) if has_it else None
        return self._inner(path.partition(".")[0], text_of(root), inner)

    def texts(self, *paths: str) -> pa.DictionaryArray:
        """(n,) text of the first of *paths* that says something in a row; null where none does."""
        result = None
        for path in paths:
            values = self.column(path)
            if values is None:
                continue
            texts = known(text_of_nested(values))
            result = texts if result is None else first_of(result, texts)
            if result.null_count == 0:
                break
        return constant(None, len(self)) if result is None else result

    def said(self, texts: pa.DictionaryArray, pattern: str) -> pa.BooleanArray:
        """(n,) whether *pattern* is found in a text, without regard to case."""
        found = pc.match_substring_regex(texts.dictionary, pattern, ignore_case=True)
        return spread(found, texts)

    def _inner(self, root: str, texts: pa.DictionaryArray, name: str) -> pa.DictionaryArray:
        """(n,) the field *name* of objects in JSON text."""
        if root not in self._objects:
            self._objects[root] = [_parsed(text) for text in texts.dictionary.to_pylist()]
        found = [each.get(name) for each in self._objects[root]]
        spelt = [each if each is None or isinstance(each, str) else _spelt(each) for each in found]
        return translated(texts, spelt)


def _plain(values: pa.Array) -> pa.Array:
    """Large lists, as some data frames write them, as lists."""
    kind = values.type
    return values.cast(pa.list_(kind.value_type)) if pa.types.is_large_list(kind) else values


def is_list_of(values: pa.Array, *names: str) -> bool:
    """Whether values are lists of objects with fields of those names."""
    if not pa.types.is_list(values.type) or not pa.types.is_struct(values.type.value_type):
        return False
    return all(values.type.value_type.get_field_index(name) >= 0 for name in names)


_decode = json.JSONDecoder(parse_float=str, parse_int=str).decode


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        value = _decode(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def combined(columns: Sequence[pa.DictionaryArray]) -> tuple[pa.Int32Array, list[tuple[int, ...]]]:
    """Fold columns into one: (n,) codes, and for each code the place in every dictionary.

    A place behind the end of its dictionary is a null.
    """
    folded = pa.repeat(pa.scalar(0, pa.int64()), len(columns[0]))
    sizes = [len(texts.dictionary) + 1 for texts in columns]
    for texts, size in zip(columns, sizes, strict=True):
        codes = pc.fill_null(texts.indices.cast(pa.int64()), size - 1)
        folded = pc.add(pc.multiply(folded, size), codes)
    distinct = folded.dictionary_encode()
    return distinct.indices, [_places(code, sizes) for code in distinct.dictionary.to_pylist()]


def _places(code: int, sizes: Sequence[int]) -> tuple[int, ...]:
    places = []
    for size in reversed(sizes):
        code, place = divmod(code, size)
        places.append(place)
    return tuple(reversed(places))
