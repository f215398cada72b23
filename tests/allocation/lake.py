"""Small lakes for tests: charges as rows, written as the files that the engine reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainfare.allocation.by_hand import allocate_by_hand
from trainfare.allocation.by_hand_pools import totals_by_hand
from trainfare.allocation.engine_duckdb import allocate, worktable
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.core.charge import COLUMNS, View
from trainfare.core.claim import Claim
from trainfare.core.period import Interval

MONTH = datetime(2026, 10, 1, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 11, 1, tzinfo=UTC)
NANO = 10**9

_KINDS = {
    "timestamp": pa.timestamp("us", tz="UTC"),
    "string": pa.string(),
    "json": pa.string(),
    "decimal": pa.string(),
    "int64": pa.int64(),
}
SCHEMA = pa.schema([(name, _KINDS[kind]) for name, kind in COLUMNS.items()])

Charge = dict[str, Any]


def at(hours: float, day: int = 1) -> datetime:
    """A moment of October 2026: so many hours after the midnight that begins *day*."""
    return MONTH + timedelta(days=day - 1, hours=hours)


def charge(
    nano: int = 10 * NANO,
    *,
    start: datetime = MONTH,
    hours: float = 1,
    resource: str | None = "i-0",
    tags: Mapping[str, object] | None = None,
    **columns: Any,
) -> Charge:
    """A usage charge of *nano* in every view; further columns by their lake names."""
    row: Charge = {
        "BillingPeriodStart": MONTH,
        "BillingPeriodEnd": NEXT_MONTH,
        "ChargePeriodStart": start,
        "ChargePeriodEnd": start + timedelta(hours=hours),
        "BillingAccountId": "999999999999",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ServiceName": "Compute",
        "x_Component": "compute",
        "ResourceId": resource,
        "Tags": None if tags is None else json.dumps(tags, sort_keys=True),
        "x_SourceFile": "bill.csv",
    }
    row |= {view.column: nano for view in View}
    return row | columns


def claim(
    run: str,
    start: float,
    end: float,
    share: Fraction | int = 1,
    resource: str = "i-0",
    *,
    attempt: int = 1,
    day: int = 1,
) -> Claim:
    """A claim from *start* to *end*, in hours after the midnight that begins *day*."""
    return Claim(
        run, attempt, resource, Interval(ns(at(start, day)), ns(at(end, day))), Fraction(share)
    )


def ns(moment: datetime) -> int:
    """Nanoseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def numbered(charges: Iterable[Charge]) -> list[Charge]:
    """Charges with their place in the source file."""
    return [{**row, "x_SourceRow": row.get("x_SourceRow", n)} for n, row in enumerate(charges, 1)]


def write_lake(path: Path, charges: Sequence[Charge]) -> Path:
    """Write charges as a file of the lake."""
    columns = {name: [row.get(name) for row in charges] for name in COLUMNS}
    pq.write_table(pa.table(columns, schema=SCHEMA), path)
    return path


PartKey = tuple[int, str | None, str | None, str, str | None]


def engine_parts(
    folder: Path, charges: Sequence[Charge], evidence: Evidence, rules: Rules = NO_RULES
) -> dict[PartKey, tuple[int | None, ...]]:
    """What the engine gives of each charge: (row, run, remainder, method, label) → amounts."""
    path = write_lake(folder / "part-00000.parquet", numbered(charges))
    with worktable([path], evidence, rules, folder, threads=1) as table:
        lines = table.lines()
    found: dict[PartKey, tuple[int | None, ...]] = {}
    for line in lines:
        remainder = None if line.remainder is None else str(line.remainder)
        key = (line.row, line.run, remainder, line.method, line.label)
        assert key not in found
        found[key] = line.amounts
    return found


def hand_parts(
    charges: Sequence[Charge], evidence: Evidence, rules: Rules = NO_RULES
) -> dict[PartKey, tuple[int | None, ...]]:
    """What the reference gives of each charge, in the same form."""
    found: dict[PartKey, tuple[int | None, ...]] = {}
    for part in allocate_by_hand(charges, evidence, rules):
        owner = part.owner
        remainder = None if owner.remainder is None else str(owner.remainder)
        key = (part.index, owner.run, remainder, owner.method, owner.label)
        old = found.get(key)
        found[key] = part.amounts if old is None else _plus(old, part.amounts)
    return found


def agreed_parts(
    folder: Path, charges: Sequence[Charge], evidence: Evidence, rules: Rules = NO_RULES
) -> dict[PartKey, tuple[int | None, ...]]:
    """What the engine and the reference both give; they must agree, and lose nothing."""
    parts = engine_parts(folder, charges, evidence, rules)
    assert parts == hand_parts(charges, evidence, rules)
    for index, row in enumerate(charges):
        for position, view in enumerate(View):
            amounts = [each[position] for key, each in parts.items() if key[0] == index]
            if row[view.column] is None:
                assert set(amounts) == {None}
            else:
                assert sum(amounts) == row[view.column]
    return parts


def shares_of(parts: Mapping[PartKey, tuple[int | None, ...]], view: int = 0) -> dict[str, int]:
    """Run, or remainder, → what it gets in one view, over all charges."""
    sums: dict[str, int] = {}
    for (_, run, remainder, _, _), amounts in parts.items():
        owner = run or remainder or ""
        sums[owner] = sums.get(owner, 0) + (amounts[view] or 0)
    return {owner: nano for owner, nano in sums.items() if nano}


Totals = dict[tuple[object, ...], tuple[int | None, ...]]


def engine_totals(
    folder: Path, charges: Sequence[Charge], evidence: Evidence, rules: Rules = NO_RULES
) -> Totals:
    """The engine's result summed over resources and days."""
    path = write_lake(folder / "part-00000.parquet", numbered(charges))
    out = folder / "result.parquet"
    allocate([path], evidence, rules, out=out, threads=1)
    keys = ["run", "remainder", "method", "label", "currency", "service", "account", "region"]
    keys += ["component", "charge_category", "is_correction"]
    sums: Totals = {}
    for row in pq.read_table(out).to_pylist():
        key = tuple(row[name] for name in keys)
        amounts = tuple(row[f"{view}_nano"] for view in View)
        sums[key] = amounts if key not in sums else _plus(sums[key], amounts)
    return _known(sums)


def hand_totals(charges: Sequence[Charge], evidence: Evidence, rules: Rules = NO_RULES) -> Totals:
    """The reference's result in the same form."""
    parts = allocate_by_hand(charges, evidence, rules)
    sums: Totals = {}
    for (owner, currency, description), amounts in totals_by_hand(
        parts, charges, evidence.run_bytes, rules
    ).items():
        remainder = None if owner.remainder is None else str(owner.remainder)
        key = (owner.run, remainder, owner.method, owner.label, currency, *description)
        sums[key] = tuple(amounts) if key not in sums else _plus(sums[key], tuple(amounts))
    return _known(sums)


def _known(sums: Totals) -> Totals:
    """Rows of something, an unknown amount as 0: a row that is left over by subtraction cannot tell
    charges that cost nothing from charges that have no amount."""
    known = {key: tuple(amount or 0 for amount in amounts) for key, amounts in sums.items()}
    return {key: amounts for key, amounts in known.items() if any(amounts)}


def _plus(left: Sequence[int | None], right: Sequence[int | None]) -> tuple[int | None, ...]:
    pairs = zip(left, right, strict=True)
    return tuple(b if a is None else a if b is None else a + b for a, b in pairs)
