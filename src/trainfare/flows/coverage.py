"""The coverage path: current allocations × what commitments covered → who had which part of it.

    deliveries × claims × rules → allocation.write_coverage → files beside the allocation

The files are made once for each allocation and kept under ``coverage/`` in the home; a new
allocation of a period makes new ones, and those of before are removed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import Sharing
from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.core.period import BillingPeriod
from trainfare.flows.bill import need_analytics
from trainfare.flows.inputs import charge_files, inputs_digest, make_evidence, read_rules
from trainfare.prices.json_file import locked

if TYPE_CHECKING:
    from trainfare.allocation.coverage import CoveredHour
    from trainfare.allocation.evidence import Evidence
    from trainfare.allocation.rules import Rules

FORM = "3"
"""Changes whenever the files would be others."""


def cover(home: Path, period: str | None = None) -> dict[str, Path]:
    """Billing period → the folder with its coverage, made where it is not there yet.

    Raises:
        NotFound: nothing is allocated.
        BadInput: bills, claims or rules changed since a period was allocated.
    """
    need_analytics("look at what commitments covered")
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_claims
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    wanted = None if period is None else str(BillingPeriod.parse(period))
    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection, wanted)
        deliveries = current_deliveries(connection, wanted)
        claims = read_claims(connection)
    if not allocations:
        raise NotFound(
            f"nothing{f' of {wanted}' if wanted else ''} is allocated; import a bill, then run "
            "trainfare allocate"
        )
    rules, rules_text = read_rules(home)
    evidence = make_evidence(home, claims)
    found = {}
    with locked(home / "coverage.folder"):
        for one in allocations:
            own = [each for each in deliveries if each.period == one.period]
            if inputs_digest(own, claims, evidence.attachments, rules_text) != one.inputs:
                raise BadInput(
                    f"bills, claims or rules changed since {one.period} was allocated; run "
                    f"trainfare allocate {one.period}"
                )
            folder = home / "coverage" / f"{one.period}-{one.inputs}-{FORM}"
            if not folder.is_dir():
                _make(folder, charge_files(home, own), evidence, rules)
            found[one.period] = folder
    return found


def _make(folder: Path, files: Sequence[Path], evidence: Evidence, rules: Rules) -> None:
    """Write the coverage of a period, whole or not at all, in place of those of before."""
    from trainfare.allocation.coverage import write_coverage

    try:
        folder.parent.mkdir(exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        try:
            write_coverage(files, evidence, rules, out=partial)
            for other in folder.parent.glob(f"{folder.name[:7]}-*"):
                shutil.rmtree(other, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise OutsideFailed(f"cannot write {folder}: {error.strerror or error}") from None


def corrections(home: Path, period: str | None, sharing: Sharing) -> dict[str, Path]:
    """Billing period → a result to be added to the allocation, so that *sharing* is what it says.

    Nothing where commitments stand as billed.
    """
    if sharing is Sharing.BILLED:
        return {}
    from trainfare.allocation.coverage import NONE, POOLED

    name = POOLED if sharing is Sharing.POOLED else NONE
    return {each: folder / name for each, folder in cover(home, period).items()}


def covered_hours(home: Path, period: str | None = None) -> list[CoveredHour]:
    """Who had which part of what commitments cover, hour by hour, in a fixed order."""
    from trainfare.allocation.coverage import HOURS, read_covered_hours

    return read_covered_hours([folder / HOURS for folder in cover(home, period).values()])
