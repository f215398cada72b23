"""Rate files: offers as a table, one row for each SKU that a commitment may pay for."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable

from trainfare.commitments.offer import KINDS, Offer, kind_of
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, decimal_of

COLUMNS = ("sku", "kind", "term", "rate")


def read_offers(lines: Iterable[str], name: str) -> list[Offer]:
    """Offers from the lines of a CSV with the columns sku, kind, term, rate.

    Rows of one kind and term are one offer; of a kind that is bought per machine, one per SKU.

    Raises:
        BadInput: a column is missing or a value is wrong, with *name*, row and column.
    """
    reader = csv.DictReader(lines)
    missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise BadInput(f"{name}: no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
    rates: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for row in reader:
        where = f"{name}: row {reader.line_num}"
        try:
            rate = decimal_of(row["rate"] or "") * NANO
        except BadInput as error:
            raise BadInput(f"{where}, column rate: {error}") from None
        if rate.denominator != 1 or rate <= 0:
            raise BadInput(
                f"{where}, column rate: {row['rate']!r}; write more than 0, at most 9 places"
            )
        kind, term, sku = ((row[key] or "").strip() for key in ("kind", "term", "sku"))
        if not kind:
            raise BadInput(f"{where}, column kind is empty; known: {', '.join(KINDS)}, or your own")
        if not sku:
            raise BadInput(f"{where}, column sku is empty; name what the rate is for")
        only = sku if kind_of(kind).is_count else ""
        if sku in rates[kind, term, only]:
            raise BadInput(f"{where}: a second rate for {sku} under {kind} {term}")
        rates[kind, term, only][sku] = rate.numerator
    if not rates:
        raise BadInput(f"{name}: no row; there is nothing to buy")
    return [Offer(kind, term, some, source=name) for (kind, term, _), some in rates.items()]
