"""Mapping files: what the columns of a bill of no known format mean, in TOML.

For small GPU clouds, invoices and on-premises charge lists, and for FOCUS files that lack columns:

    provider = "Lambda"              # ServiceProviderName

    [columns]                        # canonical column = column of the file
    BilledCost = "Amount"
    ChargePeriodStart = "From"
    ChargePeriodEnd = "To"
    ResourceId = "Instance"
    ConsumedQuantity = "Hours"

    [constants]                      # canonical column = the same text on every row
    BillingAccountId = "acme"
    BillingCurrency = "EUR"
    ChargeCategory = "Usage"
    ConsumedUnit = "Hours"
    ServiceName = "GPU instances"

    [values.ChargeCategory]          # word of the file = word of FOCUS
    "rental" = "Usage"

    [tags]                           # tag = column of the file
    team = "Cost centre"

    [times]
    format = "%d.%m.%Y"              # strptime, or "month-first" for 9/2/2026; ISO 8601 if left out
    grain = "day"                    # hour, day or month: end of a charge that has only a start

    [numbers]
    decimal = ","                    # "." if left out
    thousands = "."                  # none if left out
    strip = "€"                      # signs to leave out
    scale = "0.01"                   # amounts times this: cents to euros

    [csv]
    delimiter = ";"                  # "," if left out

A canonical column that the file has under its own name needs no line. EffectiveCost is BilledCost,
and the billing period is the month of the charge, where neither a column nor a constant says else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.charge import COLUMNS
from trainfare.core.errors import BadInput
from trainfare.core.money import decimal_of

MONEY = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
"""FOCUS names of the four amounts, as a mapping file uses them."""

GRAINS = ("hour", "day", "month")
_KNOWN = {*COLUMNS, *MONEY} - {name for name in COLUMNS if name.startswith("x_")} | {
    "x_UsageType",
    "x_Operation",
    "x_InstanceType",
    "x_ParentResourceId",
}
_TABLES = {"provider", "columns", "constants", "values", "tags", "times", "numbers", "csv"}


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One mapping file, checked: each field is the table of that name."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    grain: str | None = None
    decimal: str = "."
    thousands: str = ""
    strip: str = ""
    scale: Fraction = Fraction(1)
    delimiter: str = ","
    text: str = ""
    """The file itself: part of a delivery's id, for another mapping makes another delivery."""

    @property
    def respells(self) -> bool:
        """Whether amounts need another spelling before they can be read."""
        return bool(self.thousands or self.strip) or self.decimal != "." or self.scale != 1


def load_mapping(path: Path) -> FieldMap:
    """Read a mapping file.

    Raises:
        BadInput: it is not TOML, or names a table, column or word that does not exist.
    """
    try:
        text = path.read_text("utf-8-sig")
        told = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"cannot read the mapping file {path}: {error}") from None
    return parse_mapping(told, path.name, text)


def parse_mapping(told: Mapping[str, Any], name: str, text: str = "") -> FieldMap:
    """Check the tables of a mapping file called *name*.

    >>> parse_mapping({"columns": {"BilledCost": "Amount"}}, "m.toml").columns["BilledCost"]
    'Amount'
    """
    unknown = sorted(set(told) - _TABLES)
    if unknown:
        raise BadInput(
            f"{name}: no such table: {', '.join(unknown)}; there are {', '.join(sorted(_TABLES))}"
        )
    columns, constants = (_texts(told, table, name) for table in ("columns", "constants"))
    words = told.get("values", {})
    if not isinstance(words, Mapping):
        raise BadInput(f"{name}: [values] is not a table of tables, as in [values.ChargeCategory]")
    values = {column: _texts(words, column, name) for column in words}
    for column in (*columns, *constants, *values):
        if column not in _KNOWN:
            raise BadInput(
                f"{name}: {column!r} is no canonical column; names are FOCUS names, as in BilledCost"
            )
    if provider := told.get("provider"):
        constants = {"ServiceProviderName": str(provider), **constants}
    times = _texts(told, "times", name, ("format", "grain"))
    numbers = _texts(told, "numbers", name, ("decimal", "thousands", "strip", "scale"))
    layout = _texts(told, "csv", name, ("delimiter",))
    if times.get("grain", "day") not in GRAINS:
        raise BadInput(f"{name}: times.grain {times['grain']!r} is not one of {', '.join(GRAINS)}")
    if len(layout.get("delimiter", ",")) != 1:
        raise BadInput(f"{name}: csv.delimiter {layout['delimiter']!r} is not one character")
    return FieldMap(
        columns=columns,
        constants=constants,
        values=values,
        tags=_texts(told, "tags", name),
        time_format=times.get("format"),
        grain=times.get("grain"),
        decimal=numbers.get("decimal", "."),
        thousands=numbers.get("thousands", ""),
        strip=numbers.get("strip", ""),
        scale=decimal_of(numbers.get("scale", "1")),
        delimiter=layout.get("delimiter", ","),
        text=text,
    )


def _texts(
    told: Mapping[str, Any], table: str, name: str, keys: tuple[str, ...] = ()
) -> dict[str, str]:
    """One table of texts; with *keys*, only those."""
    found = told.get(table, {})
    if not isinstance(found, Mapping) or not all(isinstance(text, str) for text in found.values()):
        raise BadInput(f'{name}: [{table}] is not a table of texts, each key = "text"')
    unknown = sorted(set(found) - set(keys)) if keys else []
    if unknown:
        raise BadInput(
            f"{name}: [{table}] has no {', '.join(unknown)}; there are {', '.join(keys)}"
        )
    return dict(found)
