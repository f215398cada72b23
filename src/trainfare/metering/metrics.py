"""Metrics: what the training said of itself with ``run.log``, summed up per name."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.metering.home import runs_folder
from trainfare.metering.recording import make_recording, read_regular
from trainfare.metering.shape import FAULTS
from trainfare.metering.spool import EVENTS, METRICS, read_lines

WHOLE_STEPS = ("global_step", "trainer/global_step")
"""Names under which training loops log the step of the whole training; a bare ``step`` may begin
anew after a restart, so it does not tell."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric over a run, in order of time; a value may be NaN or infinite."""

    name: str
    first: float
    last: float
    last_step: int
    """The step at which *last* was logged."""
    least: float | None
    """Smallest finite value; None where no value was finite."""
    most: float | None
    count: int

    def to_json(self) -> dict[str, Any]:
        """Plain keys; a value that JSON has no number for is the text nan, inf or -inf."""
        return {
            "first": json_number(self.first),
            "last": json_number(self.last),
            "last_step": self.last_step,
            "min": json_number(self.least),
            "max": json_number(self.most),
            "count": self.count,
        }


def json_number(value: float | None) -> float | str | None:
    """A number that every JSON reader takes, or its name where there is none.

    >>> json_number(0.5), json_number(float("nan")), json_number(float("-inf"))
    (0.5, 'nan', '-inf')
    """
    return value if value is None or math.isfinite(value) else str(value)


@dataclass(frozen=True, slots=True)
class Point:
    """One logged value."""

    wall_ns: int
    """Start of the segment by its wall clock, plus monotonic time since."""
    step: int
    """Steps that the segment had made."""
    value: float


def read_metrics(home: Path, run_id: str) -> dict[str, Metric]:
    """The metrics of one run by name, in order of first appearance; all its segments together."""
    return {name: _sum_up(name, points) for name, points in read_series(home, run_id).items()}


def read_series(home: Path, run_id: str) -> dict[str, list[Point]]:
    """Every value that one run logged, by metric, in order of time; all its segments together."""
    lines = [line for _, each in _segments(home, run_id) for line in each]
    lines.sort(key=lambda line: line[0])
    series: dict[str, list[Point]] = {}
    for wall_ns, step, numbers in lines:
        for name, value in numbers.items():
            series.setdefault(name, []).append(Point(wall_ns, step, value))
    return series


def read_logged_steps(home: Path, run_id: str) -> dict[str, int]:
    """Segment → the step of the whole training at which it began to count, where its log tells.

    Trainers log it as one of :data:`WHOLE_STEPS`; the first such value, less the steps that the
    segment had made by then.
    """
    found: dict[str, int] = {}
    for segment, lines in _segments(home, run_id):
        for _, step, numbers in lines:
            said = next((numbers[name] for name in WHOLE_STEPS if name in numbers), None)
            if said is not None and math.isfinite(said) and said >= step:
                found.setdefault(segment, round(said) - step)
    return found


def _segments(
    home: Path, run_id: str
) -> Iterator[tuple[str, list[tuple[int, int, dict[str, float]]]]]:
    root = runs_folder(home) / run_id
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        with contextlib.suppress(*FAULTS):
            yield folder.name, _lines(folder)


def _lines(folder: Path) -> list[tuple[int, int, dict[str, float]]]:
    """Time, step and numbers of each line of one segment that holds them."""
    recording = make_recording(read_regular(folder / EVENTS).partition(b"\n")[0], b"")
    began_ns = int(recording.start["w"]) if recording else 0
    found = []
    at_ns = 0
    for line in read_lines(read_regular(folder / METRICS)):
        try:
            numbers = {name: float(value) for name, value in line["m"].items()}
            # A log without times has lines without one: their order is all that is known.
            at_ns = int(line.get("t", at_ns))
            found.append((began_ns + at_ns, int(line["step"]), numbers))
        except FAULTS:
            continue
    return found


def _sum_up(name: str, series: list[Point]) -> Metric:
    finite = [point.value for point in series if math.isfinite(point.value)]
    return Metric(
        name=name,
        first=series[0].value,
        last=series[-1].value,
        last_step=series[-1].step,
        least=min(finite, default=None),
        most=max(finite, default=None),
        count=len(series),
    )
