"""Columns: of reports, of the canonical charges in the lake, of FOCUS exports."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable

from docs.press.page import code, page, table

from trainfare.core.carry import CarryRule
from trainfare.core.charge import COLUMNS, OWN, REQUIRED, Remainder, View
from trainfare.reports.attribution import Question, report_columns
from trainfare.reports.cell import Column, Kind
from trainfare.reports.focus_export_columns import VERSIONS, focus_columns
from trainfare.reports.frontier import frontier_columns
from trainfare.reports.measure import MEASURES, ask, parse_metric
from trainfare.reports.reconcile_table import variance_columns
from trainfare.reports.statement_table import money_columns
from trainfare.reports.utilization import GpuState
from trainfare.reports.utilization_table import use_columns

INTRO = """
The columns of everything that comes out as a table: on the screen, as JSON (`columns` there has the same names, kinds and units), CSV, Parquet, and in Python as data frames.
*Sums* says whether the lines of a table sum to its total, to the nano-unit; what does not is a mean, a rate or a text.
"""

KINDS = """
Kinds: *money* is exact to the nano-unit, text in CSV and JSON; *rate* is money per something, to the nearest nano; *number* is a decimal of the unit; *share* is from 0 to 1; *count* is a whole number.
"""

LAKE = """
A bill of any provider becomes Parquet of these columns, in this order; FOCUS columns mean what FOCUS 1.4 says.
*decimal* is the text of an exact decimal, *json* the text of one object with sorted keys, *timestamp* is UTC in microseconds, *int64* a whole number.
A row that cannot fill a needed column is a problem of its file; null elsewhere is "the provider did not say".
"""

EXPORT = """
`trainfare report --format focus`; [the page of the export](focus-export.md) says what Trainfare's own columns hold and which are divided over the parts of a charge.
A column that a version does not have bears `x_` before its name in it.
"""


def make() -> str:
    """The page."""
    asked = ask([*MEASURES, "per:accuracy"])
    question = Question(("model",), View.EFFECTIVE, asked=asked, carry=CarryRule.BYTES)
    accuracy = parse_metric("accuracy")
    states = {one.value: says for one, says in members(GpuState).items()}
    states |= {f"{name}_gpu_seconds": says for name, says in states.items()}
    return page(
        "Columns",
        INTRO,
        KINDS,
        "## report\n\nBy model, with every measure, `per:accuracy` and `--carry bytes`; "
        "[keys and measures](report.md) says what each is made of.",
        _columns(report_columns(question, "currency")),
        "## reconcile",
        _columns(variance_columns("currency")),
        "## utilization\n\n[What paid GPUs do](../explanation/utilization.md) says how states are told.",
        _columns(use_columns("currency"), states),
        "## frontier\n\nWith `--metric accuracy`.",
        _columns(frontier_columns(accuracy, None, "estimated", "currency")),
        "## statement\n\nThe table of all teams; a column without money is left out.",
        _columns(money_columns(tuple(Remainder), "currency")),
        "## Charges in the lake",
        LAKE,
        table(("column", "kind", "needed", "holds"), map(_lake, COLUMNS)),
        "## FOCUS export",
        EXPORT,
        _export(),
    )


def members(kind: type) -> dict[object, str]:
    """Members of an enumeration → the text below each in the source."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for one, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            is_said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            found[kind[one.targets[0].id]] = after.value.value if is_said else ""  # type: ignore[index]
    return found


def _columns(columns: Iterable[Column], says: dict[str, str] | None = None) -> str:
    rows = []
    for one in columns:
        what = one.what or (says or {}).get(one.name, "")
        if one.kind is Kind.TEXT and not what:
            what = "A key." if one.name in ("model", "run") else ""
        rows.append(
            (code(one.name), one.kind.value, one.unit or "", "yes" if one.is_sum else "", what)
        )
    return table(("column", "kind", "unit", "sums", "is"), rows)


def _lake(name: str) -> tuple[str, str, str, str]:
    says = OWN[name][1] if name in OWN else "As FOCUS says."
    return code(name), COLUMNS[name], "yes" if name in REQUIRED else "", says


def _export() -> str:
    by_version = {
        version: {one.name: one for one in focus_columns(version)} for version in VERSIONS
    }
    names = sorted({name.removeprefix("x_") if name.removeprefix("x_") in by_version["1.3"] else name
                    for known in by_version.values() for name in known})  # fmt: skip
    rows = []
    for name in names:
        found = {version: known.get(name) for version, known in by_version.items()}
        first = next(one for one in found.values() if one)
        marks = [
            "" if one is None else "yes" if one.is_nullable else "never null"
            for one in found.values()
        ]
        rows.append((code(name), first.kind.value, first.unit or "", *marks))
    return table(("column", "kind", "unit from", *VERSIONS), rows)
