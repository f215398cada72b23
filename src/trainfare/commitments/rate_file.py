"""Rate files: offers as a table, one row for each SKU that a commitment may pay for.

Four columns are needed: sku, kind, term, rate. Six may stand beside them, for the user's own word on
the rules: ``group`` (rows of one group are one offer, such as a family or a contract), ``upfront`` and
``refund`` (per cent), ``order`` (place in the order of application), ``sold_by`` (machine or money).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from trainfare.commitments.kinds import KINDS, kind_of, term_hours
from trainfare.commitments.offer import Offer
from trainfare.commitments.table_file import read_rows
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, decimal_of

COLUMNS = ("sku", "kind", "term", "rate")
WHOLE = {"upfront": 100, "refund": 100, "order": 99}
"""Columns that may be there, with the most that each may say."""
SOLD_BY = {"machine": True, "money": False, "": None}

Key = tuple[str, str, str, int | None, int | None, int | None, bool | None]


def read_offers(lines: Iterable[str], name: str) -> list[Offer]:
    """Offers from the lines of a CSV with the columns sku, kind, term, rate.

    Rows of one kind, term and group are one offer; of a kind that is bought per machine and without a
    group, one per SKU.

    Raises:
        BadInput: a column or a value is wrong, with *name*, row and column.
    """
    rates: dict[tuple[Key, str], dict[str, int]] = defaultdict(dict)
    for number, row in read_rows(lines, name, COLUMNS, (*WHOLE, "group", "sold_by")):
        where = f"{name}: row {number}"
        key, sku = _key(row, where), row["sku"].strip()
        if not sku:
            raise BadInput(f"{where}, column sku is empty; name what the rate is for")
        is_count = kind_of(key[0]).is_count if key[6] is None else key[6]
        some = rates[key, sku if is_count and not key[2] else ""]
        if sku in some:
            raise BadInput(f"{where}: a second rate for {sku} under {key[0]} {key[1]}")
        some[sku] = _rate(row["rate"], where)
    if not rates:
        raise BadInput(f"{name}: no row; there is nothing to buy")
    return [
        Offer(kind, term, some, source=name, upfront=upfront or 0, refund=refund or 0,
              group=group, order=order, by_machine=by_machine)
        for ((kind, term, group, upfront, refund, order, by_machine), _), some in rates.items()
    ]  # fmt: skip


def _rate(text: str, where: str) -> int:
    try:
        rate = decimal_of(text) * NANO
    except BadInput as error:
        raise BadInput(f"{where}, column rate: {error}") from None
    if rate.denominator != 1 or not 0 < rate < 10**9 * NANO:
        raise BadInput(f"{where}, column rate: {text!r}; write more than 0, at most 9 places")
    return rate.numerator


def _key(row: Mapping[str, str], where: str) -> Key:
    """What rows of one offer have in common."""
    kind, term, group = (row.get(key, "").strip() for key in ("kind", "term", "group"))
    if not kind:
        raise BadInput(f"{where}, column kind is empty; known: {', '.join(KINDS)}, or your own")
    try:
        term_hours(term)
    except BadInput as error:
        raise BadInput(f"{where}, column term: {error}") from None
    whole = [_whole(row, column, most, where) for column, most in WHOLE.items()]
    sold_by = row.get("sold_by", "").strip()
    if sold_by not in SOLD_BY:
        raise BadInput(f"{where}, column sold_by: {sold_by!r}; write machine or money")
    return (kind, term, group, whole[0], whole[1], whole[2], SOLD_BY[sold_by])


def _whole(row: Mapping[str, str], column: str, most: int, where: str) -> int | None:
    text = row.get(column, "").strip().removesuffix("%")
    if not text:
        return None
    if not text.isdecimal() or int(text) > most:
        raise BadInput(f"{where}, column {column}: {text!r}; write a whole number from 0 to {most}")
    return int(text)
