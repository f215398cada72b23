"""The datasets path: what runs made, read and kept → its size, listed once → what a month of it costs.

A version of a place is known by the object that its writer writes last (``_SUCCESS`` of Spark …), or
by a name that states it (``…@v3``): then it is never listed again. Any other place is listed anew
once a run has named it since.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trainfare.billing.remote import open_store, outside_failures
from trainfare.core.attempts import make_run
from trainfare.core.dataset import find_outputs
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.core.machine import Machine
from trainfare.core.money import Money
from trainfare.core.period import HOUR, format_instant
from trainfare.core.price import MONTH_HOURS, Price
from trainfare.core.run import RunRecord
from trainfare.metering.artifact import local_path, normal_uri
from trainfare.metering.shelf import Faults, read_run, run_ids
from trainfare.metering.sizes import Size, measure, recall, remember, size_at
from trainfare.prices.book import PriceBook

MARKS = (
    "_SUCCESS",
    "_metadata",
    "dataset_info.json",
    "index.json",
    "manifest.json",
    "metadata/version-hint.text",
)
"""Objects that writers write last: Spark and Hadoop, Dask, Hugging Face, MosaicML, Iceberg."""

_TAGS = ("ETag", "etag", "md5Hash")
_TIMES = ("LastModified", "last_modified", "updated", "mtime")


@dataclass(slots=True)
class Dataset:
    """One place that runs made, read or kept."""

    uri: str
    roles: set[str] = field(default_factory=set)
    made_by: set[str] = field(default_factory=set)
    read_by: set[str] = field(default_factory=set)
    named_ns: int = 0
    """When a run named it last."""
    bytes: int | None = None
    objects: int | None = None
    machine: Machine | None = None
    """Of the run that named it last: the price of its storage is taken there."""
    monthly: Money | None = None
    why: str | None = None
    """Why it was not listed, or has no price."""
    state: str | None = None
    """listed, or remembered; None where nobody asked."""

    def to_json(self) -> dict[str, Any]:
        """The dataset with the keys that scripts depend on."""
        return {
            "uri": self.uri,
            "roles": sorted(self.roles),
            "made_by": sorted(self.made_by),
            "read_by": sorted(self.read_by),
            "named_at": format_instant(self.named_ns) if self.named_ns else None,
            "bytes": self.bytes,
            "objects": self.objects,
            "per_month": None if self.monthly is None else self.monthly.text(),
            "currency": None if self.monthly is None else self.monthly.currency,
            "state": self.state,
            "why": self.why,
        }


def list_datasets(
    home: Path, uris: Sequence[str] = (), *, is_sized: bool = False, is_again: bool = False
) -> list[Dataset]:
    """Every place that runs named, or those of *uris*, the largest first.

    Args:
        home: whose runs.
        uris: only these; they need not be known to any run.
        is_sized: list what is not known yet, with the user's own credentials.
        is_again: list it whatever is known.
    """
    found = _named(home)
    if uris:
        names = [normal_uri(uri) for uri in uris]
        found = {name: found.get(name) or Dataset(name) for name in names}
    book, now_ns = PriceBook(home), time.time_ns()
    for one in found.values():
        if is_sized or is_again:
            _size(home, one, is_again=is_again)
        known = recall(home, one.uri)
        if known is not None and (one.state or size_at(home, one.uri, one.named_ns) is not None):
            one.bytes, one.objects = known.bytes, known.objects
        _price(one, book, now_ns)
    return sorted(found.values(), key=lambda one: (-(one.bytes or -1), one.uri))


def _named(home: Path) -> dict[str, Dataset]:
    """URI → the dataset, from all runs of the home."""
    now_ns, faults = time.time_ns(), Faults()
    stored = {run_id: read_run(home, run_id, now_ns, faults) for run_id in run_ids(home)}
    runs = [make_run(name, [s.segment for s in group]) for name, group in stored.items() if group]
    found: dict[str, Dataset] = {}
    for run in runs:
        for segment in run.segments:
            for one in segment.artifacts:
                known = found.setdefault(one.uri, Dataset(one.uri))
                known.roles.add(one.role)
                (known.read_by if one.role == "dataset" else known.made_by).add(run.id)
                if one.held.start_ns >= known.named_ns:
                    known.named_ns, known.machine = one.held.start_ns, segment.machine
                    known.bytes = one.bytes if one.bytes is not None else known.bytes
    _add_readers(found, runs)
    return found


def _add_readers(found: Mapping[str, Dataset], runs: Iterable[RunRecord]) -> None:
    """Runs that read an output under the name of a part of it, or of what it lies in."""
    readers: dict[str, set[str]] = defaultdict(set)
    for output in find_outputs(runs):
        readers[output.uri] |= {reading.run for reading in output.readings}
    for uri, one in found.items():
        one.read_by |= readers.get(uri.rstrip("/"), set())


def _size(home: Path, one: Dataset, *, is_again: bool) -> None:
    """Take the size of one place, or note why it cannot be had."""
    path = local_path(one.uri)
    if path is not None:
        one.bytes = measure(home, one.uri, is_new=is_again)
        one.state = None if one.bytes is None else "listed"
        one.why = "it is not on this machine" if one.bytes is None else None
        return
    try:
        known = None if is_again else recall(home, one.uri)
        with outside_failures(one.uri):
            store, place = open_store(one.uri)
            if known is not None and _stands(store, place, known, one.named_ns):
                one.state = "remembered"
                return
            size = _list(store, place, one.uri)
        remember(home, one.uri, size)
        one.state = "listed"
    except TrainfareError as error:
        one.why = str(error)


def _stands(store: Any, place: str, known: Size, named_ns: int) -> bool:
    """Whether what is *known* of a place is what is there, as far as one question tells."""
    if known.is_fixed:
        return True
    if known.mark is not None:
        name = known.mark.partition("\n")[0]
        try:
            return known.mark == _mark(name, store.info(f"{place.rstrip('/')}/{name}"))
        except FileNotFoundError:
            return False
    return known.listed_ns >= named_ns


def _list(store: Any, place: str, uri: str) -> Size:
    """List everything under *place*, once; a name ``…@v3`` may state the version of what is there.

    Raises:
        NotFound: nothing is there.
    """
    began_ns = time.time_ns()
    last = place.rstrip("/").rpartition("/")[2]
    is_fixed = "@" in last
    found = store.find(place, detail=True)
    if not found and is_fixed:
        place = place.rstrip("/").rpartition("@")[0]
        found = store.find(place, detail=True)
    if not found:
        raise NotFound(f"there is nothing at {uri}; check bucket and key")
    root = store._strip_protocol(place).rstrip("/")  # noqa: SLF001 (fsspec's own name for a place)
    by_name = {str(name).removeprefix(root).lstrip("/"): about for name, about in found.items()}
    mark = next((_mark(name, by_name[name]) for name in MARKS if name in by_name), None)
    times = [_written_ns(about) for about in found.values()]
    known = [at for at in times if at is not None]
    return Size(
        bytes=sum(int(about["size"] or 0) for about in found.values()),
        objects=len(found),
        listed_ns=began_ns,
        newest_ns=max(known) if len(known) == len(times) else None,
        mark=mark,
        is_fixed=is_fixed,
    )


def _mark(name: str, about: Mapping[str, Any]) -> str:
    tag = next((str(about[key]) for key in _TAGS if about.get(key)), "")
    return f"{name}\n{tag.strip(chr(34))}\n{_written_ns(about)}\n{about.get('size')}"


def _written_ns(about: Mapping[str, Any]) -> int | None:
    """When an object was written, by whatever its store calls that."""
    value = next((about[key] for key in _TIMES if about.get(key)), None)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return int(value.timestamp()) * 10**9 if isinstance(value, datetime) else None


def _price(one: Dataset, book: PriceBook, now_ns: int) -> None:
    if one.bytes is None:
        one.why = one.why or "its size is unknown; trainfare datasets --size lists it"
        return
    place = (one.machine.provider, one.machine.region) if one.machine else (None, None)
    price = book.storage_price(*place, one.uri, now_ns)
    if isinstance(price, Price):
        one.monthly = price.of(one.bytes * MONTH_HOURS * HOUR)
    else:
        one.why = one.why or price.why
