"""The bill path: file → adapter → canonical charges in the lake → the ledger says what is current.

    trainfare bill import → billing.read_bill → billing.write_lake → store.put_deliveries

The lake is written first and the ledger last, in one transaction for all bills of a command: a
crash before it leaves folders that nobody refers to, and the state as it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, MissingExtra
from trainfare.flows.lake import delivery_files, lake_folder, send_delivery

if TYPE_CHECKING:
    from trainfare.billing.bill import Bill
    from trainfare.billing.lake import Delivery
    from trainfare.core.charge import Problem
    from trainfare.store.deliveries import StoredDelivery

Watcher = Callable[["Bill"], AbstractContextManager[None]]
"""Shows progress while a bill is read: its ``rows`` grow meanwhile."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing one billing period did."""

    delivery: StoredDelivery
    replaced: StoredDelivery | None
    """The delivery that was current until now; None where the period is new."""
    is_unchanged: bool
    """This very delivery was current already."""
    notices: tuple[str, ...] = ()
    """What is odd about the bill and was not repaired."""


def components_file(home: Path) -> Path | None:
    """The user's own component table, where there is one."""
    path = home / "components.csv"
    return path if path.exists() else None


def need_analytics(purpose: str) -> None:
    """Check that the packages which bills need are installed.

    Raises:
        MissingExtra: they are not; the message says how to install them.
    """
    if not has_analytics():
        raise MissingExtra("analytics", purpose)


def has_ledger(home: Path) -> bool:
    """Whether anything was ever kept in the ledger of *home*."""
    return bool(os.environ.get("TRAINFARE_DATABASE")) or (home / "ledger.db").exists()


def has_analytics() -> bool:
    """Whether the packages which bills need are installed."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("pyarrow", "duckdb", "sqlalchemy", "alembic"))


def import_bills(
    home: Path,
    places: Sequence[str],
    *,
    source: str | None = None,
    mapping: Path | None = None,
    watch: Watcher = lambda _bill: nullcontext(),
) -> list[Imported]:
    """Import every bill of *places* (files, folders, object URLs), all of them or none.

    Raises:
        BadInput: with every problem of every place; or two places hold the same billing period of
            one source, so that one would silently replace the other.
    """
    need_analytics("read bills")
    from trainfare.billing.bill import read_bill
    from trainfare.billing.lake import write_lake
    from trainfare.store.deliveries import find_current, put_deliveries
    from trainfare.store.ledger import open_ledger

    found: list[tuple[str, Delivery, tuple[str, ...]]] = []
    refused: list[str] = []
    for place in places:
        try:
            with (
                read_bill(
                    place, source=source, mapping=mapping, components=components_file(home)
                ) as bill,
                watch(bill),
            ):
                written = write_lake(bill, lake_folder(home))
            for each in written:
                send_delivery(home, each.folder)
            found.extend((place, one, bill.notices) for one in written)
        except BadInput as error:
            refused.append(str(error))
    if refused:
        raise BadInput("\n".join(refused))
    _check_distinct(found)
    now_ns = time.time_ns()
    stored = [_stored(one, now_ns) for _, one, _ in found]
    with open_ledger(home) as ledger, ledger.change() as connection:
        before = [find_current(connection, one.source, one.period) for one in stored]
        _check_same_accounts(stored, before)
        replaced = put_deliveries(connection, stored, now_ns)
    done = []
    for one, old, was, (_, _, notices) in zip(stored, replaced, before, found, strict=True):
        same = was if was is not None and was.id == one.id else None
        done.append(Imported(same or one, old, is_unchanged=same is not None, notices=notices))
    return done


def _check_distinct(found: Iterable[tuple[str, Delivery, tuple[str, ...]]]) -> None:
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for place, one, _ in found:
        key = (one.source, one.period)
        earlier = seen.setdefault(key, (place, one.id))
        if earlier[1] != one.id:
            raise BadInput(
                f"{earlier[0]} and {place} are both bills of {one.source} for {one.period}; parts "
                "of one bill go into one folder, and a later delivery is imported after the "
                "earlier one"
            )


def _check_same_accounts(
    stored: Sequence[StoredDelivery], before: Sequence[StoredDelivery | None]
) -> None:
    """A delivery replaces one of its own accounts only, never another company's bill."""
    for one, old in zip(stored, before, strict=True):
        if old is None or not one.accounts or not old.accounts:
            continue
        if not set(one.accounts) & set(old.accounts):
            raise BadInput(
                f"{one.files[0]} is a bill of {', '.join(one.accounts[:3])}; it would replace the "
                f"bill of {', '.join(old.accounts[:3])} for {one.period}, which has the same source "
                f"{one.source!r}; name its own with --source"
            )


def _stored(one: Delivery, now_ns: int) -> StoredDelivery:
    from trainfare.store.deliveries import StoredDelivery

    return StoredDelivery(
        id=one.id,
        source=one.source,
        period=one.period,
        format=one.format,
        folder=one.folder,
        rows=one.rows,
        repairs=one.repairs,
        files=one.files,
        totals=one.totals,
        imported_ns=now_ns,
        accounts=tuple(f"{provider}/{account}" for provider, account in one.accounts),
    )


@dataclass(frozen=True, slots=True)
class CheckedBill:
    """What checking the bill at one place found."""

    place: str
    format: str | None
    """None where the bill could not even be opened."""
    rows: int
    repairs: int
    notices: tuple[str, ...]
    problems: tuple[Problem, ...]


def check_bills(
    home: Path, places: Sequence[str], *, mapping: Path | None = None
) -> list[CheckedBill]:
    """Read the bills at *places* to their ends; nothing is stored.

    Raises:
        NotFound: nothing is at a place.
    """
    need_analytics("read bills")
    return [_check(home, place, mapping) for place in places]


def _check(home: Path, place: str, mapping: Path | None) -> CheckedBill:
    from trainfare.billing.bill import read_bill
    from trainfare.core.charge import Problem

    try:
        with read_bill(place, mapping=mapping, components=components_file(home)) as bill:
            try:
                for _ in bill.batches():
                    pass
            except BadInput:
                if not bill.problems:
                    raise
            problems = tuple(bill.problems.listed())
            return CheckedBill(place, bill.format, bill.rows, bill.repairs, bill.notices, problems)
    except BadInput as error:
        problem = Problem(Path(place).name, None, None, None, str(error))
        return CheckedBill(place, None, 0, 0, (), (problem,))


def list_deliveries(home: Path) -> list[tuple[StoredDelivery, bool]]:
    """Every delivery ever imported, the oldest first, and whether it is current."""
    need_analytics("list bills")
    from trainfare.store.deliveries import all_deliveries, current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        current = {(d.id, d.source, d.period) for d in current_deliveries(connection)}
        return [
            (one, (one.id, one.source, one.period) in current) for one in all_deliveries(connection)
        ]


def get_delivery(home: Path, text: str) -> list[tuple[StoredDelivery, Mapping[str, int]]]:
    """The periods of the delivery whose id begins with *text*, and what was repaired in each.

    Returns:
        With each period ``column:what`` → on how many rows.
    """
    need_analytics("show bills")
    from trainfare.billing.lake import count_repairs
    from trainfare.store.deliveries import get_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        found = get_deliveries(connection, text)
    files = delivery_files(home, found)
    return [(one, count_repairs(own)) for one, own in zip(found, files, strict=True)]
