"""Attempts: the segments of one run put in order and grouped into uninterrupted stretches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from trainfare.core.run import LOCAL_RESOURCE, Attempt, RunRecord, Segment


def make_run(run: str, segments: Sequence[Segment]) -> RunRecord:
    """Group *segments* of one run into attempts: a new one begins when all before it have ended.

    The same segment given twice (a copied spool, a shared home) counts once, and segments of one
    machine count as on one machine, also where only some of them learnt what the bill calls it.
    Which of two came first is told by the monotonic clock where both ran since one boot: the wall
    clock may have been set back between them.
    """
    unique = {segment.id: segment for segment in _on_one_machine(segments)}
    groups: list[list[Segment]] = []
    ends: dict[str, tuple[int, int]] = {}  # clock → the latest end by it, and by the wall clock
    for segment in _in_order(unique.values()):
        clock, start_ns = _clock_of(segment)
        by_clock, by_wall = ends.get(clock, (start_ns, segment.started_wall_ns))
        elsewhere = (wall_ns for name, (_, wall_ns) in ends.items() if name != clock)
        is_after = start_ns >= by_clock and segment.started_wall_ns >= max(elsewhere, default=0)
        if not groups or is_after:
            groups.append([])
        groups[-1].append(segment)
        end_ns = max(by_clock, start_ns + segment.duration_ns)
        ends[clock] = end_ns, max(by_wall, segment.interval.end_ns)
    attempts = tuple(Attempt(n, tuple(group)) for n, group in enumerate(groups, start=1))
    return RunRecord(run, attempts)


def _in_order(segments: Iterable[Segment]) -> list[Segment]:
    """By the wall clock; those since one boot keep their places, in the order of its clock."""
    ordered = sorted(segments, key=lambda s: (s.started_wall_ns, s.rank, s.id))
    boots = defaultdict(list)
    for segment in ordered:
        boots[_clock_of(segment)[0]].append(segment)
    queues = {
        clock: iter(sorted(group, key=lambda s: _clock_of(s)[1])) for clock, group in boots.items()
    }
    return [next(queues[_clock_of(segment)[0]]) for segment in ordered]


def _clock_of(segment: Segment) -> tuple[str, int]:
    """The clock that tells best when a segment began, and what it said."""
    boot = segment.machine.facts.get("boot")
    if boot is None or segment.started_mono_ns is None:
        return "wall", segment.started_wall_ns
    return boot, segment.started_mono_ns


def _on_one_machine(segments: Sequence[Segment]) -> list[Segment]:
    """Segments with the same host or boot get the provider's name for it, if any of them knows it.

    A metadata service that did not answer one rank in time must not make one node two resources.
    """
    known: dict[str, str] = {}
    for segment in segments:
        for fact in _machine_marks(segment):
            name = segment.machine.resource_id
            if known.get(fact, LOCAL_RESOURCE).startswith(LOCAL_RESOURCE):
                known[fact] = name
    result = []
    for segment in segments:
        names = [known[fact] for fact in _machine_marks(segment)]
        better = [name for name in names if not name.startswith(LOCAL_RESOURCE)]
        is_local = segment.machine.resource_id.startswith(LOCAL_RESOURCE)
        if is_local and better:
            machine = replace(segment.machine, resource_id=better[0])
            result.append(replace(segment, machine=machine))
        else:
            result.append(segment)
    return result


def _machine_marks(segment: Segment) -> list[str]:
    facts = segment.machine.facts
    return [f"{key}={facts[key]}" for key in ("host", "boot") if facts.get(key)]
