"""The pull of bills: places → parts that changed → the bill path → what was pulled is remembered.

A part that is as it was when it was last imported is neither fetched nor read. What was pulled is a
file of marks in the home; without it everything is read once more, and changes nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import NotFound, TrainfareError
from trainfare.core.period import BillingPeriod
from trainfare.flows.bill import Imported, components_file, import_bills, need_analytics
from trainfare.flows.job_plan import BillPlace
from trainfare.prices.json_file import read_json, write_json

MONTH = "{month}"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull of all places came to."""

    imported: tuple[Imported, ...]
    unchanged: int
    """Parts that were as before."""
    failures: tuple[TrainfareError, ...]

    @property
    def is_change(self) -> bool:
        """Whether any bill is another than before."""
        return any(not one.is_unchanged for one in self.imported)


def pulled_file(home: Path) -> Path:
    """Where it is kept which parts were pulled."""
    return home / "jobs" / "pulled.json"


def pull_bills(home: Path, places: Sequence[BillPlace], *, at_ns: int | None = None) -> Pulled:
    """Import what is new at *places*; a place that fails does not keep the others from it."""
    need_analytics("read bills")
    now_ns = time.time_ns() if at_ns is None else at_ns
    imported: list[Imported] = []
    failures: list[TrainfareError] = []
    unchanged = 0
    for one in places:
        for place, may_lack in _months(one.place, now_ns):
            try:
                done, same = _pull(home, place, one)
            except NotFound as error:
                if not may_lack:
                    failures.append(error)
            except TrainfareError as error:
                failures.append(error)
            else:
                imported += done
                unchanged += same
    return Pulled(tuple(imported), unchanged, tuple(failures))


def _months(place: str, now_ns: int) -> list[tuple[str, bool]]:
    """The places that *place* means, each with whether nothing may be there (yet)."""
    if MONTH not in place:
        return [(place, False)]
    month = BillingPeriod.of(now_ns)
    before = BillingPeriod.of(month.interval.start_ns - 1)
    return [(place.replace(MONTH, str(each)), True) for each in (before, month)]


def _pull(home: Path, place: str, one: BillPlace) -> tuple[list[Imported], int]:
    """What was imported of *place*, and how many of its parts were as before."""
    from trainfare.billing.pull import list_parts, open_part

    imported: list[Imported] = []
    unchanged = 0
    for part in list_parts(place):
        key = f"{place}#{part.name}"
        mark = f"{part.mark} {_way(home, one)}"
        if _known(home).get(key) == mark:
            unchanged += 1
            continue
        with open_part(place, part) as folder:
            imported += import_bills(home, [folder], source=one.source)
        write_json(pulled_file(home), {**_known(home), key: mark})
    return imported, unchanged


def _way(home: Path, one: BillPlace) -> str:
    """What besides the files decides what becomes of them."""
    table = components_file(home)
    words = [one.source or "", table.read_text(encoding="utf-8") if table else ""]
    return hashlib.sha256(repr(words).encode()).hexdigest()[:8]


def _known(home: Path) -> dict[str, Any]:
    found = read_json(pulled_file(home))
    return found if isinstance(found, dict) else {}
