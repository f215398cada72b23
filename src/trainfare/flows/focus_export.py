"""The export path: current charges × claims × rules → a FOCUS file with a row per owner of a charge.

    trainfare report --format focus → allocation.stream_parts → reports.focus_batch → CSV or Parquet

The parts are made anew from the same deliveries, claims and rules as the current allocation, and the
file is given its name only when its sums are the allocation's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trainfare.core.charge import View
from trainfare.core.claim import Claim
from trainfare.core.errors import BadInput, NotConserved, NotFound, OutsideFailed
from trainfare.core.period import BillingPeriod
from trainfare.flows.bill import need_analytics
from trainfare.flows.inputs import charge_files, inputs_digest, make_evidence, read_rules
from trainfare.flows.lake import lake_folder
from trainfare.metering.history import read_receipts

if TYPE_CHECKING:
    from trainfare.allocation.rules import Rules
    from trainfare.reports.focus_export import Origin
    from trainfare.store.allocations import StoredAllocation
    from trainfare.store.deliveries import StoredDelivery

Owner = tuple[str | None, str | None, str]
"""Run, remainder, currency."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    rows: int
    charges: int
    periods: tuple[str, ...]
    empty: dict[str, int]
    """Column that FOCUS wants filled → how many charges leave it empty, as their bill does."""


@dataclass(frozen=True, slots=True)
class _Period:
    """One billing period to export."""

    allocation: StoredAllocation
    deliveries: tuple[StoredDelivery, ...]
    files: tuple[Path, ...]


def export_focus(
    home: Path, out: Path | IO[str], *, version: str, period: str | None = None
) -> Exported:
    """Write every charge of one billing period, or of all, once per owner.

    Args:
        home: where bills, claims and rules are.
        out: a file whose name ends in ``.csv`` or ``.parquet``, or a stream that takes CSV.
        version: a FOCUS version.
        period: one billing period.

    Raises:
        BadInput: the version or the ending is unknown, or claims, rules or bills changed since they
            were allocated.
        NotFound: nothing is allocated.
        NotConserved: the rows do not sum to the allocation; no file was written.
        OutsideFailed: the disk failed.
    """
    need_analytics("export FOCUS")
    from trainfare.reports.focus_export_columns import VERSIONS, focus_columns
    from trainfare.reports.focus_export_file import write_csv, write_parquet
    from trainfare.store.results import count_empty, decimal_places

    if version not in VERSIONS:
        raise BadInput(f"FOCUS {version!r} cannot be written; take one of {', '.join(VERSIONS)}")
    if isinstance(out, Path) and out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{out.name} ends neither in .csv nor in .parquet; name it so")
    rules, rules_text = read_rules(home)
    claims, labels, periods = _current(home, period, rules_text)
    files = [file for each in periods for file in each.files]
    wanted = _fillers(focus_columns(version))
    empty = {name: count for name, count in count_empty(files, wanted).items() if count}
    origin = _origin(home, labels, periods)
    batches = _batches(home, periods, claims, rules, version, origin)
    charges = sum(one.rows for each in periods for one in each.deliveries)
    names = tuple(each.allocation.period for each in periods)
    if not isinstance(out, Path):
        return Exported(write_csv(batches, version, out), charges, names, empty)
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.suffix == ".csv":
            with partial.open("w", encoding="utf-8", newline="") as file:
                rows = write_csv(batches, version, file)
        else:
            about = {
                "generator": "trainfare",
                "periods": ",".join(names),
                "deliveries": ",".join(one.id for each in periods for one in each.deliveries),
            }
            places = decimal_places(files, _decimals(focus_columns(version)))
            rows = write_parquet(batches, version, partial, empty=empty, places=places, about=about)
        partial.replace(out)
    except OSError as error:
        raise OutsideFailed(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return Exported(rows, charges, names, empty)


def _current(
    home: Path, period: str | None, rules_text: str
) -> tuple[list[Claim], dict[str, dict[str, str]], list[_Period]]:
    """Claims, labels of runs, and the billing periods whose allocation is made from what is here."""
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_claims, read_labels
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    wanted = None if period is None else str(BillingPeriod.parse(period))
    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection, wanted)
        deliveries = current_deliveries(connection, wanted)
        claims = read_claims(connection)
        labels = read_labels(connection)
    if not allocations:
        raise NotFound(
            f"nothing{f' of {wanted}' if wanted else ''} is allocated; import a bill, then run "
            "trainfare allocate"
        )
    evidence = make_evidence(home, claims)
    periods = []
    for one in allocations:
        own = tuple(each for each in deliveries if each.period == one.period)
        if inputs_digest(own, claims, evidence.attachments, rules_text) != one.inputs:
            raise BadInput(
                f"bills, claims or rules changed since {one.period} was allocated; run "
                f"trainfare allocate {one.period}, then export again"
            )
        periods.append(_Period(one, own, tuple(charge_files(home, own))))
    return claims, labels, periods


def _origin(home: Path, labels: dict[str, dict[str, str]], periods: Sequence[_Period]) -> Origin:
    from trainfare.reports.focus_export import Origin

    names = {one.run.id: one.run.name for one in read_receipts(home) if one.run.name}
    folders = {
        str(lake_folder(home) / one.folder): one.id for each in periods for one in each.deliveries
    }
    return Origin(labels, names, folders)


def _fillers(columns: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    """Column that FOCUS wants filled → the columns of the lake that fill it."""
    from trainfare.reports.focus_export import lake_columns

    return {one.name: lake_columns(one) for one in columns if not one.is_nullable}


def _decimals(columns: Sequence[Any]) -> list[str]:
    from trainfare.reports.focus_export import lake_columns
    from trainfare.reports.focus_export_columns import Kind

    return [name for one in columns if one.kind is Kind.DECIMAL for name in lake_columns(one)]


def _batches(
    home: Path,
    periods: Sequence[_Period],
    claims: Sequence[Claim],
    rules: Rules,
    version: str,
    origin: Origin,
) -> Iterator[Any]:
    """Rows of every period; after its last row, what they sum to must be the allocation."""
    from trainfare.allocation.parts import stream_parts
    from trainfare.reports.focus_export import focus_batch

    evidence = make_evidence(home, claims)
    for each in periods:
        sums: dict[Owner, list[int | None]] = defaultdict(lambda: [None] * len(View))
        for parts in stream_parts(each.files, evidence, rules, spill=home):
            _add(sums, parts)
            yield focus_batch(parts, version, origin)
        _check_sums(home, each, sums)


def _add(sums: dict[Owner, list[int | None]], parts: Any) -> None:
    """Add a batch of parts to the sums of their owners."""
    import pyarrow as pa

    exact = pa.decimal128(38, 0)
    table = pa.table(
        {
            **{name: parts.column(name) for name in ("run", "remainder", "BillingCurrency")},
            **{view.value: parts.column(view.value).cast(exact) for view in View},
        }
    )
    grouped = table.group_by(["run", "remainder", "BillingCurrency"]).aggregate(
        [(view.value, "sum") for view in View]
    )
    for row in grouped.to_pylist():
        known = sums[row["run"], row["remainder"], row["BillingCurrency"]]
        for place, view in enumerate(View):
            amount = row[f"{view.value}_sum"]
            if amount is not None:
                known[place] = (known[place] or 0) + int(amount)


def _check_sums(home: Path, period: _Period, sums: dict[Owner, list[int | None]]) -> None:
    from trainfare.store.results import sum_owners

    told = sum_owners(home / period.allocation.folder)
    for owner in {*told, *sums}:
        ours = tuple(amount or 0 for amount in sums.get(owner, ()))
        theirs = tuple(amount or 0 for amount in told.get(owner, ()))
        if (any(ours) or any(theirs)) and ours != theirs:
            run, left, currency = owner
            raise NotConserved(
                f"the export of {period.allocation.period} gives {run or left} other "
                f"{currency} amounts than the allocation; no file was written; please report this"
            )
