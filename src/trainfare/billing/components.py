"""What a charge is for: one component each, decided by a table of data that users can extend.

The table is ``components.csv`` beside this file: the first row whose patterns all match decides.
A column left empty matches anything; a pattern is a regular expression that is searched for without
regard to case. A user's own table has the same columns and goes first.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from trainfare.billing.arrow import constant, pa, pc
from trainfare.core.charge import Component
from trainfare.core.errors import BadInput

FIELDS = {
    "category": ("ServiceCategory", "ServiceSubcategory"),
    "service": ("ServiceName",),
    "meter": ("SkuMeter", "x_UsageType"),
    "operation": ("x_Operation",),
    "resource_type": ("ResourceType",),
    "description": ("ChargeDescription",),
    "charge_category": ("ChargeCategory",),
}
"""Column of the table → canonical columns that it looks at, joined by a space.

In descriptions every run of digits reads ``#``, for they differ by prices and ids.
"""
_COLUMNS = tuple((name, place) for place, names in enumerate(FIELDS.values()) for name in names)

_HEADER = ("component", *FIELDS, "why")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: the component, and the pattern of each field that it asks for."""

    component: Component
    patterns: tuple[tuple[int, re.Pattern[str]], ...]
    why: str

    def matches(self, values: tuple[str, ...]) -> bool:
        """Whether every pattern is found in its value."""
        return all(pattern.search(values[index]) for index, pattern in self.patterns)


class Components:
    """The table in use, and the answers it has already given."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Use *rules* in their order; what none of them matches is ``other``."""
        self.rules = tuple(rules)
        self._known: dict[tuple[str, ...], Component] = {}

    def component(self, values: tuple[str, ...]) -> Component:
        """The component of one combination of values, in the order of :data:`FIELDS`."""
        found = self._known.get(values)
        if found is None:
            matching = (rule.component for rule in self.rules if rule.matches(values))
            found = self._known[values] = next(matching, Component.OTHER)
            if len(self._known) > 200_000:  # a bill with endless distinct descriptions
                self._known.clear()
        return found

    def of(self, columns: Mapping[str, pa.Array], rows: int) -> pa.DictionaryArray:
        """(rows,) the component of each charge, working on distinct combinations of values.

        Args:
            columns: canonical columns by name; a missing one matches only empty patterns.
            rows: number of rows.
        """
        combined = pa.repeat(pa.scalar(0, pa.int64()), rows)
        used: list[tuple[int, list[str], int]] = []
        for column, place in _COLUMNS:
            texts = columns.get(column)
            if texts is None or texts.null_count == rows:
                continue
            if column == "ChargeDescription":
                texts = _without_digits(texts)
            combined, size = _combine(combined, texts)
            used.append((place, [*texts.dictionary.to_pylist(), ""], size))
        if not used:
            return constant(self.component(("",) * len(FIELDS)), rows)
        distinct = combined.dictionary_encode()
        answers = [self._answer(code, used) for code in distinct.dictionary.to_pylist()]
        names = [str(component) for component in Component]
        codes = pa.array([names.index(answer) for answer in answers], pa.int32())
        return pa.DictionaryArray.from_arrays(
            codes.take(distinct.indices), pa.array(names, pa.string())
        )

    def _answer(self, code: int, used: list[tuple[int, list[str], int]]) -> Component:
        values = [""] * len(FIELDS)
        left = code
        for place, texts, size in reversed(used):
            left, position = divmod(left, size)
            values[place] = f"{texts[position]} {values[place]}".strip()
        return self.component(tuple(values))


def _combine(combined: pa.Int64Array, texts: pa.DictionaryArray) -> tuple[pa.Int64Array, int]:
    """Fold one more column of codes into the combination; null counts as one more value."""
    size = len(texts.dictionary) + 1
    codes = pc.fill_null(pc.cast(texts.indices, pa.int64()), size - 1)
    highest = pc.max(combined).as_py() or 0
    if (highest + 1) * size >= 2**62:
        raise BadInput("a batch has too many distinct services, SKUs and descriptions; report this")
    return pc.add(pc.multiply(combined, size), codes), size


def _without_digits(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """Descriptions differ by prices and ids; without digits far fewer distinct ones remain."""
    bare = pc.replace_substring_regex(texts.dictionary, r"[0-9]+", "#").dictionary_encode()
    return pa.DictionaryArray.from_arrays(bare.indices.take(texts.indices), bare.dictionary)


def load_components(extra: Path | None = None) -> Components:
    """The shipped table, after the user's own where there is one.

    Args:
        extra: a CSV with the header of ``components.csv``; any of its columns may be left out.

    Raises:
        BadInput: the user's table has an unknown column, component or pattern.
    """
    shipped = files("trainfare.billing").joinpath("components.csv").read_text("utf-8")
    rules = _rules(shipped, "components.csv")
    if extra is not None:
        try:
            text = extra.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read the component table {extra}: {error}") from None
        rules = [*_rules(text, extra.name), *rules]
    return Components(rules)


def _rules(text: str, name: str) -> list[Rule]:
    lines = (line for line in io.StringIO(text) if not line.startswith("#"))
    reader = csv.DictReader(lines)
    unknown = set(reader.fieldnames or ()) - set(_HEADER)
    if unknown or "component" not in (reader.fieldnames or ()):
        raise BadInput(
            f"{name}: the header is not of {', '.join(_HEADER)}"
            + (f"; unknown: {', '.join(sorted(unknown))}" if unknown else "")
        )
    return [_rule(row, name, number) for number, row in enumerate(reader, start=1)]


def _rule(row: Mapping[str, str | None], name: str, number: int) -> Rule:
    word = (row.get("component") or "").strip()
    if word not in set(Component):
        raise BadInput(
            f"{name} row {number}: component {word!r} is not one of {', '.join(Component)}"
        )
    patterns = []
    for index, field in enumerate(FIELDS):
        pattern = (row.get(field) or "").strip()
        if not pattern:
            continue
        try:
            patterns.append((index, re.compile(pattern, re.IGNORECASE)))
        except re.error as error:
            raise BadInput(
                f"{name} row {number}, {field}: {pattern!r} is no pattern: {error}"
            ) from None
    return Rule(Component(word), tuple(patterns), row.get("why") or "")
