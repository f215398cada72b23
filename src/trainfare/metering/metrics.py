"""Metrics: what the training said of itself with ``run.log``, summed up per name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.metering.home import runs_folder
from trainfare.metering.recording import make_recording, read_regular
from trainfare.metering.shape import FAULTS
from trainfare.metering.spool import EVENTS, METRICS, read_lines


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


def read_metrics(home: Path, run_id: str) -> dict[str, Metric]:
    """The metrics of one run by name, in order of first appearance; all its segments together."""
    lines: list[tuple[int, int, dict[str, float]]] = []
    root = runs_folder(home) / run_id
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        try:
            lines.extend(_lines(folder))
        except FAULTS:
            continue
    lines.sort(key=lambda line: line[0])
    values: dict[str, list[tuple[int, float]]] = {}
    for _, step, numbers in lines:
        for name, value in numbers.items():
            values.setdefault(name, []).append((step, value))
    return {name: _sum_up(name, series) for name, series in values.items()}


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


def _sum_up(name: str, series: list[tuple[int, float]]) -> Metric:
    finite = [value for _, value in series if math.isfinite(value)]
    return Metric(
        name=name,
        first=series[0][1],
        last=series[-1][1],
        last_step=series[-1][0],
        least=min(finite, default=None),
        most=max(finite, default=None),
        count=len(series),
    )
