"""Neighbours: the segments of other runs that bear on the receipt of one."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from trainfare.core.dataset import places
from trainfare.core.period import hull
from trainfare.core.run import Segment
from trainfare.core.stage import Status


class Neighbours:
    """Segments by machine and time and by what they hold, so that each run finds its few quickly."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        """Sort *segments*; memory and time are n log n."""
        self._by_uri: dict[str, list[Segment]] = defaultdict(list)
        self._by_place: dict[str, list[Segment]] = defaultdict(list)
        by_machine: dict[str, list[Segment]] = defaultdict(list)
        for one in segments:
            for name in machine_names(one):
                by_machine[name].append(one)
            for uri in {a.uri for a in one.artifacts}:
                self._by_uri[uri].append(one)
            for place in {p for a in one.artifacts if a.role == "output" for p in places(a.uri)}:
                self._by_place[place].append(one)
        self._by_machine: dict[str, tuple[list[Segment], list[int], list[int]]] = {}
        for name, group in by_machine.items():
            group.sort(key=lambda one: one.started_wall_ns)
            starts = [one.started_wall_ns for one in group]
            latest_ends = list(accumulate((one.interval.end_ns for one in group), max))
            self._by_machine[name] = group, starts, latest_ends

    def beside(self, own: Sequence[Segment]) -> list[Segment]:
        """Segments of other runs on the machines of *own* at its time, or that name its artifacts."""
        span = hull([one.interval for one in own])
        found: dict[tuple[str, str], Segment] = {}
        for name in {name for one in own for name in machine_names(one)}:
            group, starts, latest_ends = self._by_machine.get(name, ([], [], []))
            first = bisect_left(latest_ends, span.start_ns + 1)
            for one in group[first : bisect_left(starts, span.end_ns)]:
                if one.interval.end_ns > span.start_ns:
                    found[one.run, one.id] = one
        for uri in {a.uri for one in own for a in one.artifacts}:
            named = [*self._by_uri.get(uri, ()), *self._by_place.get(uri.rstrip("/"), ())]
            for place in places(uri):
                named += self._by_uri.get(place, ())
            found |= {(one.run, one.id): one for one in named}
        return [one for key, one in sorted(found.items()) if key[0] != own[0].run]


def machine_names(segment: Segment) -> set[str]:
    """What the machine of *segment* is called.

    A running one may still know it by the host's own name, until the cloud has told another.
    """
    machine = segment.machine
    host = machine.facts.get("host") if segment.status is Status.RUNNING else None
    return {machine.resource_id, host or machine.resource_id}
