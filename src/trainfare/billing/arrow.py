"""PyArrow, asked for once: every file of this room takes it from here.

Importing this room without the ``analytics`` extra raises one sentence, not an ImportError.
"""

from __future__ import annotations

import os

from trainfare.core.errors import MissingExtra

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, parquet
except ImportError:
    raise MissingExtra("analytics", "read bills") from None

if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ and "jemalloc" in pa.supported_memory_backends():
    # Importing ten million rows peaks at 316 MB with jemalloc, at 404 MB with PyArrow's own choice.
    pa.set_memory_pool(pa.jemalloc_memory_pool())

__all__ = ["TEXT", "constant", "csv", "pa", "parquet", "pc", "row_numbers", "text_of"]

TEXT = pa.dictionary(pa.int32(), pa.string())
"""The type of every text column on its way: codes into the distinct values."""


def constant(value: str | None, rows: int) -> pa.DictionaryArray:
    """(rows,) text that says *value* in every row."""
    codes = pa.repeat(pa.scalar(0 if value is not None else None, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(codes, pa.array([value or ""], pa.string()))


def row_numbers(first: int, rows: int) -> pa.Int64Array:
    """(rows,) whole numbers counting up from *first*."""
    return pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), rows), start=first - 1)


def text_of(values: pa.Array) -> pa.DictionaryArray:
    """Any column as distinct texts and codes; floats by their shortest exact spelling (repr).

    >>> text_of(pa.array([1, 2, 1])).dictionary.to_pylist()
    ['1', '2']
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if kind == TEXT:
        if len(values.dictionary) <= len(values):
            return values
        values, kind = values.dictionary_decode(), pa.string()  # a small part of a big row group
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(
            values.indices.cast(pa.int32()), values.dictionary.cast(pa.string())
        )
    if pa.types.is_null(kind):
        return constant(None, len(values))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        values, kind = values.cast(pa.string()), pa.string()
    if pa.types.is_string(kind):
        return values.dictionary_encode()
    distinct = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices, distinct.dictionary.cast(pa.string()))
