"""Datasets: what data runs made, which runs read it, and how much of it.

A *data run* is a run that prepares data: the whole of it is of stage ``data``. What a run says it
made (``run.output``) and what others say they read (``run.dataset``) meet by name:

- the same name, a place inside an output, or a folder with outputs in it is a reading of them;
- of an output that was written several times, a reader has the version that stood when it named it;
  where it named it before any was written, the first one that was written before the reader ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainfare.core.run import Artifact, RunRecord


@dataclass(frozen=True, slots=True)
class Reading:
    """One run's use of one output."""

    run: str
    since_ns: int
    """When it first named it."""
    bytes: int | None
    """How much it read: what it said, else the size of what it named, once, by its own sight or, of
    the whole, by the maker's word; None is unknown."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a run made under one name, and who read it."""

    run: str
    uri: str
    bytes: int | None
    weight: int | None = None
    """Its part of the run's work, against that of the run's other outputs; None is not said."""
    readings: tuple[Reading, ...] = ()
    """One per run, by its id; the maker's own is none."""
    made_of: tuple[str, ...] = ()
    """Other outputs of the same run that went into it."""
    is_data: bool = True
    """Whether a data run made it."""


@dataclass(frozen=True, slots=True)
class _Version:
    run: str
    written_ns: int


def places(uri: str) -> Iterator[str]:
    """*uri* and what it lies in, the nearest first, down to a bucket or a folder below the root.

    >>> list(places("s3://lake/clean@v3/part-0"))
    ['s3://lake/clean@v3/part-0', 's3://lake/clean@v3', 's3://lake']
    >>> list(places("/data/clean/"))
    ['/data/clean', '/data']
    """
    scheme, mark, rest = uri.rpartition("://")
    path = rest.rstrip("/")
    while path:
        yield f"{scheme}{mark}{path}"
        path = path.rpartition("/")[0]


def is_made(uri: str, written: Collection[str]) -> bool:
    """Whether *uri* is one of the names *written* by runs, or lies in one, or holds one.

    >>> is_made("s3://b/x/part-0", {"s3://b/x"}), is_made("s3://b", {"s3://b/x"})
    (True, True)
    >>> is_made("s3://b/xy", {"s3://b/x"})
    False
    """
    own = list(places(uri))
    return any(one in written for one in (uri, *own)) or any(
        own[0] in places(one) for one in written if own
    )


def is_inside(uri: str, place: str) -> bool:
    """Whether *uri* is *place* or lies in it.

    >>> is_inside("s3://b/x/part-0", "s3://b/x/"), is_inside("s3://b/x", "s3://b/x/part-0")
    (True, False)
    """
    return next(places(place), place) in places(uri)


def find_outputs(runs: Iterable[RunRecord]) -> tuple[Output, ...]:
    """What *runs* made, by run and name, each with all its readings."""
    runs = sorted(runs, key=lambda run: run.id)
    data = {run.id for run in runs if run.is_data}
    made: dict[tuple[str, str], Artifact] = {}
    versions: dict[str, list[_Version]] = defaultdict(list)
    for run in runs:
        for one in _outputs(run):
            uri = next(places(one.uri), one.uri)
            made[run.id, uri] = one
            versions[uri].append(_Version(run.id, one.held.start_ns))
    shelf = _Shelf(versions)
    read: dict[tuple[str, str], dict[str, Reading]] = defaultdict(dict)
    for run in runs if made else ():
        for key, reading in _readings(run, shelf, made).items():
            read[key][run.id] = reading
    return tuple(
        Output(
            *key,
            one.bytes,
            one.weight,
            tuple(read[key].values()),
            tuple(next(places(source), source) for source in one.made_of),
            key[0] in data,
        )
        for key, one in sorted(made.items())
    )


def _outputs(run: RunRecord) -> list[Artifact]:
    """In order of time, so that the last word on each name comes last."""
    found = [one for segment in run.segments for one in segment.artifacts if one.role == "output"]
    return sorted(found, key=lambda one: one.held.start_ns)


class _Shelf:
    """Every version of every output, by the name under which a reader may ask for it."""

    def __init__(self, versions: Mapping[str, Sequence[_Version]]) -> None:
        self._versions = versions
        self._inside: dict[str, list[str]] = defaultdict(list)
        for uri in versions:
            for place in list(places(uri))[1:]:
                self._inside[place].append(uri)

    def find(self, reader: str, uri: str, at_ns: int, until_ns: int) -> Iterator[tuple[str, str]]:
        """(Run, name) of each output that *reader* reads under *uri*."""
        own = list(places(uri))
        for place in own:
            version = self._standing(place, reader, at_ns, until_ns)
            if version is not None:
                yield version.run, place
                break
        for place in self._inside.get(own[0], ()) if own else ():
            version = self._standing(place, reader, at_ns, until_ns)
            if version is not None:
                yield version.run, place

    def _standing(self, uri: str, reader: str, at_ns: int, until_ns: int) -> _Version | None:
        others = [one for one in self._versions.get(uri, ()) if one.run != reader]
        before = [one for one in others if one.written_ns <= at_ns]
        if before:
            return max(before, key=lambda one: (one.written_ns, one.run))
        later = [one for one in others if one.written_ns <= until_ns]
        return min(later, key=lambda one: (one.written_ns, one.run), default=None)


def _readings(
    run: RunRecord, shelf: _Shelf, made: Mapping[tuple[str, str], Artifact]
) -> dict[tuple[str, str], Reading]:
    """(Maker, name) → what *run* read of it, all its processes together."""
    said: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(dict)
    sizes: dict[tuple[str, str], dict[str, int | None]] = defaultdict(dict)
    since: dict[tuple[str, str], int] = {}
    for segment in run.segments:
        named = [one for one in segment.artifacts if one.role == "dataset"]
        for one in sorted(named, key=lambda one: one.held.start_ns):
            at_ns = one.held.start_ns
            for key in shelf.find(run.id, one.uri, at_ns, segment.interval.end_ns):
                since[key] = min(at_ns, since.get(key, at_ns))
                is_whole = is_inside(key[1], one.uri)
                whole = made[key].bytes if is_whole else None
                sizes[key][one.uri] = whole if one.bytes is None else one.bytes
                if one.read_bytes is not None:
                    said[key][segment.id, one.uri] = one.read_bytes
    found = {}
    for key, at_ns in since.items():
        known = [size for size in sizes[key].values() if size is not None]
        size = sum(known) if len(known) == len(sizes[key]) else None
        found[key] = Reading(run.id, at_ns, sum(said[key].values()) if said[key] else size)
    return found
