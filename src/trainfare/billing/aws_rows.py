"""Line items of AWS under one set of names, whichever report they come from.

The legacy Cost and Usage Report writes ``lineItem/UnblendedCost``, its Parquet form and CUR 2.0
write ``line_item_unblended_cost``; letters and digits alone are the same, so a column is found by
them. CUR 2.0 keeps products and tags in maps (Parquet) or JSON text (CSV) where the legacy report
has a column for each.

Source: AWS Data Exports user guide, "Cost and Usage Report (CUR) 2.0" and "Migrating from CUR".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trainfare.billing import tags
from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.texts import first_of, known, spread, translated

_TAGS = re.compile(r"resource_?tags(?:/|_(?!$))(?P<key>.+)", re.IGNORECASE)
_GROUPS = ("bill", "line_item", "pricing", "product", "reservation", "savings_plan")
_UNREAD = re.compile(
    r"identity|costcategory|lineitem(blended|net|normali)"
    r"|product(?!$|productname|sku|regioncode|region$|instancetype$)"
)
_spelt = json.JSONEncoder(ensure_ascii=False).encode


def _bare(name: str) -> str:
    """Letters and digits of a column's name, in small letters.

    >>> _bare("lineItem/UnblendedCost") == _bare("line_item_unblended_cost")
    True
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Header:
    """The columns of one report, found by their CUR 2.0 names."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Sort the columns of a file."""
        self.tags = {match["key"]: name for name in columns if (match := _TAGS.fullmatch(name))}
        self._named = {
            _bare(name): name for name in reversed(columns) if name not in self.tags.values()
        }
        self._is_legacy = any("/" in name for name in columns)

    @property
    def wanted(self) -> list[str]:
        """The columns that are read: a report has hundreds of others, mostly about products."""
        named = (name for bare, name in self._named.items() if not _UNREAD.match(bare))
        return [*named, *self.tags.values()]

    def found(self, names: Sequence[str]) -> list[str]:
        """What the file calls those of *names* that it has."""
        return [found for name in names if (found := self.find(name)) is not None]

    def find(self, name: str) -> str | None:
        """What the file calls the CUR 2.0 column *name*; None when it has no such column."""
        return self._named.get(_bare(name))

    def told(self, name: str) -> str:
        """What to call *name* in a message: as the file does, or as its kind of report would.

        >>> Header(["bill/BillType"]).told("line_item_usage_end_date")
        'lineItem/UsageEndDate'
        """
        found = self.find(name)
        if found is not None or not self._is_legacy:
            return found or name
        group = next((group for group in _GROUPS if name.startswith(f"{group}_")), "")
        first, *others = group.split("_")
        rest = name[len(group) + 1 :].replace("a_r_n", "ARN").split("_")
        return f"{first}{''.join(map(str.title, others))}/" + "".join(
            word if word == "ARN" else word.title() for word in rest
        )


@dataclass(slots=True)
class Rows:
    """The line items of one chunk; every answer is one value per row."""

    header: Header
    chunk: Chunk
    draft: Draft
    desk: Desk
    types: pa.DictionaryArray
    """(n,) LineItemType."""

    def __len__(self) -> int:
        return len(self.chunk)

    def column(self, name: str) -> pa.Array | None:
        """(n,) values of the CUR 2.0 column *name* as they came, or None."""
        return column_of(self.header, self.chunk, name)

    def texts(self, *names: str) -> pa.DictionaryArray:
        """(n,) text of the first of *names* that says something in a row; null where none does."""
        return texts_of(self.header, self.chunk, *names)

    def of_type(self, *types: str) -> pa.BooleanArray:
        """(n,) whether a line item is of one of *types*."""
        return spread(pc.is_in(self.types.dictionary, pa.array(types)), self.types)

    def has_type(self, *types: str) -> bool:
        """Whether any line item here may be of one of *types*; costs nothing."""
        return bool(pc.any(pc.is_in(self.types.dictionary, pa.array(types))).as_py())

    def amounts(self, name: str, where: pa.BooleanArray | None = None) -> Exact:
        """(n,) exact amounts of a column; null where nothing is said, or *where* is false.

        Only the rows of *where* are looked at: tools write odd words where no amount belongs.
        """
        values = self.column(name)
        if values is None:
            return Exact(pa.nulls(len(self), pa.int64()))
        if where is not None:
            values = pc.if_else(where, text_of(values).dictionary_decode(), None)
        return self.draft.exact(values, self.desk, source=self.header.told(name))

    def needed(self, name: str, where: pa.BooleanArray, why: str) -> Exact:
        """Like :meth:`amounts`; one that is missing in a row of *where* is a problem, and 0 here."""
        exact = self.amounts(name, where)
        absent = pc.and_(where, exact.nano.is_null())
        if pc.any(absent).as_py():
            column = self.header.told(name)
            lacks = "is empty" if self.column(name) is not None else "is not in the file"
            self.draft.problem(self.desk, column, f"{lacks}, and {why} needs it", absent, None)
            return Exact(pc.if_else(absent, 0, exact.nano), exact.limbs)
        return exact


def column_of(header: Header, chunk: Chunk, name: str) -> pa.Array | None:
    """(n,) values of the CUR 2.0 column *name*, or None."""
    found = header.find(name)
    return None if found is None else chunk.column(found)


def texts_of(header: Header, chunk: Chunk, *names: str) -> pa.DictionaryArray:
    """(n,) text of the first of *names* that says something in a row; null where none does.

    ``product['region']`` is an entry of the map ``product``.
    """
    result = None
    for name in names:
        column, _, key = name.partition("[")
        values = column_of(header, chunk, column)
        if values is None:
            continue
        texts = _entry(_map_texts(values), key.strip("']")) if key else known(text_of(values))
        result = texts if result is None else first_of(result, texts)
        if result.null_count == 0:
            break
    return constant(None, len(chunk)) if result is None else result


def _map_texts(values: pa.Array) -> pa.DictionaryArray:
    """(n,) JSON objects of a map column, whether it is a map, a struct or text already."""
    return tags.text_of_nested(values) if pa.types.is_nested(values.type) else text_of(values)


def _entry(objects: pa.DictionaryArray, key: str) -> pa.DictionaryArray:
    """(n,) the text under *key* of each object; null where there is none."""
    found = [_parsed(text).get(key) for text in objects.dictionary.to_pylist()]
    return translated(objects, [None if not text else str(text) for text in found])


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def tags_of(rows: Rows) -> pa.DictionaryArray:
    """(n,) one JSON object of each row's tags; user-defined keys lose their prefix.

    Legacy reports have a column per key (``resourceTags/user:team``), their Parquet form and CUR
    2.0 write ``user_team``; ``aws:`` and ``aws_`` stay, for they say who defined the tag.
    """
    entries = rows.column("resource_tags")
    if entries is not None:
        objects = _map_texts(entries)
        return translated(objects, [_renamed(text) for text in objects.dictionary.to_pylist()])
    parts = []
    for key, name in rows.header.tags.items():
        values = rows.chunk.column(name)
        texts = known(text_of(values)) if values is not None else constant(None, len(rows))
        if texts.null_count < len(rows):
            start = _spelt(user_key(key))
            pairs = [f",{start}:{_spelt(text)}" for text in texts.dictionary.to_pylist()]
            found = pa.array(pairs, pa.string()).take(texts.indices)
            parts.append(pc.fill_null(found, ""))  # a join that skips nulls drops rows of them
    if not parts:
        return constant(None, len(rows))
    joined = pc.binary_join_element_wise(*parts, "").dictionary_encode()
    spelt = [f"{{{text[1:]}}}" if text else None for text in joined.dictionary.to_pylist()]
    return translated(joined, spelt)


def user_key(key: str) -> str:
    """A tag's key without the prefix that says that users defined it.

    >>> user_key("user:run_id"), user_key("user_team"), user_key("aws:eks:cluster-name")
    ('run_id', 'team', 'aws:eks:cluster-name')
    """
    return key[5:] if key[:5].lower() in ("user:", "user_") and len(key) > 5 else key


@lru_cache(maxsize=32768)
def _renamed(text: str | None) -> str | None:
    """A JSON object with the keys that users gave; anything else as it is, to be told of later."""
    found = _parsed(text)
    if not found:
        return text
    kept = {user_key(key): value for key, value in found.items() if value not in (None, "")}
    return _spelt(kept)
