"""Credits: what Google takes off a row, kept with it.

Each row carries a list of credits, each with an amount below 0 and a type:

====================================  =====================================================
SUSTAINED_USAGE_DISCOUNT              ran for much of the month
COMMITTED_USAGE_DISCOUNT              covered by a commitment to machines (cores, RAM, GPUs)
COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE  covered by a commitment to spend
FEE_UTILIZATION_OFFSET                on the fee of such a commitment, in the newer model: its use
DISCOUNT, FREE_TIER, PROMOTION,       what their names say
RESELLER_MARGIN, SUBSCRIPTION_BENEFIT
====================================  =====================================================

The net cost of a row is its cost and the sum of its credits. Exports of before September 2020 have
no type; then the name tells. Source: Google Cloud Billing, "Structure of Detailed data export".
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import Any

from trainfare.billing.amounts import Exact, exact_of
from trainfare.billing.arrow import constant, pa, pc, row_numbers, text_of
from trainfare.billing.gcp_rows import Rows, combined, is_list_of
from trainfare.billing.tags import text_of_nested
from trainfare.billing.texts import known, spread

_META = ("full_name", "id", "name", "type")
_spelt = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder(parse_float=str, parse_int=str).decode
_NOT_A_LIST = "is not a list of credits, each with an amount"

MACHINES, SPEND = "Usage", "Spend"
"""What a commitment is to, as FOCUS categories call it."""
_OFFSET, _OTHER = "Offset", ""


@dataclass(frozen=True, slots=True)
class _Flat:
    """Lists one after the other: list i holds the credits [offsets[i], offsets[i + 1])."""

    offsets: pa.Int32Array
    amounts: pa.Array
    meta: pa.Int32Array
    """What stands beside each amount, as a position in *metas*."""
    metas: list[tuple[str | None, ...]]
    """Full name, id, name and type."""


@dataclass(frozen=True, slots=True)
class Credits:
    """(n,) what the credits of each row add up to."""

    total: Exact
    machines: Exact
    """Credits of commitments to machines."""
    spend: Exact
    """Credits of commitments to spend."""
    on_fee: pa.BooleanArray
    """Whether a credit offsets the fee of a commitment by its use."""
    _flat: _Flat | None
    _places: pa.Int32Array

    def names(self, *kinds: str) -> pa.DictionaryArray:
        """(n,) the name of each row's first credit of *kinds*; null where there is none."""
        if self._flat is None:
            return constant(None, len(self._places))
        return _names(self._flat, self._places, kinds)

    @property
    def texts(self) -> pa.DictionaryArray:
        """(n,) every credit, as canonical JSON; null where there is none."""
        if self._flat is None:
            return constant(None, len(self._places))
        return _spelt_lists(self._flat).take(self._places).dictionary_encode()


def credits_of(rows: Rows) -> Credits:
    """Read the credits of every row; what is wrong goes to the problems."""
    values = rows.column("credits")
    if values is None:
        zero = Exact.zero(len(rows))
        return Credits(zero, zero, zero, zero.is_nonzero(), None, row_numbers(0, len(rows)))
    if is_list_of(values, "amount"):
        return _summed(_of_lists(values), rows, row_numbers(0, len(rows)).cast(pa.int32()))
    texts = known(text_of_nested(values))
    try:
        flat = _of_objects(_lists_in(texts.dictionary))
    except _ODD:
        flat = _one_by_one(texts, rows)
    return _summed(flat, rows, texts.indices)


_ODD = (TypeError, KeyError, AttributeError, ValueError, RecursionError)


def _one_by_one(texts: pa.DictionaryArray, rows: Rows) -> _Flat:
    """Credits of texts that are not all plain JSON; what is no list is a problem."""
    found = [_list_in(text) for text in texts.dictionary.to_pylist()]
    wrong = spread(pa.array([each is None for each, _ in found], pa.bool_()), texts)
    if pc.any(wrong).as_py():
        rows.draft.problem(rows.desk, "credits", _NOT_A_LIST, wrong, texts)
    literal = spread(pa.array([is_literal for _, is_literal in found], pa.bool_()), texts)
    rows.draft.note("x_Credits", "python-literal", literal)
    return _of_objects([each or [] for each, _ in found])


def _of_lists(values: pa.ListArray) -> _Flat:
    """Credits of nested columns."""
    inner = values.flatten()
    lengths = pc.fill_null(pc.list_value_length(values), 0).cast(pa.int32())
    fields = [
        text_of(pc.struct_field(inner, name))
        if inner.type.get_field_index(name) >= 0
        else constant(None, len(inner))
        for name in _META
    ]
    codes, combinations = combined(fields)
    words = [[*texts.dictionary.to_pylist(), None] for texts in fields]
    metas = [
        tuple(each[place] for each, place in zip(words, places, strict=True))
        for places in combinations
    ]
    return _Flat(_offsets(lengths), pc.struct_field(inner, "amount"), codes, metas)


def _of_objects(lists: list[list[dict[str, Any]]]) -> _Flat:
    """Credits that were read as objects, their amounts as text.

    Raises:
        One of :data:`_ODD`: one is no such credit.
    """
    flat = [each for found in lists for each in found]
    amounts = pa.array([each["amount"] for each in flat], pa.string())
    metas: dict[tuple[str | None, ...], int] = {}
    codes = [metas.setdefault(tuple(map(each.get, _META)), len(metas)) for each in flat]
    if amounts.null_count or not all(
        isinstance(word or "", str) for each in metas for word in each
    ):
        raise TypeError
    lengths = pa.array([len(each) for each in lists], pa.int32())
    return _Flat(_offsets(lengths), amounts, pa.array(codes, pa.int32()), list(metas))


def _lists_in(texts: pa.StringArray) -> list[list[dict[str, Any]]]:
    """The lists in texts, all read at once.

    A text that is no list by itself, but is one beside its neighbours, has another number of amounts
    than its list. Raises one of :data:`_ODD` then, and where a text is no JSON.
    """
    plain = pc.utf8_trim_whitespace(pc.if_else(pc.equal(texts, ""), "[]", texts))
    lists: list[list[dict[str, Any]]] = _decode(f"[{','.join(plain.to_pylist())}]")
    counts = pc.count_substring(plain, '"amount"').to_pylist()
    if [len(found) for found in lists] != counts:
        raise ValueError
    return lists


def _offsets(lengths: pa.Int32Array) -> pa.Int32Array:
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])


def _list_in(text: str | None) -> tuple[list[dict[str, Any]] | None, bool]:
    """The credits in a text, None where it holds no such list; and whether it is Python, not JSON."""
    text, is_literal = (text or "").strip(), False
    if text in ("", "[]", "{}", "null"):
        return [], False
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        try:
            value, is_literal = ast.literal_eval(text), True
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None, False
    if not isinstance(value, list):
        return None, False
    found = []
    for each in value:
        if not isinstance(each, dict) or each.get("amount") in (None, ""):
            return None, False
        keys = ("amount", *(key for key in _META if each.get(key) is not None))
        found.append({key: str(each[key]) for key in keys})
    return found, is_literal


def _summed(flat: _Flat, rows: Rows, places: pa.Int32Array) -> Credits:
    """What each row's credits add up to; row i has the list at places[i], or none.

    A credit that is no number is a problem of every row that has it.
    """
    exact, bad, what = exact_of(flat.amounts)
    if bad is None and exact.nano.null_count:
        bad, what = exact.nano.is_null(), _NOT_A_LIST
    if bad is not None:
        counts = _sums(bad.cast(pa.int64()), flat.offsets)
        mask = pc.fill_null(pc.greater(counts, 0).take(places), fill_value=False)
        rows.draft.problem(rows.desk, "credits.amount", what, mask, None)
    exact, zero = exact.or_zero(), Exact.zero(len(exact.nano))
    kinds = [_kind(meta) for meta in flat.metas]
    parts = [exact]
    for kind in (MACHINES, SPEND, _OFFSET):
        here = pa.array([each == kind for each in kinds], pa.bool_()).take(flat.meta)
        parts.append(exact.where(here, zero))
    total, machines, spend, offset = (_per_row(part, flat.offsets, places) for part in parts)
    return Credits(total, machines, spend, offset.is_nonzero(), flat, places)


def _per_row(exact: Exact, offsets: pa.Int32Array, places: pa.Int32Array) -> Exact:
    limbs = tuple(_sums(limb, offsets) for limb in exact.limbs)
    return Exact(_sums(exact.nano, offsets), limbs).take(places).or_zero()


def _sums(values: pa.Int64Array, offsets: pa.Int32Array) -> pa.Int64Array:
    """The sum of each list; a running sum that wraps around changes no difference."""
    running = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(values)])
    ends, starts = offsets[1:], offsets[: len(offsets) - 1]
    return pc.subtract(running.take(ends), running.take(starts))


def _kind(meta: tuple[str | None, ...]) -> str:
    """What a credit is for: by its type, else by its name.

    >>> _kind((None, None, "Committed Usage Discount: RAM", None))
    'Usage'
    """
    full_name, _, name, kind = meta
    if kind:
        return _KINDS.get(kind, _OTHER)
    words = (full_name or name or "").lower()
    if not words.startswith(("committed usage discount", "committed use discount")):
        return _OTHER
    return SPEND if "dollar" in words or "spend" in words else MACHINES


_KINDS = {
    "COMMITTED_USAGE_DISCOUNT": MACHINES,
    "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE": SPEND,
    "FEE_UTILIZATION_OFFSET": _OFFSET,
}


def _names(flat: _Flat, places: pa.Int32Array, kinds: tuple[str, ...]) -> pa.DictionaryArray:
    """(n,) the name of each row's first credit of *kinds*."""
    here = pa.array([_kind(meta) in kinds for meta in flat.metas], pa.bool_()).take(flat.meta)
    found = pc.indices_nonzero(here)
    numbers = pa.ListArray.from_arrays(flat.offsets, row_numbers(0, len(flat.meta)))
    owners = pc.list_parent_indices(numbers).take(found)
    firsts = pa.table([owners, found], ["list", "at"]).group_by("list").aggregate([("at", "min")])
    lists = row_numbers(0, len(flat.offsets) - 1)
    position = pc.index_in(lists, firsts.column("list").combine_chunks().cast(pa.int64()))
    meta = flat.meta.take(firsts.column("at_min").combine_chunks())
    words = [name[0] or name[2] or name[1] for name in flat.metas]
    return pa.array(words, pa.string()).take(meta.take(position.take(places))).dictionary_encode()


def _spelt_lists(flat: _Flat) -> pa.StringArray:
    """Each list as JSON with sorted keys, null for an empty one; amounts as they were written."""
    ends = []
    for meta in flat.metas:
        pairs = (f',"{key}":{_spelt(word)}' for key, word in zip(_META, meta, strict=True) if word)
        ends.append(f'"{"".join(pairs)}}}')
    amounts = text_of(flat.amounts).dictionary_decode()
    tails = pa.array(ends, pa.string()).take(flat.meta)
    pieces = pc.binary_join_element_wise('{"amount":"', amounts, tails, "")
    joined = pc.binary_join(pa.ListArray.from_arrays(flat.offsets, pieces), ",")
    whole = pc.binary_join_element_wise("[", joined, "]", "")
    return pc.if_else(pc.equal(joined, ""), None, whole)
