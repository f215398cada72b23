"""Combining: several allocations of one run on one resource become one claim at every instant.

Two pods of a run that hold two GPUs of a node each hold half of it *together*. Elsewhere
overlapping claims of one run on one resource count once (eight ranks see the same machine), so
what adds up must be added up here, where it is known that the parts are distinct.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from trainfare.clusters.record import ClaimRecord
from trainfare.core.period import Interval
from trainfare.core.run import (
    DeviceUse,
)


def combine(records: Iterable[ClaimRecord], *, joins: bool) -> Iterator[ClaimRecord]:
    """Number the attempts of each run by time, and add up its shares of each resource.

    Args:
        records: distinct allocations; their own attempt numbers are ignored.
        joins: whether an allocation that begins when another ends carries on the same attempt (a
            pod cut at the edge of an export's window), or begins the next (a requeued job).

    Yields:
        Records of each run in order of time; on one resource they do not overlap, and no share
        is above 1.
    """
    runs: dict[str, list[ClaimRecord]] = defaultdict(list)
    for record in records:
        runs[record.run].append(record)
    for parts in runs.values():
        resources: dict[str, list[ClaimRecord]] = defaultdict(list)
        for record in number_attempts(parts, joins=joins):
            resources[record.resource_id].append(record)
        combined = [piece for group in resources.values() for piece in _add_up(group)]
        yield from sorted(combined, key=lambda r: (r.interval.start_ns, r.resource_id))


def number_attempts(records: Iterable[ClaimRecord], *, joins: bool) -> Iterator[ClaimRecord]:
    """Records of one run in order of time; a new attempt begins when all before it have ended."""
    attempt, latest = 0, None
    for record in sorted(records, key=lambda r: (r.interval.start_ns, r.interval.end_ns)):
        start_ns = record.interval.start_ns
        if latest is None or start_ns > latest or (start_ns == latest and not joins):
            attempt += 1
        latest = max(latest or 0, record.interval.end_ns)
        yield record if record.attempt == attempt else replace(record, attempt=attempt)


def _add_up(group: list[ClaimRecord]) -> Iterator[ClaimRecord]:
    """Cut the records of one run on one resource at every change and add their shares."""
    whole = [r for r in group if r.interval.duration_ns]
    if len(whole) < 2 or not _overlap(whole):
        yield from group
        return
    yield from (r for r in group if not r.interval.duration_ns)
    opening: dict[int, list[int]] = defaultdict(list)
    closing: dict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(whole):
        opening[record.interval.start_ns].append(index)
        closing[record.interval.end_ns].append(index)
    edges = sorted(opening.keys() | closing.keys())
    active: set[int] = set()
    piece: ClaimRecord | None = None
    for edge, following in pairwise(edges):
        active.difference_update(closing[edge])
        active.update(opening[edge])
        members = [whole[index] for index in sorted(active)]
        if not members:
            continue
        following_piece = _together(members, Interval(edge, following))
        if piece is not None and _carries_on(piece, following_piece):
            piece = replace(piece, interval=Interval(piece.interval.start_ns, following))
        else:
            if piece is not None:
                yield _with_activity(piece, whole)
            piece = following_piece
    if piece is not None:
        yield _with_activity(piece, whole)


def _overlap(records: list[ClaimRecord]) -> bool:
    """Whether any two of *records*, which are in order of start, overlap."""
    latest = 0
    for record in records:
        if record.interval.start_ns < latest:
            return True
        latest = max(latest, record.interval.end_ns)
    return False


def _together(members: list[ClaimRecord], interval: Interval) -> ClaimRecord:
    """What *members* hold during *interval*."""
    share = min(Fraction(1), sum((m.share for m in members), Fraction(0)))
    labels: dict[str, str] = {}
    reported: dict[str, str] = {}
    for member in members:
        for key, value in member.labels.items():
            labels.setdefault(key, value)
        _merge_reported(reported, member.reported)
    running = [m.status for m in members if m.status == "running"]
    return replace(
        members[0],
        interval=interval,
        share=share,
        labels=labels,
        status=running[0] if running else members[-1].status,
        activity=(),
        reported=reported,
    )


def _merge_reported(into: dict[str, str], more: Mapping[str, str]) -> None:
    """Keep every figure once; several are listed, not added."""
    for key, value in more.items():
        known = into.get(key)
        if known is None:
            into[key] = value
        elif value not in known.split(" "):
            into[key] = f"{known} {value}"


def _carries_on(piece: ClaimRecord, following: ClaimRecord) -> bool:
    same = (piece.share, piece.attempt, piece.labels, piece.status, piece.reported)
    other = (
        following.share,
        following.attempt,
        following.labels,
        following.status,
        following.reported,
    )
    return same == other and piece.interval.end_ns == following.interval.start_ns


def _with_activity(piece: ClaimRecord, members: list[ClaimRecord]) -> ClaimRecord:
    """*piece* with the device windows of *members* that begin within it, counted from its start."""
    start_ns, end_ns = piece.interval.start_ns, piece.interval.end_ns
    windows: list[DeviceUse] = []
    for member in members:
        offset = member.interval.start_ns
        windows.extend(
            _moved(use, offset - start_ns)
            for use in member.activity
            if start_ns <= use.start_ns + offset < end_ns
        )
    ordered = tuple(sorted(windows, key=lambda u: (u.start_ns, u.device_id)))
    return replace(piece, activity=ordered) if ordered else piece


def _moved(use: DeviceUse, by_ns: int) -> DeviceUse:
    return replace(use, start_ns=use.start_ns + by_ns, end_ns=use.end_ns + by_ns)
