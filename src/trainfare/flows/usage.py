"""The claims path: metered runs and other systems' records → one set of claims in the ledger."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.claim import Claim, merge_claims, share_text
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.period import format_instant
from trainfare.core.source_file import csv_rows
from trainfare.flows.bill import need_analytics
from trainfare.metering.history import close_dead, read_receipts
from trainfare.metering.shelf import Faults, read_run, run_ids

if TYPE_CHECKING:
    import sqlalchemy as sa

    from trainfare.clusters.options import ReadOptions
    from trainfare.clusters.record import ClaimRecord
    from trainfare.core.run import DeviceUse, Segment
    from trainfare.store.claims import ClaimChange
    from trainfare.store.device_uses import Watched

METERED = "metered"
"""The source of claims that Trainfare measured itself."""


@dataclass(frozen=True, slots=True)
class ClaimImport:
    """What importing claims did."""

    runs: int
    claims: int
    change: ClaimChange
    skipped: Mapping[str, int]
    """Records that are no claims (pending jobs, steps …), by reason."""
    notes: tuple[str, ...]
    """Assumptions that a reader had to make."""


def import_claims(
    home: Path, paths: Sequence[Path], options: ReadOptions, *, kind: str | None = None
) -> ClaimImport:
    """Import the records of *paths*, all of them or none.

    Raises:
        BadInput: with every problem of every file.
    """
    need_analytics("keep claims")
    from trainfare.clusters.detect import read_claims
    from trainfare.store.claims import put_claims
    from trainfare.store.device_uses import put_device_uses
    from trainfare.store.ledger import open_ledger

    readings, refused = [], []
    for path in paths:
        try:
            readings.append(read_claims(path, options, kind=kind))
        except BadInput as error:
            refused.append(str(error))
    if refused:
        raise BadInput("\n".join(refused))
    records = [record for reading in readings for record in reading.records]
    records = _on_metered_machines(home, records)
    labels: dict[str, dict[str, str]] = {}
    for record in records:
        labels.setdefault(record.run, {}).update(record.labels)
    skipped: Counter[str] = Counter()
    for reading in readings:
        skipped.update(reading.skipped)
    source = records[0].source if records else kind or "csv"
    with open_ledger(home) as ledger, ledger.change() as connection:
        change = put_claims(connection, (r.claim() for r in records), labels, source)
        put_device_uses(connection, _watched(records))
    notes = tuple(dict.fromkeys(note for reading in readings for note in reading.notes))
    return ClaimImport(len(labels), len(records), change, dict(skipped), notes)


def _on_metered_machines(home: Path, records: Sequence[ClaimRecord]) -> list[ClaimRecord]:
    """*records*, with the machine's own id in place of a node's name, where the run was metered there.

    A scheduler knows a node by its host name, the bill by the id that the meter found: the claims of
    one run must be on one resource, or it would hold two machines.
    """
    now_ns, faults = time.time_ns(), Faults()
    seen: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    for run in {record.run for record in records} & set(run_ids(home)):
        for stored in read_run(home, run, now_ns, faults):
            seen[run, _short(stored.segment.machine.hostname)].append(stored.segment)
    named = []
    for record in records:
        segments = seen.get((record.run, _short(record.resource_id)), ())
        met = {
            segment.machine.resource_id
            for segment in segments
            if segment.interval.overlap_ns(record.interval)
        }
        # A node that came again as another machine stays by its name: nobody says which one it was.
        named.append(replace(record, resource_id=met.pop()) if len(met) == 1 else record)
    return named


def _short(host: str) -> str:
    return host.partition(".")[0]


def _watched(records: Sequence[ClaimRecord]) -> Iterator[Watched]:
    """What records say their accelerators did, device by device, each moment once."""
    from trainfare.core.activity import distinct, joined
    from trainfare.store.device_uses import Watched

    found: dict[tuple[str, str, str], list[DeviceUse]] = defaultdict(list)
    sources: dict[str, str] = {}
    for record in records:
        for use in record.activity:
            since_ns = record.interval.start_ns
            absolute = replace(use, start_ns=since_ns + use.start_ns, end_ns=since_ns + use.end_ns)
            found[record.run, record.resource_id, use.device_id].append(absolute)
            sources[record.run] = record.activity_source or record.source
    for (run, resource_id, _), uses in found.items():
        yield Watched(run, resource_id, tuple(joined(distinct(uses))), sources[run])


def list_claims(
    home: Path, run: str | None = None, limit: int | None = None
) -> list[tuple[Claim, str]]:
    """Claims and their sources by run and time, those of this home's own runs included.

    Raises:
        NotFound: *run* claims nothing.
    """
    need_analytics("list claims")
    from trainfare.store.claims import list_claims as claims_of
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger:
        with ledger.change() as connection:
            sync_metered(home, connection)
        with ledger.look() as connection:
            found = claims_of(connection, run, limit)
    if run is not None and not found:
        raise NotFound(f"run {run!r} claims nothing; trainfare claims list shows all claims")
    return found


def claim_json(claim: Claim, source: str) -> dict[str, Any]:
    """A claim and who says so, with stable keys."""
    return {
        "run": claim.run,
        "attempt": claim.attempt,
        "resource": claim.resource_id,
        "start": format_instant(claim.interval.start_ns),
        "end": format_instant(claim.interval.end_ns),
        "share": share_text(claim.share),
        "source": source,
    }


def sync_metered(home: Path, connection: sa.Connection) -> ClaimChange:
    """Bring the claims of this home's own runs into the ledger, in the caller's transaction.

    Ranks and wrappers of a run on one machine become one claim; a run that goes on is claimed up to
    its last sample and grows with the next look.
    """
    from trainfare.clusters.record import clean_text
    from trainfare.store.claims import put_claims

    close_dead(home)
    claims: list[Claim] = []
    labels: dict[str, dict[str, str]] = {}
    for receipt in read_receipts(home):
        run = receipt.run
        claims.extend(c for c in merge_claims(run.claims()) if c.interval.duration_ns)
        name = clean_text(run.name)  # a database may not take what a recording does
        labels[run.id] = {**({"name": name} if name else {}), **run.labels}
    return put_claims(connection, claims, labels, METERED)


def attachments_file(home: Path) -> Path:
    """Where it is kept what hangs on what: ``resource,parent`` lines."""
    return home / "attachments.csv"


def read_attachments(home: Path) -> dict[str, str]:
    """Resource → the one it follows: a volume, IP or NAT → its instance.

    Raises:
        BadInput: it is not text, a line has no two names, or a resource has two parents.
    """
    path = attachments_file(home)
    if not path.exists():
        return {}
    attached: dict[str, str] = {}
    for number, row in csv_rows(path):
        names = [cell.strip() for cell in row]
        if number == 0 and names == ["resource", "parent"]:
            continue
        if len(names) != 2 or not all(names):
            raise BadInput(f"{path} line {number + 1}: {row!r} is not resource,parent")
        resource, parent = names
        if attached.setdefault(resource, parent) != parent:
            raise BadInput(
                f"{path} line {number + 1}: {resource} hangs on {attached[resource]} already"
            )
    return attached
