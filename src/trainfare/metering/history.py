"""History: the runs of one home, read back from their spools; runs that died are closed here."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.errors import NotFound
from trainfare.core.estimate import estimate_run
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import (
    Artifact,
    PriceMark,
    RunRecord,
    Segment,
    make_run,
)
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.artifact import local_path
from trainfare.metering.home import runs_folder
from trainfare.metering.receipt import Preparation, Receipt, make_receipt
from trainfare.metering.recording import Recording, is_alive, make_recording, to_segment
from trainfare.metering.spool import EVENTS, SAMPLES, Spool, last_record_bytes, read_file
from trainfare.prices.book import PriceBook


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment, with the folder it was read from and when it was last written to."""

    segment: Segment
    folder: Path
    written_ns: int


def read_receipt(
    home: Path,
    run_id: str,
    *,
    own: Spool | None = None,
    now_ns: int | None = None,
    with_makers: bool = True,
    is_recent: bool = False,
) -> Receipt:
    """The receipt of one run as it stands now.

    Args:
        home: where the spools are.
        run_id: exact.
        own: the spool of the calling process, whose pending writes count too.
        now_ns: until when running segments and kept artifacts are priced.
        with_makers: whether to look for the runs that made the data which this run read.
        is_recent: read only the last minute of samples: enough for money and a live view.

    Raises:
        NotFound: nothing of this run was recorded here.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    found = _read_run(home, run_id, now_ns, own, with_devices=not is_recent)
    if not found:
        raise NotFound(f"no run {run_id!r} in {home}; `trainfare runs` lists those there are")
    started_ns = min(s.segment.started_wall_ns for s in found)
    others = _others(home, run_id, started_ns, now_ns)
    receipt = _make_receipt(found, others, PriceBook(home))
    if not with_makers:
        return receipt
    return replace(receipt, prepared_by=_preparations(home, receipt.run, now_ns))


def read_receipts(home: Path, *, now_ns: int | None = None) -> list[Receipt]:
    """The receipts of all runs, oldest first, from the last minute of samples of each."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    book = PriceBook(home)
    stored = {
        run_id: _read_run(home, run_id, now_ns, None, with_devices=False)
        for run_id in run_ids(home)
    }
    everyone = [one for group in stored.values() for one in group]
    receipts = [_make_receipt(group, everyone, book) for group in stored.values() if group]
    return sorted(receipts, key=lambda r: (r.run.attempts[0].interval.start_ns, r.run.id))


def _make_receipt(found: Sequence[Stored], others: Sequence[Stored], book: PriceBook) -> Receipt:
    """The receipt of the run that *found* records, beside the other runs among *others*."""
    own = [s.segment for s in found]
    start_ns = min(s.interval.start_ns for s in own)
    end_ns = max(s.interval.end_ns for s in own)
    uris = {a.uri for s in own for a in s.artifacts}
    # Only a run of the same time can hold the same machine, only one that names the same bytes
    # can share them: looking at no other keeps a list of a thousand runs quick.
    beside = [
        one.segment
        for one in others
        if one.segment.run != own[0].run
        and (
            (one.segment.started_wall_ns < end_ns and one.segment.interval.end_ns > start_ns)
            or not uris.isdisjoint(a.uri for a in one.segment.artifacts)
        )
    ]
    segments = _settle_artifacts([_priced(one, book) for one in own], beside)
    run = make_run(own[0].run, segments)
    claims = [one.claim(1) for one in beside]
    estimate = estimate_run(run, claims, network_price=_network_price(run, book))
    return make_receipt(run, estimate)


def run_ids(home: Path) -> list[str]:
    """The ids of all runs of which something was recorded, sorted."""
    try:
        folders = sorted(p for p in runs_folder(home).iterdir() if p.is_dir())
    except OSError:
        return []
    return [p.name for p in folders if any((s / EVENTS).exists() for s in p.iterdir())]


def find_run_id(home: Path, text: str) -> str:
    """The run that *text* names: its id, the beginning of one id, its name, or ``last``.

    A name that several runs bear means the latest of them.

    Raises:
        NotFound: none, or several ids begin so.
    """
    ids = run_ids(home)
    if text in ids:
        return text
    if not ids:
        raise NotFound(f"no run was recorded in {home} yet; start one: trainfare run -- COMMAND")
    starts = {run_id: first_words(home, run_id) for run_id in ids}
    latest = sorted(ids, key=lambda run_id: starts[run_id][0])
    if text == "last" and latest:
        return latest[-1]
    named = [run_id for run_id in latest if starts[run_id][1] == text]
    if named:
        return named[-1]
    begun = [run_id for run_id in ids if run_id.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise NotFound(f"{len(begun)} runs begin with {text!r}: {', '.join(begun[:5])}; say more")
    raise NotFound(f"no run is called {text!r}; `trainfare runs` lists those there are")


def first_words(home: Path, run_id: str) -> tuple[int, str | None]:
    """When the run began, and its name."""
    began, name = 0, None
    for folder in sorted((runs_folder(home) / run_id).iterdir()):
        recording = make_recording(read_file(folder / EVENTS).partition(b"\n")[0], b"")
        if recording is not None:
            began = min(began or recording.start["w"], recording.start["w"])
            name = name or recording.start.get("name")
    return began, name


def close_dead(home: Path) -> list[str]:
    """Write the end of every segment whose process died without one; returns their runs' ids."""
    now_ns = time.time_ns()
    closed = []
    for run_id in run_ids(home):
        for stored in _read_run(home, run_id, now_ns, None, with_devices=False):
            closed.extend([run_id] if _close(stored) else [])
    return closed


def _close(stored: Stored) -> bool:
    """Append the end event of a killed segment; where that cannot be written it stays derived."""
    segment = stored.segment
    events = read_file(stored.folder / EVENTS)
    recording = make_recording(events, b"")
    if segment.status is not Status.KILLED or recording is None or recording.end is not None:
        return False
    spool = Spool(stored.folder)
    if not events.endswith(b"\n"):
        spool.end_torn_line()
    spool.add_event(
        {
            "k": ev.END,
            "t": segment.duration_ns,
            "w": time.time_ns(),
            "status": Status.KILLED.value,
            "exit_code": None,
            "error": "the process ended without saying so; closed at its last sample",
            "steps": segment.steps,
        }
    )
    spool.close()
    return True


def _read_run(
    home: Path, run_id: str, now_ns: int, own: Spool | None, *, with_devices: bool
) -> list[Stored]:
    """All segments of one run, with every sample or the last ones."""
    root = runs_folder(home) / run_id
    try:
        folders = {p for p in root.iterdir() if p.is_dir()}
    except OSError:
        folders = set()
    if own is not None:
        folders.add(own.folder)
    stored = [
        _read_segment(folder, now_ns, own, with_devices=with_devices) for folder in sorted(folders)
    ]
    return [one for one in stored if one is not None]


def _read_segment(
    folder: Path, now_ns: int, own: Spool | None, *, with_devices: bool
) -> Stored | None:
    events = read_file(folder / EVENTS)
    path = folder / SAMPLES
    samples = read_file(path) if with_devices else last_record_bytes(path)
    is_own = own is not None and own.folder == folder
    if own is not None and is_own:
        events += own.pending_bytes(EVENTS)
        samples += own.pending_bytes(SAMPLES)
    recording = make_recording(events, samples)
    if recording is None:
        return None
    alive = recording.end is None and (is_own or is_alive(recording, folder))
    segment = to_segment(recording, alive=alive, now_wall_ns=now_ns)
    segment = replace(segment, artifacts=_observe(segment, folder, own))
    return Stored(segment, folder, _written_ns(folder, recording))


def _written_ns(folder: Path, recording: Recording) -> int:
    times = [int(recording.start["w"])]
    for name in (SAMPLES, EVENTS):
        path = folder / name
        if path.exists():
            times.append(path.stat().st_mtime_ns)
    return max(times)


def _others(home: Path, run_id: str, since_ns: int, now_ns: int) -> list[Stored]:
    """Segments of other runs that were written to since then: only they can overlap this one."""
    others = []
    for other in run_ids(home):
        if other == run_id:
            continue
        for folder in sorted((runs_folder(home) / other).iterdir()):
            try:
                written_ns = (folder / EVENTS).stat().st_mtime_ns
                if (folder / SAMPLES).exists():
                    written_ns = max(written_ns, (folder / SAMPLES).stat().st_mtime_ns)
            except OSError:
                continue
            if written_ns >= since_ns:
                one = _read_segment(folder, now_ns, None, with_devices=False)
                others.extend([one] if one else [])
    return others


def _observe(segment: Segment, folder: Path, own: Spool | None) -> tuple[Artifact, ...]:
    """Artifacts of this host that are no longer there are noted as gone, once."""
    if segment.machine.hostname != socket.gethostname():
        return segment.artifacts
    seen = []
    for artifact in segment.artifacts:
        path = local_path(artifact.uri) if artifact.is_kept and artifact.bytes else None
        if path is None or path.exists():
            seen.append(artifact)
            continue
        seen.append(replace(artifact, is_kept=False))
        spool = own if own is not None and own.folder == folder else Spool(folder)
        gone = {"role": artifact.role, "uri": artifact.uri, "w": artifact.held.end_ns}
        spool.add_event({"k": ev.GONE, "t": 0, **gone})
        if spool is not own:
            spool.close()
    return tuple(seen)


def _priced(segment: Segment, book: PriceBook) -> Segment:
    """Look up what the process itself had no time to: short runs and artifacts are priced here."""
    machine = segment.machine
    prices = segment.prices or (PriceMark(0, book.machine_price(machine, segment.started_wall_ns)),)
    artifacts = tuple(
        one
        if one.price is not None
        else replace(
            one,
            price=book.storage_price(machine.provider, machine.region, one.uri, one.held.start_ns),
        )
        for one in segment.artifacts
    )
    return replace(segment, prices=prices, artifacts=artifacts)


def _settle_artifacts(segments: Sequence[Segment], others: Sequence[Segment]) -> list[Segment]:
    """Count every byte once: a path written again releases what it held; readers share a dataset.

    A checkpoint or output is held until any run writes the same path. A dataset is held while a run
    that reads it lasts, and divided evenly among the runs that read it at the same moment; ranks of
    one run are one reader.
    """
    everyone = [*segments, *others]
    written = defaultdict(list)
    readers: dict[str, list[Claim]] = defaultdict(list)
    for segment in everyone:
        for one in segment.artifacts:
            if one.role == "dataset":
                readers[one.uri].append(Claim(segment.run, 1, one.uri, _reading(one, segment)))
            else:
                written[one.uri].append(one.held.start_ns)
    settled, counted = [], set()
    for segment in segments:
        artifacts = []
        for one in segment.artifacts:
            if one.role != "dataset":
                later = [at for at in written[one.uri] if at > one.held.start_ns]
                artifacts.append(_until(one, min(later, default=None)))
                continue
            paid_ns = Fraction(0)
            if one.uri not in counted and one.uri not in written:
                paid_ns = _own_time(readers[one.uri], segment.run)
            counted.add(one.uri)
            artifacts.append(replace(one, held=_reading(one, segment), paid_ns=paid_ns))
        settled.append(replace(segment, artifacts=tuple(artifacts)))
    return settled


def _reading(one: Artifact, segment: Segment) -> Interval:
    start_ns = min(one.held.start_ns, segment.interval.end_ns)
    return Interval(start_ns, segment.interval.end_ns)


def _own_time(claims: Sequence[Claim], run_id: str) -> Fraction:
    """The time of *run_id* among all readers, each moment divided evenly among the runs."""
    held = holdings(merge_claims(claims))
    own = (h.share * h.interval.duration_ns for h in held if h.claim.run == run_id)
    return sum(own, Fraction(0))


def _until(one: Artifact, end_ns: int | None) -> Artifact:
    if end_ns is None or end_ns >= one.held.end_ns:
        return one
    return replace(one, held=Interval(one.held.start_ns, end_ns), is_kept=False)


def _network_price(run: RunRecord, book: PriceBook) -> Price | NoPrice | None:
    """The price of the traffic class that the user stated, for the first machine of the run."""
    segment = run.segments[0]
    if segment.network_class is None:
        return None
    machine = segment.machine
    tariff = book.network_price(
        machine.provider, machine.region, segment.network_class, segment.started_wall_ns
    )
    if isinstance(tariff, NoPrice):
        return tariff
    # The free allowance is the account's, for all its traffic of the month: a run's bytes are
    # priced as the account pays for one more.
    paid = next((tier for tier in tariff.tiers if tier.per_gb), tariff.tiers[0])
    return Price(
        tariff.sku,
        paid.per_gb,
        "gb",
        tariff.currency,
        f"{tariff.source}; first paid tier",
        tariff.as_of,
        tariff.origin,
        quality=tariff.quality,
    )


def _preparations(home: Path, run: RunRecord, now_ns: int) -> tuple[Preparation, ...]:
    """Runs of this home whose outputs this run read as datasets."""
    wanted = {a.uri for s in run.segments for a in s.artifacts if a.role == "dataset"}
    if not wanted:
        return ()
    made: dict[str, str] = {}
    readers: dict[str, set[str]] = defaultdict(set)
    for other in run_ids(home):
        for folder in (runs_folder(home) / other).iterdir():
            recording = make_recording(read_file(folder / EVENTS), b"")
            for event in recording.events if recording else ():
                if event["k"] != ev.ARTIFACT or event["uri"] not in wanted:
                    continue
                if event["role"] == "dataset":
                    readers[event["uri"]].add(other)
                elif event["role"] == "output" and other != run.id:
                    made[event["uri"]] = other
    return tuple(
        Preparation(maker, uri, _total(home, maker, now_ns), len(readers[uri]))
        for uri, maker in sorted(made.items())
    )


def _total(home: Path, run_id: str, now_ns: int) -> Money | None:
    return read_receipt(home, run_id, now_ns=now_ns, with_makers=False).estimate.total
