"""Everything wrong with a bill, collected and told at once."""

from __future__ import annotations

from trainfare.billing.arrow import pa, pc
from trainfare.core.charge import Problem
from trainfare.core.errors import BadInput

_VALUE_MAX = 200

KEPT = 50
"""Problems shown in full; the rest are counted."""


class Problems:
    """The problems found so far in one bill: the first :data:`KEPT` in full, and how many in all."""

    def __init__(self) -> None:
        self.shown: list[Problem] = []
        self.count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(
        self,
        file: str,
        what: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        """Note one problem; *what* says what is wrong and what to do."""
        self.count += 1
        if len(self.shown) < KEPT:
            self.shown.append(Problem(file, row, column, value and value[:_VALUE_MAX], what))

    def add_rows(
        self,
        file: str,
        what: str,
        *,
        first_row: int,
        mask: pa.BooleanArray,
        column: str,
        values: pa.Array | None = None,
    ) -> None:
        """Note the same problem for every row where *mask* is true.

        Args:
            file: name of the source file.
            what: what is wrong and what to do.
            first_row: number of the row that ``mask[0]`` speaks of.
            mask: (n,) true where the row is wrong.
            column: the source column.
            values: (n,) what stood there, or None when nothing did.
        """
        rows = pc.indices_nonzero(mask)
        for index in rows[: max(0, KEPT - len(self.shown))].to_pylist():
            text = None if values is None else _shown(values[index])
            self.shown.append(Problem(file, first_row + index, column, text, what))
        self.count += len(rows)

    def listed(self) -> list[Problem]:
        """The problems shown, with one last line for those that are only counted."""
        more = self.count - len(self.shown)
        if not more:
            return list(self.shown)
        rest = Problem(self.shown[-1].file, None, None, None, f"and {more:,} more problems")
        return [*self.shown, rest]

    def message(self) -> str:
        """All problems as one text, a line each, headed by their count."""
        head = f"{self.count:,} problem{'s' if self.count != 1 else ''}; nothing was stored"
        return "\n".join([head, *(f"  {problem}" for problem in self.listed())])

    def raise_if_any(self) -> None:
        """Raise :class:`BadInput` with every problem, if there is one."""
        if self:
            raise BadInput(self.message())


def _shown(value: pa.Scalar) -> str | None:
    """A value as people read it; a time that no calendar of Python's holds, as its number."""
    try:
        told = value.as_py()
    except (OverflowError, ValueError):
        told = value.value
    return None if told is None else str(told)[:_VALUE_MAX]
