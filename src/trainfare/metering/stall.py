"""Stalls: time in the train stage in which the training made no step, or waited for its data.

A gap between two steps is a stall where it is over :data:`LONGEST_NS` and over ten times the usual
gap of the same segment; what is beyond the usual gap counts. Waiting for the loader counts as it
was measured; inside a gap that is a stall it is part of it.

    stall = Σ over long gaps: max(gap − usual gap, wait in it) + Σ elsewhere: wait
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainfare.core.run import StageMark
from trainfare.core.stage import TRAIN
from trainfare.metering.sample import HostSample

LONGEST_NS = 60 * 10**9
"""A minute without a step is looked at; less can be an evaluation that nobody named."""

TIMES_USUAL = 10
"""A large model's step may itself take minutes: only ten of its usual gaps are a stall."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in the train stage from one sample with new steps to the next such sample."""

    train_ns: int
    wait_ns: int
    steps: int
    """Steps that were new at its end; 0 where the segment ended without one."""


def stalled_ns(hosts: Sequence[HostSample], marks: Sequence[StageMark], end_ns: int) -> int | None:
    """Stalled time of a segment; None where it made no step in its train stage.

    Args:
        hosts: every sample of the segment, in order.
        marks: its stages; time in another stage than train is no stall.
        end_ns: when the segment ended.
    """
    gaps = list(_gaps(hosts, _TrainTime(marks), end_ns))
    usual = sorted(gap.train_ns // gap.steps for gap in gaps if gap.steps and gap.train_ns)
    if not usual:
        return None
    usual_ns = usual[len(usual) // 2]
    total = 0
    for gap in gaps:
        is_long = gap.train_ns > max(LONGEST_NS, TIMES_USUAL * usual_ns)
        beyond_ns = gap.train_ns - usual_ns * max(1, gap.steps)
        total += max(beyond_ns, gap.wait_ns) if is_long else gap.wait_ns
    return total


class _TrainTime:
    """How long a segment had been in its train stage at any moment, by prefix sums."""

    def __init__(self, marks: Sequence[StageMark]) -> None:
        self._edges, self._sums, self._is_train = [0], [0], [False]
        for mark in marks:
            self._sums.append(self.until(mark.at_ns))
            self._edges.append(mark.at_ns)
            self._is_train.append(mark.stage == TRAIN)

    def until(self, at_ns: int) -> int:
        index = bisect_right(self._edges, at_ns) - 1
        inside = at_ns - self._edges[index] if self._is_train[index] else 0
        return self._sums[index] + inside


def _gaps(hosts: Sequence[HostSample], train: _TrainTime, end_ns: int) -> Iterator[Gap]:
    steps = wait_ns = train_ns = 0
    for now in hosts:
        if now.steps > steps:
            until_ns, waited_ns = train.until(now.mono_ns), now.input_wait_ns or 0
            yield _gap(until_ns - train_ns, waited_ns - wait_ns, now.steps - steps)
            steps, wait_ns, train_ns = now.steps, waited_ns, until_ns
    if hosts:
        waited_ns = (hosts[-1].input_wait_ns or 0) - wait_ns
        yield _gap(train.until(max(end_ns, hosts[-1].mono_ns)) - train_ns, waited_ns, 0)


def _gap(train_ns: int, wait_ns: int, steps: int) -> Gap:
    return Gap(train_ns, min(max(0, wait_ns), train_ns), steps)
