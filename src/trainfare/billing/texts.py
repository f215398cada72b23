"""Text columns: distinct texts and codes of a whole column, picked, joined and put into other words."""

from __future__ import annotations

from collections.abc import Sequence

from trainfare.billing.arrow import pa, pc, text_of

NULL_TEXTS = ("NULL", "null", "Null", "\\N")
"""Words that providers and tools write where they mean no value."""

_NOTHING = pa.array(["", *NULL_TEXTS])


def known(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts, null where one is empty or a word for null."""
    nothing = pc.is_in(texts.dictionary, _NOTHING)
    if not pc.any(nothing).as_py():
        return texts
    codes = pc.if_else(spread(nothing, texts), pa.scalar(None, pa.int32()), texts.indices)
    return pa.DictionaryArray.from_arrays(codes, texts.dictionary)


def first_of(one: pa.DictionaryArray, other: pa.DictionaryArray) -> pa.DictionaryArray:
    """*one* where it is not null, else *other*."""
    if one.null_count == 0 or other.null_count == len(other):
        return one
    if one.null_count == len(one):
        return other
    return text_of(pc.coalesce(one.dictionary_decode(), other.dictionary_decode()))


def spread(flags: pa.BooleanArray, texts: pa.DictionaryArray) -> pa.BooleanArray:
    """What is said of each distinct text, for every row; false for null rows."""
    return pc.fill_null(flags.take(texts.indices), fill_value=False)


def only(texts: pa.DictionaryArray, where: pa.BooleanArray) -> pa.DictionaryArray:
    """The same texts, null where *where* is false."""
    codes = pc.if_else(where, texts.indices, pa.scalar(None, pa.int32()))
    return pa.DictionaryArray.from_arrays(codes, texts.dictionary)


def translated(texts: pa.DictionaryArray, words: Sequence[str | None]) -> pa.DictionaryArray:
    """(n,) the word for each distinct text, in the order of the texts' dictionary."""
    distinct = pa.array(words, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(texts.indices), distinct.dictionary)
