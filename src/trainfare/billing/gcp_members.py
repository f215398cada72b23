"""Fees of Google's commitments, the rows that they cover, and which of both belong together.

A key says who pays, when, where and for what, so that a fee and what it covers have the same:
billing account, currency, invoice month, Pacific day, and

* for machines the region, the resource (core, RAM, GPU, local SSD), its family and unit;
* for spend the product ("GCE" for flexible commitments), whatever the region.

Days are told by the middle of a usage window, so that windows of an hour and of a day fall together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainfare.billing import times
from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.gcp_credits import MACHINES, SPEND, Credits
from trainfare.billing.gcp_rows import Rows
from trainfare.billing.texts import known, translated

LIMB = 10**9
QUANTUM = LIMB * LIMB
"""Shares are whole multiples of 10⁻²⁷: nano-units and two limbs of nine digits."""
_PACIFIC_US = 8 * 3_600_000_000
_DAY_US = 24 * 3_600_000_000

FEE = r"^commitment\b"
"""How the SKU of a fee begins."""
_PREFIX = re.compile(r"^commitment( - dollar based)?\s*(v\d+)?\s*:?\s*", re.IGNORECASE)
_TERM = re.compile(r"\s+for \d+ (year|month)s?$|\s+commitments?$", re.IGNORECASE)
_CREDIT = re.compile(r"^committed use discount - dollar based:\s*", re.IGNORECASE)
_FAMILY = re.compile(r"\b([a-z]{1,3}\d+[a-z]?)\b", re.IGNORECASE)
_RESOURCES = {
    "gpu": re.compile(r"gpu|nvidia|tpu", re.IGNORECASE),
    "ssd": re.compile(r"ssd|local storage", re.IGNORECASE),
    "ram": re.compile(r"\bram\b|memory", re.IGNORECASE),
    "core": re.compile(r"core|cpu", re.IGNORECASE),
}


def is_fee(rows: Rows, credits_here: Credits) -> pa.BooleanArray:
    """(n,) whether a row is the fee of a commitment; tax on one is none."""
    regular = rows.said(rows.texts("cost_type"), "^regular$")
    named = rows.said(rows.texts("sku.description"), FEE)
    return pc.and_(pc.or_(named, credits_here.on_fee), regular)


def _machine(description: str | None) -> str:
    """The kind of machine part that a fee or a usage SKU is of; N1 where it names no family.

    >>> _machine("Commitment v1: A2 Cpu in Iowa for 1 Year"), _machine("A2 Instance Core running")
    ('core a2', 'core a2')
    """
    words = _PREFIX.sub("", description or "")
    resource = next((name for name, pattern in _RESOURCES.items() if pattern.search(words)), "")
    family = _FAMILY.search(words)
    return f"{resource} {family[1].lower() if family else 'n1'}"


def _product(text: str | None) -> str:
    """What a commitment to spend is for, by its fee's SKU or its credit's name: two words of it.

    >>> _product("Commitment - dollar based v1: Cloud SQL database MySQL for 3 years")
    'cloud sql'
    >>> _product("Committed use discount - dollar based: GCE Commitments")
    'gce'
    """
    words = _CREDIT.sub("", _PREFIX.sub("", text or ""))
    return " ".join(_TERM.sub("", words).lower().split()[:2])


def _is_spend(description: str | None) -> bool:
    return "dollar" in (description or "").lower()


@dataclass(frozen=True, slots=True)
class Members:
    """The rows of one chunk that take part, with their keys."""

    at: pa.Int64Array
    """(m,) positions in the chunk, ascending."""
    keys: pa.DictionaryArray
    """(m,) what must be the same for a fee and what it covers."""

    def amounts(self, exact: Exact) -> list[int]:
        """(m,) their amounts as whole multiples of 10⁻²⁷; finer digits are cut off."""
        parts = [exact.nano.take(self.at).to_pylist()]
        parts += [limb.take(self.at).to_pylist() for limb in exact.limbs[:2]]
        while len(parts) < _PARTS:
            parts.append([0] * len(self.at))
        return [
            (whole or 0) * QUANTUM + one * LIMB + two
            for whole, one, two in zip(*parts, strict=True)
        ]

    def numbers(self, rows: Rows, path: str) -> pa.DoubleArray:
        """(m,) their quantities; 0 where nothing is said."""
        values = rows.column(path)
        if values is None:
            return pa.repeat(pa.scalar(0.0), len(self.at))
        part = values.take(self.at)
        if not pa.types.is_floating(part.type):
            texts = text_of(part)
            numbers = [_number(text) for text in texts.dictionary.to_pylist()]
            part = pa.array(numbers, pa.float64()).take(texts.indices)
        return pc.fill_null(part.cast(pa.float64()), 0.0)

    def sums(
        self, exact: Exact, numbers: Mapping[str, pa.DoubleArray], *more: pa.Array
    ) -> Iterator[tuple[tuple[str, ...], int, dict[str, float]]]:
        """Per key, and each of *more*: the sum of the amounts in 10⁻²⁷, and of the numbers."""
        names = [f"key{place}" for place in range(1 + len(more))]
        limbs = exact.limbs[:2]
        columns = {
            **dict(zip(names, [self.keys.dictionary_decode(), *more], strict=True)),
            "nano": pc.fill_null(exact.nano.take(self.at), 0).cast(pa.decimal128(19, 0)),
            **{f"limb{place}": limb.take(self.at) for place, limb in enumerate(limbs)},
            **numbers,
        }
        table = pa.table(columns)
        added = [(name, "sum") for name in columns if name not in names]
        for row in table.group_by(names).aggregate(added).to_pylist():
            amount = int(row["nano_sum"]) * QUANTUM
            for place in range(len(limbs)):
                amount += row[f"limb{place}_sum"] * LIMB ** (1 - place)
            key = tuple(row[name] or "" for name in names)
            yield key, amount, {name: row[f"{name}_sum"] for name in numbers}


_PARTS = 3


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def fees_of(rows: Rows, credits_here: Credits) -> Members:
    """The fees of a chunk."""
    names = rows.texts("sku.description")
    kinds = [
        f"{SPEND} {_product(text)}" if _is_spend(text) else f"{MACHINES} {_machine(text)}"
        for text in names.dictionary.to_pylist()
    ]
    return _members(rows, is_fee(rows, credits_here), translated(names, kinds))


def covered_by(rows: Rows, credits_here: Credits) -> tuple[Members, Members]:
    """The rows of a chunk that commitments to machines cover, and to spend."""
    names = rows.texts("sku.description")
    kinds = [f"{MACHINES} {_machine(text)}" for text in names.dictionary.to_pylist()]
    machines = _members(rows, credits_here.machines.is_nonzero(), translated(names, kinds))
    titles = credits_here.names(SPEND)
    kinds = [f"{SPEND} {_product(text)}" for text in titles.dictionary.to_pylist()]
    return machines, _members(rows, credits_here.spend.is_nonzero(), translated(titles, kinds))


def _members(rows: Rows, where: pa.BooleanArray, kinds: pa.DictionaryArray) -> Members:
    """The rows of *where*: who pays, when, where and for what, as one text each."""
    at = pc.indices_nonzero(where).cast(pa.int64())
    if not len(at):
        return Members(at, constant("", 0))
    middle = pc.divide(pc.add(*(_micros(rows, at, f"usage_{end}_time") for end in _ENDS)), 2)
    days = pc.divide(pc.subtract(middle, _PACIFIC_US), _DAY_US)
    what = kinds.take(at).dictionary_decode()
    places, units = (rows.texts(path).take(at).dictionary_decode() for path in _WHERE)
    of_machines = pc.starts_with(what, MACHINES)
    parts = [
        *(rows.texts(path).take(at).dictionary_decode() for path in _WHO),
        days.cast(pa.string()),
        pc.if_else(of_machines, places, ""),
        what,
        pc.if_else(of_machines, units, ""),
    ]
    filled = [pc.fill_null(part, "") for part in parts]
    return Members(at, pc.binary_join_element_wise(*filled, BETWEEN).dictionary_encode())


_ENDS = ("start", "end")
_WHO = ("billing_account_id", "currency", "invoice.month")
_WHERE = ("location.region", "usage.unit")
BETWEEN = "\x1f"
"""What stands between the parts of a key."""


def scope_of(key: str) -> str:
    """A key without what it is for: within one scope, what matches nothing is matched together."""
    *who, what, _ = key.split(BETWEEN)
    return BETWEEN.join([*who, what.partition(" ")[0]])


def _micros(rows: Rows, at: pa.Int64Array, path: str) -> pa.Int64Array:
    values = rows.column(path)
    if values is None:
        return pa.repeat(pa.scalar(0, pa.int64()), len(at))
    part = values.take(at)
    is_typed = pa.types.is_timestamp(part.type) or pa.types.is_date(part.type)
    read = times.instants(part if is_typed else known(text_of(part)))
    return pc.fill_null(read.values.cast(pa.int64()), 0)
