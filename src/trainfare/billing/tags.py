"""Tags: what providers write in JSON columns, brought to one spelling.

The canonical text of tags is one JSON object with sorted keys and no spaces. User-defined keys have
no prefix, provider-defined ones keep theirs (``aws:…``), as FOCUS asks. A tag without a value is
``true``. Working on distinct texts keeps this cheap: a bill has far fewer tag sets than rows.
"""

from __future__ import annotations

import ast
import json
from functools import lru_cache, partial
from typing import Any

from trainfare.billing.arrow import pa, pc, text_of

COLUMNS = ("Tags", "AllocatedTags")
"""JSON columns that hold tags: one object of keys and plain values."""

USER_PREFIX = "user:"
"""What AWS puts before the keys of user-defined tags in its cost and usage reports."""

_sorted = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_NUMBER = "\ue000"
"""Stands around a number while it is text, so that 1.10 stays 1.10; of Unicode's private use."""

_plain = json.JSONEncoder(ensure_ascii=False).encode


def canonical(
    texts: pa.DictionaryArray, *, is_tags: bool = True
) -> tuple[pa.DictionaryArray, list[tuple[str, pa.BooleanArray]]]:
    """Bring JSON texts to their canonical spelling.

    Args:
        texts: (n,) JSON, Azure's objects without braces, key/value lists or Python literals.
        is_tags: whether it holds tags; other JSON keeps its lists and key prefixes.

    Returns:
        (n,) canonical texts; and what was repaired, with the rows it was repaired in.

    >>> canonical(text_of(pa.array(['"b": "2","a": "1"'])))[0].to_pylist()
    ['{"a":"1","b":"2"}']
    """
    read = [_canonical(text, is_tags) for text in texts.dictionary.to_pylist()]
    fresh = pa.array([text for text, _ in read], pa.string())
    repairs = []
    for what in sorted({note for _, notes in read for note in notes}):
        spotted = pa.array([what in notes for _, notes in read])
        mask = pc.fill_null(spotted.take(texts.indices), fill_value=False)
        repairs.append((what, mask))
    indices = texts.indices
    if fresh.null_count:
        none = pa.scalar(None, pa.int32())
        gone = pc.fill_null(fresh.is_null().take(indices), fill_value=False)
        indices, fresh = pc.if_else(gone, none, indices), pc.fill_null(fresh, "")
    return pa.DictionaryArray.from_arrays(indices, fresh), repairs


@lru_cache(maxsize=32768)
def _canonical(text: str, is_tags: bool) -> tuple[str | None, tuple[str, ...]]:
    """One text in canonical spelling (None for an empty one), and what was repaired."""
    repairs: list[str] = []
    value = _parsed(text.strip(), repairs)
    if isinstance(value, list) and is_tags:
        value = _of_pairs(value)
    if not isinstance(value, dict if is_tags else dict | list):
        value, repairs = {"x_text": text}, ["not-json"]
    if is_tags:
        value = _without_user_prefix(value, repairs)
    if value in ({}, []):
        return None, tuple(repairs)
    spelt = _sorted(value)
    if _may_mark(text):
        spelt = spelt.replace(f'"{_NUMBER}', "").replace(f'{_NUMBER}"', "")
    try:
        spelt.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only its escape can be written
        spelt = spelt.encode("ascii", "backslashreplace").decode()
    return spelt, tuple(repairs)


def _parsed(text: str, repairs: list[str]) -> Any:
    """The value that a text spells in JSON, without braces, or in Python; None for none of them."""
    read_float = _marked if _may_mark(text) else float
    for spelling, repair in ((text, ""), (f"{{{text}}}", "braces-added")):
        twice: list[str] = []
        try:
            value = json.loads(
                spelling,
                parse_float=read_float,
                parse_constant=_refused,
                object_pairs_hook=partial(_object, repairs=twice),
            )
        except (ValueError, RecursionError):
            continue
        repairs += [*([repair] if repair else []), *twice]
        return value
    if "'" not in text or "\\" in text:
        return None
    try:
        value = ast.literal_eval(text)
        _sorted(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    repairs.append("python-literal")
    return value


def _may_mark(text: str) -> bool:
    """Whether the mark cannot be a part of the text itself."""
    return _NUMBER not in text and "\\ue000" not in text.lower()


def _marked(digits: str) -> str:
    return f"{_NUMBER}{digits}{_NUMBER}"


def _refused(word: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(word)


def _object(pairs: list[tuple[str, Any]], repairs: list[str]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs) and "key-twice" not in repairs:
        repairs.append("key-twice")
    return made


def _of_pairs(value: list[Any]) -> Any:
    """``[{"key": k, "value": v}, …]`` as one object; anything else as it is."""
    if not all(isinstance(pair, dict) and "key" in pair for pair in value):
        return value
    return {
        str(pair["key"]): True if pair.get("value") in (None, "") else pair["value"]
        for pair in value
    }


def _without_user_prefix(value: dict[str, Any], repairs: list[str]) -> dict[str, Any]:
    """Keys without ``user:``, unless the bare key is there as well."""
    if not any(key.startswith(USER_PREFIX) for key in value):
        return value
    repairs.append("user-prefix-removed")
    result = {}
    for key, inner in value.items():
        bare = key.removeprefix(USER_PREFIX)
        result[key if bare in value and bare != key else bare] = inner
    return result


def text_of_nested(values: pa.Array) -> pa.DictionaryArray:
    """Maps, structs and lists of a Parquet file as JSON text; a map's null value is ``true``.

    >>> kind = pa.map_(pa.string(), pa.string())
    >>> text_of_nested(pa.array([[("a", "1"), ("b", None)], None], kind)).to_pylist()
    ['{"a":"1","b":true}', None]
    """
    kind = values.type
    if pa.types.is_map(kind):
        return _text_of_map(values)
    if pa.types.is_nested(kind):
        texts = [
            None if row is None else json.dumps(row, default=str) for row in values.to_pylist()
        ]
        return text_of(pa.array(texts, pa.string()))
    return text_of(values)


def _text_of_map(values: pa.MapArray) -> pa.DictionaryArray:
    """(n,) JSON objects, their keys in the order of the file."""
    start, end = values.offsets[0].as_py(), values.offsets[-1].as_py()
    keys, items = text_of(values.keys[start:end]), text_of(values.items[start:end])
    width = len(items.dictionary) + 1
    item_codes = pc.fill_null(items.indices, width - 1).cast(pa.int64())
    pairs = pc.add(pc.multiply(keys.indices.cast(pa.int64()), width), item_codes)
    distinct = pairs.dictionary_encode()
    names, worths = _json(keys.dictionary), [*_json(items.dictionary), "true"]
    spelt = [
        f"{names[pair // width]}:{worths[pair % width]}" for pair in distinct.dictionary.to_pylist()
    ]
    offsets = pc.subtract(values.offsets, start)
    rows = pa.ListArray.from_arrays(offsets, distinct.indices)
    return _joined(rows, pa.array(spelt, pa.string()), values.is_valid())


def _json(texts: pa.StringArray) -> list[str]:
    """Each text as JSON."""
    return [_plain(text) for text in texts.to_pylist()]


def _joined(
    rows: pa.ListArray, pairs: pa.StringArray, known: pa.BooleanArray
) -> pa.DictionaryArray:
    """The pairs of each row as one object: by their codes where rows are alike, else as text."""
    lengths = pc.min_max(pc.list_value_length(rows))
    most = lengths["max"].as_py() or 0
    alike = most == lengths["min"].as_py() and most > 0
    if alike and pc.all(known).as_py() and len(pairs) ** most < 2**62:
        combined = pa.repeat(pa.scalar(0, pa.int64()), len(rows))
        for place in range(most):
            code = pc.list_element(rows, place).cast(pa.int64())
            combined = pc.add(pc.multiply(combined, len(pairs)), code)
        distinct = combined.dictionary_encode()
        texts = []
        spelt = pairs.to_pylist()
        for combination in distinct.dictionary.to_pylist():
            parts, left = [], combination
            for _ in range(most):
                left, code = divmod(left, len(pairs))
                parts.append(spelt[code])
            texts.append("{" + ",".join(reversed(parts)) + "}")
        return pa.DictionaryArray.from_arrays(distinct.indices, pa.array(texts, pa.string()))
    lists = pa.ListArray.from_arrays(rows.offsets, pairs.take(rows.values))
    texts = pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")
    return pc.if_else(known, texts, None).dictionary_encode()
