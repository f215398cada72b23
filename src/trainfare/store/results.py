"""Results: questions to allocations that lie as Parquet, answered as whole nano-units.

An allocation is one row per run or remainder, method, description and day (see
``allocation/result.sql``); grouping it never changes a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from trainfare.core.charge import Remainder, View
from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed
from trainfare.store.result_files import names_sql, results_table

COLUMNS = {
    "run": "run",
    "component": "component",
    "resource": "resource",
    "service": "service",
    "account": "account",
    "region": "region",
    "day": "strftime(day, '%Y-%m-%d')",
    "method": "method",
}
"""What a report can be grouped by, besides labels → the expression in a result."""


@dataclass(frozen=True, slots=True)
class Group:
    """The sum of one group of rows in one currency."""

    key: tuple[str | None, ...]
    """The values of the columns asked for, in their order."""
    run: str | None
    """The run that owns it; None for a remainder."""
    remainder: Remainder | None
    currency: str
    nano: int
    label: str | None = None
    """The owner that a rule gave shared money to, as ``key=value``; None for all else."""


_RESULT = "cannot read the allocation: {}; run trainfare allocate"
_CHARGES = "cannot read the charges of a bill: {}; import the bill again"


@contextmanager
def reading(complaint: str = _RESULT) -> Iterator[Any]:
    """A connection that reads results, and says in one sentence why one cannot be read."""
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingExtra("analytics", "read allocations") from None
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET memory_limit = '256MB'; SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        raise OutsideFailed(complaint.format(str(error).splitlines()[0])) from None
    finally:
        connection.close()


def read_groups(paths: Sequence[Path], by: Sequence[str], view: View) -> list[Group]:
    """Sums of *view* per run or remainder and the columns *by*, in a fixed order.

    Raises:
        BadInput: a column is not one of :data:`COLUMNS`.
    """
    for name in by:
        if name not in COLUMNS:
            raise BadInput(f"{name!r} is not one of {', '.join(COLUMNS)}")
    if not paths:
        return []
    keys = "".join(f"{COLUMNS[name]} AS key{n}, " for n, name in enumerate(by))
    query = (
        f"SELECT {keys}run, remainder, currency, CASE WHEN remainder = 'shared' THEN label END, "
        f"sum({view.value}_nano) "
        f"FROM {results_table(paths)} WHERE {view.value}_nano IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return [
        Group(
            tuple(key), run, None if left is None else Remainder(left), currency, int(nano), label
        )
        for *key, run, left, currency, label, nano in rows
    ]


def sum_by_run(paths: Sequence[Path]) -> dict[tuple[str, str], int]:
    """(run, currency) → effective nano-units, over all results."""
    groups = read_groups(paths, (), View.EFFECTIVE)
    return {(g.run, g.currency): g.nano for g in groups if g.run is not None}


@dataclass(frozen=True, slots=True)
class MethodSum:
    """What a run got by one method, over a whole result."""

    method: str
    currency: str
    amounts: tuple[int | None, ...]
    """Nano-units per view, in the order of View; None where the bill has none."""


@dataclass(frozen=True, slots=True)
class MachineSum:
    """The part of one resource's compute charges of a day that a run or a remainder has."""

    resource: str
    day: int | None
    """Days since 1970-01-01; None where a shared charge was divided over the period."""
    run: str | None
    remainder: Remainder | None
    currency: str
    nano: int


def sum_methods(path: Path, run: str) -> list[MethodSum]:
    """What *run* got in one result, by method and currency."""
    sums = ", ".join(f"sum({view.value}_nano)" for view in View)
    query = (
        f"SELECT method, currency, {sums} FROM {results_table([path])} WHERE run = ? "
        "GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query, [run]).fetchall()
    return [
        MethodSum(method, currency, tuple(None if n is None else int(n) for n in nanos))
        for method, currency, *nanos in rows
    ]


def read_machines(paths: Sequence[Path], view: View) -> list[MachineSum]:
    """What became of the compute charges of every resource, day by day, in a fixed order."""
    if not paths:
        return []
    query = (
        "SELECT resource, date_diff('day', DATE '1970-01-01', day), run, "
        "CASE WHEN run IS NULL THEN remainder END, currency, "
        f"sum({view.value}_nano) FROM {results_table(paths)} "
        f"WHERE component = 'compute' AND resource <> '' AND {view.value}_nano IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return [
        MachineSum(
            resource, day, run, None if left is None else Remainder(left), currency, int(nano)
        )
        for resource, day, run, left, currency, nano in rows
    ]


@dataclass(frozen=True, slots=True)
class RunPart:
    """What a run got of one resource's charges of one kind, on one day."""

    run: str
    resource: str | None
    """As the bill writes it; None where a charge names none, or a rule divides many."""
    component: str
    day: date | None
    """None where a charge of more than a day was divided."""
    currency: str
    category: str
    """FOCUS ChargeCategory."""
    is_correction: bool
    method: str
    amounts: tuple[int | None, ...]
    """Nano-units per view, in the order of View; None where the bill has none."""
    charges: int


def read_run_parts(paths: Sequence[Path], runs: Sequence[str]) -> list[RunPart]:
    """Everything that *runs* got, in a fixed order."""
    if not paths or not runs:
        return []
    keys = "run, resource, component, day, currency, charge_category, is_correction, method"
    sums = ", ".join(f"sum({view.value}_nano)" for view in View)
    query = (
        f"SELECT {keys}, {sums}, sum(charges) FROM {results_table(paths)} "
        f"WHERE run IN (SELECT unnest(?)) GROUP BY ALL ORDER BY {keys}"
    )
    with reading() as connection:
        rows = connection.execute(query, [list(runs)]).fetchall()
    return [
        RunPart(
            run=run,
            resource=resource,
            component=component,
            day=day,
            currency=currency,
            category=category or "",
            is_correction=bool(is_correction),
            method=method or "",
            amounts=tuple(None if nano is None else int(nano) for nano in nanos),
            charges=int(charges),
        )
        for (
            run, resource, component, day, currency, category, is_correction, method, *nanos, charges,
        ) in rows
    ]  # fmt: skip


def sum_bill(paths: Sequence[Path]) -> dict[tuple[str, View], int]:
    """(currency, view) → the sum of the charges themselves, read from the lake anew.

    This is the other side of conservation: it shares no code with the allocation.
    """
    if not paths:
        return {}
    sums = ", ".join(f"sum({view.column})" for view in View)
    query = (
        f'SELECT "BillingCurrency", {sums} FROM {results_table(paths)} '
        'GROUP BY "BillingCurrency" ORDER BY 1'
    )
    with reading(_CHARGES) as connection:
        rows = connection.execute(query).fetchall()
    return {
        (currency, view): int(nano)
        for currency, *nanos in rows
        for view, nano in zip(View, nanos, strict=True)
        if nano is not None
    }


def count_charges(paths: Sequence[Path]) -> dict[Path, int]:
    """How many charges each file of the lake holds, as its end says; nothing else of it is read."""
    query = f"SELECT file_name, num_rows FROM parquet_file_metadata({names_sql(paths)})"
    with reading(_CHARGES) as connection:
        return {Path(name): rows for name, rows in connection.execute(query).fetchall()}


class SkuDay(NamedTuple):
    """The usage of one SKU that was charged for one day."""

    day: int
    """Days since 1970-01-01, of the charge's start."""
    component: str
    sku: str
    currency: str
    nano: int
    """Effective."""
    quantity: Fraction | None
    """None where one of its charges does not say how much."""


def read_sku_days(charges: Sequence[Path]) -> list[SkuDay]:
    """Every SKU and day of the usage in *charges*, in a fixed order."""
    if not charges:
        return []
    query = (
        "SELECT date_diff('day', DATE '1970-01-01', CAST(\"ChargePeriodStart\" AS DATE)), "
        '"x_Component", coalesce("SkuId", "x_UsageType", "ServiceName"), "BillingCurrency", '
        'sum("x_EffectiveNano"), '
        'CASE WHEN count("ConsumedQuantity") = count(*) '
        'THEN sum(TRY_CAST("ConsumedQuantity" AS DECIMAL(38, 12))) END '
        f"FROM {results_table(charges)} "
        'WHERE "ChargeCategory" = \'Usage\' AND "x_EffectiveNano" IS NOT NULL '
        "GROUP BY ALL ORDER BY ALL"
    )
    with reading(_CHARGES) as connection:
        rows = connection.execute(query).fetchall()
    return [
        SkuDay(day, component, sku, currency, int(nano), None if much is None else Fraction(much))
        for day, component, sku, currency, nano, much in rows
    ]


def tag_texts(charges: Sequence[Path]) -> list[str]:
    """Every text of tags, a charge's own or a split part's, that the lake's files hold, once."""
    table = results_table(charges)
    query = (
        f'SELECT "Tags" AS tags FROM {table} WHERE tags IS NOT NULL '
        f'UNION SELECT "AllocatedTags" AS tags FROM {table} WHERE tags IS NOT NULL ORDER BY 1'
    )
    with reading(_CHARGES) as connection:
        return [text for (text,) in connection.execute(query).fetchall()]


@dataclass(frozen=True, slots=True)
class OwnerSum:
    """What one run or remainder has of one method and component, with the label that names an owner."""

    run: str | None
    remainder: Remainder | None
    method: str
    label: str | None
    component: str
    currency: str
    nano: int


def read_owners(path: Path, view: View) -> list[OwnerSum]:
    """Sums of *view* in one result, in a fixed order."""
    columns = "run, remainder, method, label, component, currency"
    query = (
        f"SELECT {columns}, sum({view.value}_nano) FROM {results_table([path])} "
        f"WHERE {view.value}_nano IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return [
        OwnerSum(
            run, None if left is None else Remainder(left), method, label, part, currency, int(nano)
        )
        for run, left, method, label, part, currency, nano in rows
    ]


def sum_owners(path: Path) -> dict[tuple[str | None, str | None, str], tuple[int | None, ...]]:
    """(run, remainder, currency) → nano-units per view in one result, in the order of View."""
    sums = ", ".join(f"sum({view.value}_nano)" for view in View)
    query = f"SELECT run, remainder, currency, {sums} FROM {results_table([path])} GROUP BY ALL"
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return {
        (run, left, currency): tuple(None if n is None else int(n) for n in nanos)
        for run, left, currency, *nanos in rows
    }


def count_empty(paths: Sequence[Path], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Name → in how many charges of the lake all columns that could fill it are empty.

    Args:
        paths: files of the lake.
        columns: name → columns of the lake, none of them the user's words.
    """
    filled = {
        name: f"coalesce({', '.join(_quoted(column) for column in found)})"
        for name, found in columns.items()
    }
    counts = ", ".join(f"count(*) - count({each})" for each in filled.values())
    with reading(_CHARGES) as connection:
        (row,) = connection.execute(f"SELECT {counts} FROM {results_table(paths)}").fetchall()
    return dict(zip(filled, row, strict=True))


def decimal_places(paths: Sequence[Path], columns: Sequence[str]) -> int:
    """How many places behind the point the longest decimal of *columns* in the lake has."""
    texts = ", ".join(_quoted(column) for column in columns)
    query = (
        "SELECT max(length(regexp_extract(text, '[.]([0-9]*)', 1)) "
        "- coalesce(TRY_CAST(regexp_extract(text, '[eE]([+-]?[0-9]+)', 1) AS INTEGER), 0)) "
        f"FROM (SELECT DISTINCT unnest([{texts}]) AS text FROM {results_table(paths)})"
    )
    with reading(_CHARGES) as connection:
        (row,) = connection.execute(query).fetchall()
    return max(0, int(row[0] or 0))


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
