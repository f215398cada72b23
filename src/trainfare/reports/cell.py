"""Cells: the columns and rows that tables are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trainfare.core.money import Money

NOT_IN_IT = " not in it: "
"""What stands in a reason between how many runs a figure lacks and why."""

Value = str | int | Decimal | Money | None


class Kind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    """A decimal of some unit: hours, samples per second."""
    SHARE = "share"
    """A decimal from 0 to 1."""
    MONEY = "money"
    RATE = "rate"
    """Money per something; to the nearest nano, so it is never summed."""


class Role(StrEnum):
    """What a row of a table is."""

    GROUP = "group"
    REMAINDER = "remainder"
    LEFT_OUT = "left_out"
    TOTAL = "total"


_SPELT = {"gpu": "GPU", "1m": "1M"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it holds, and in which unit."""

    name: str
    kind: Kind
    unit: str | None = None
    """A currency, ``USD/epoch``, ``h`` …; None for texts and plain counts."""
    is_sum: bool = False
    """Whether the lines of the table sum to its total."""
    what: str = ""
    """One sentence about it."""

    @property
    def title(self) -> str:
        """The name as people read it.

        >>> Column("estimated_per_gpu_hour", Kind.RATE).title
        'estimated per GPU hour'
        """
        words = self.name.split("_")
        return " ".join(_SPELT.get(word, word) for word in words)

    @property
    def is_money(self) -> bool:
        """Whether its cells are Money."""
        return self.kind in (Kind.MONEY, Kind.RATE)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: cells by column name; ``row["allocated"]``."""

    cells: Mapping[str, Value]
    role: Role = Role.GROUP
    whys: Mapping[str, str] = field(default_factory=dict)
    """Column → why its cell is None, or what is not in it."""
    name: str | None = None
    """What a remainder is called: idle, shared, unused_commitment, unallocated."""

    def __getitem__(self, column: str) -> Value:
        return self.cells[column]

    def why(self, column: str) -> str | None:
        """Why the cell of *column* is None, or what is not in it."""
        return self.whys.get(column)

    def to_json(self) -> dict[str, Any]:
        """Money and decimals as text, so that no reader makes floats of them; ``why`` where any."""
        document: dict[str, Any] = {name: plain_value(value) for name, value in self.cells.items()}
        return {**document, "why": dict(self.whys)} if self.whys else document


def plain_value(value: Value) -> str | int | None:
    """A cell as JSON carries it: exact text for money and decimals.

    >>> plain_value(Money(5)), plain_value(Decimal("0.50")), plain_value(3)
    ('0.000000005', '0.5', 3)
    """
    if isinstance(value, Money):
        return value.text()
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value


def remainder_title(name: str) -> str:
    """How a line that is no group is called in the first column.

    >>> remainder_title("unused_commitment")
    '(unused commitment)'
    """
    return f"({name.replace('_', ' ')})"
