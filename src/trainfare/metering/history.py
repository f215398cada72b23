"""History: the receipts of the runs of one home, each priced beside the others."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from trainfare.core.attempts import make_run
from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.dataset import find_outputs, is_made
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.estimate import estimate_run
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import Artifact, PriceMark, RunRecord, Segment
from trainfare.core.stage import Status
from trainfare.metering.neighbours import Neighbours, machine_names
from trainfare.metering.receipt import Preparation, Receipt, make_receipt
from trainfare.metering.shelf import (
    Faults,
    Stored,
    close_dead,
    first_words,
    read_others,
    read_run,
    run_ids,
)
from trainfare.metering.sizes import size_at
from trainfare.metering.spool import Spool
from trainfare.prices.book import PriceBook

__all__ = [
    "close_dead",
    "find_run_id",
    "first_words",
    "read_history",
    "read_receipt",
    "read_receipts",
    "read_some",
    "run_ids",
]


def read_receipt(
    home: Path,
    run_id: str,
    *,
    own: Spool | None = None,
    now_ns: int | None = None,
    with_makers: bool = True,
    is_recent: bool = False,
    beside: Collection[str] | None = None,
) -> Receipt:
    """The receipt of one run as it stands now.

    Args:
        home: where the spools are.
        run_id: exact.
        own: the spool of the calling process, whose pending writes count too.
        now_ns: until when running segments and kept artifacts are priced.
        with_makers: whether to look for the runs that made the data which this run read.
        beside: the only other runs to look at, where that is known; else all of the home.
        is_recent: read only the last minute of samples: enough for money and a live view.

    Raises:
        NotFound: nothing of this run was recorded here.
        BadInput: something was, and none of it can be read.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    faults = Faults()
    found = read_run(home, run_id, now_ns, faults, own=own, with_devices=not is_recent)
    if not found:
        if faults.whys:
            raise BadInput(f"run {run_id!r} in {home}: {faults.note()[0]}")
        raise NotFound(f"no run {run_id!r} in {home}; `trainfare runs` lists those there are")
    started_ns = min(s.segment.started_wall_ns for s in found)
    others = read_others(home, run_id, started_ns, now_ns, faults, among=beside)
    receipt = _make_receipt(found, Neighbours(one.segment for one in others), PriceBook(home))
    if with_makers:
        prepared = _preparations(home, receipt.run, now_ns, faults, among=beside)
        receipt = replace(receipt, prepared_by=prepared)
    return replace(receipt, remarks=tuple(faults.note()))


def read_receipts(
    home: Path, *, now_ns: int | None = None, is_whole: bool = False
) -> list[Receipt]:
    """The receipts of all runs, oldest first, from the last minute of samples of each, or from all.

    Only all of the samples tell of stalls and of what accelerators did.
    """
    return read_history(home, now_ns=now_ns, is_whole=is_whole)[0]


def read_history(
    home: Path, *, now_ns: int | None = None, is_whole: bool = False
) -> tuple[list[Receipt], list[str]]:
    """The receipts of all runs, oldest first, and one remark on the records that cannot be read."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    book, faults = PriceBook(home), Faults()
    stored = [
        read_run(home, run_id, now_ns, faults, with_devices=is_whole) for run_id in run_ids(home)
    ]
    neighbours = Neighbours(one.segment for group in stored for one in group)
    receipts = [_make_receipt(group, neighbours, book) for group in stored if group]
    receipts.sort(key=lambda r: (r.run.interval.start_ns, r.run.id))
    return receipts, faults.note()


def read_some(
    home: Path, runs: Sequence[str], beside: Iterable[str], *, now_ns: int
) -> tuple[list[Receipt], list[str]]:
    """The receipts of *runs*, priced beside one another and the runs *beside*, and a remark.

    They are read from the last minute of samples of each; the remark is on unreadable records.

    Whoever knows which runs went on at the same time, or named the same artifacts, spares a look
    at the whole home.
    """
    book, faults = PriceBook(home), Faults()
    stored = {run_id: read_run(home, run_id, now_ns, faults) for run_id in {*runs, *beside}}
    neighbours = Neighbours(one.segment for group in stored.values() for one in group)
    receipts = [_make_receipt(stored[run], neighbours, book) for run in runs if stored[run]]
    return receipts, faults.note()


def _make_receipt(found: Sequence[Stored], neighbours: Neighbours, book: PriceBook) -> Receipt:
    """The receipt of the run that *found* records, beside the other runs of the home."""
    own = [s.segment for s in found]
    beside = neighbours.beside(own)
    segments = _settle_artifacts([_priced(one, book) for one in own], beside)
    run = make_run(own[0].run, segments)
    claims = [one.claim(1) for one in beside]
    company = _company(own, beside)
    price = _network_price(run, book)
    if company and isinstance(price, Price):
        price = NoPrice(price.sku, "the bytes are the machine's, and other runs were on it")
    estimate = estimate_run(run, claims, network_price=price)
    return replace(make_receipt(run, estimate), beside=company)


def _company(own: Sequence[Segment], beside: Sequence[Segment]) -> dict[str, bool]:
    """The runs of *beside* that were on the machines of *own* at their time; whether they still are."""
    found: dict[str, bool] = {}
    for one in beside:
        if any(_is_beside(one, each) for each in own):
            found[one.run] = found.get(one.run, False) or one.status is Status.RUNNING
    return found


def _is_beside(one: Segment, own: Segment) -> bool:
    """Whether two segments were on one machine at one time; what only begins was there already."""
    return (
        machine_names(one) & machine_names(own) != set()
        and one.started_wall_ns < own.interval.end_ns
        and one.interval.end_ns > own.started_wall_ns
    )


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
        for one in (_sized(one, book.home) for one in segment.artifacts)
    )
    return replace(segment, prices=prices, artifacts=artifacts)


def _sized(one: Artifact, home: Path) -> Artifact:
    """With the size that was found later, where what was listed is what the run named."""
    if one.bytes is not None:
        return one
    return replace(one, bytes=size_at(home, one.uri, one.held.start_ns))


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
            if one.uri not in counted and not is_made(one.uri, written):
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


def _preparations(
    home: Path,
    run: RunRecord,
    now_ns: int,
    faults: Faults,
    *,
    among: Collection[str] | None,
) -> tuple[Preparation, ...]:
    """Runs of this home whose outputs this run read as datasets."""
    if not any(a.role == "dataset" for s in run.segments for a in s.artifacts):
        return ()
    records = [run]
    for other in run_ids(home) if among is None else sorted(among):
        found = read_run(home, other, now_ns, faults) if other != run.id else []
        if found:
            records.append(make_run(other, [one.segment for one in found]))
    return tuple(
        Preparation(one.run, one.uri, _total(home, one.run, now_ns), len(one.readings))
        for one in sorted(find_outputs(records), key=lambda one: one.uri)
        if any(reading.run == run.id for reading in one.readings)
    )


def _total(home: Path, run_id: str, now_ns: int) -> Money | None:
    return read_receipt(home, run_id, now_ns=now_ns, with_makers=False).estimate.total
