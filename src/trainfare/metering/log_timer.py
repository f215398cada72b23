"""Log timers: the time that a log's own timer counted, beside the time that is paid for.

A benchmark's or trainer's timer leaves out what the machine is held for besides: starting up,
loading, compiling, evaluating, shutting down. Its money is the estimate of the very stretches of time
that it ran, cut there to the nano.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainfare.core.estimate import Estimate, Stretch
from trainfare.core.money import Money
from trainfare.core.period import SECOND, Interval
from trainfare.core.run import RunRecord, Segment


@dataclass(frozen=True, slots=True)
class LogTimer:
    """What the timer counted, and what else the machine was held for."""

    name: str
    time_ns: int
    outside_ns: int
    estimated_cost: Money | None
    outside_cost: Money | None
    """Both None while there is no price; together they are the cost of the machine's time."""

    def to_json(self) -> dict[str, Any]:
        """The key ``timer`` of a receipt."""
        inside, outside = self.estimated_cost, self.outside_cost
        return {
            "name": self.name,
            "seconds": round(self.time_ns / SECOND, 6),
            "estimated": None if inside is None else inside.text(),
            "outside_seconds": round(self.outside_ns / SECOND, 6),
            "outside_estimated": None if outside is None else outside.text(),
        }


def find_log_timer(run: RunRecord, estimate: Estimate) -> LogTimer | None:
    """The timer of the log that *run* was read from; None for a metered run or a log without one."""
    timed = [s for s in run.segments if s.log is not None and s.log.timer_name is not None]
    if not timed:
        return None
    spans = [(s.machine.resource_id, _span(s)) for s in timed]
    inside = [one for one in estimate.stretches if _is_inside(one, spans)]
    known = [s for s in estimate.stretches if s.estimated_cost is not None]
    cost_inside = cost_outside = None
    if len(known) == len(estimate.stretches):
        amounts = [s.estimated_cost for s in inside if s.estimated_cost is not None]
        total = Money.total(
            [s.estimated_cost for s in known if s.estimated_cost is not None], estimate.currency
        )
        cost_inside = Money.total(amounts, estimate.currency)
        cost_outside = total - cost_inside
    own = [s for s in timed if s.rank == 0]
    time_ns = sum(_span(s).duration_ns for s in own)
    held_ns = sum(attempt.interval.duration_ns for attempt in run.attempts)
    name = next(s.log.timer_name for s in timed if s.log and s.log.timer_name)
    return LogTimer(name, time_ns, held_ns - time_ns, cost_inside, cost_outside)


def _span(segment: Segment) -> Interval:
    assert segment.log is not None
    start_ns = segment.started_wall_ns
    return Interval(start_ns + segment.log.timer_start_ns, start_ns + segment.log.timer_end_ns)


def _is_inside(stretch: Stretch, spans: list[tuple[str, Interval]]) -> bool:
    return any(
        stretch.resource_id == resource_id
        and span.start_ns <= stretch.interval.start_ns
        and stretch.interval.end_ns <= span.end_ns
        for resource_id, span in spans
    )
