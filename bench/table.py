"""Tables of measurements: what was measured, in which unit, against which target, on which machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FIGURES = "TRAINFARE_BENCH_FIGURES"
"""A variable that names the file to which a benchmark writes its tables as JSON."""


@dataclass(frozen=True)
class Spread:
    """The middle and the width of repeated measurements, all in one unit."""

    median: float
    quarter: float
    three_quarters: float
    least: float
    count: int

    def __str__(self) -> str:
        return (
            f"{short(self.median)} ({short(self.quarter)}–{short(self.three_quarters)}; "
            f"least {short(self.least)}; n {self.count})"
        )


def spread(values: Sequence[float]) -> Spread:
    """The spread of *values*; at least one.

    >>> str(spread([1.0, 2.0, 9.0]))
    '2.00 (1.50–5.50; least 1.00; n 3)'
    """
    ordered = sorted(values)
    quarter, three_quarters = ordered[0], ordered[-1]
    if len(ordered) > 2:
        quarter, _, three_quarters = statistics.quantiles(ordered, n=4, method="inclusive")
    return Spread(statistics.median(ordered), quarter, three_quarters, ordered[0], len(ordered))


def percentile(ordered: Sequence[float], part: float) -> float:
    """The value below which *part* (0–1) of the sorted, non-empty values lie.

    >>> percentile([1, 2, 3, 4], 0.5)
    3
    """
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def short(value: float) -> str:
    """Three digits that count: a benchmark has no more.

    >>> short(1234.5), short(12.34), short(0.01234)
    ('1234', '12.3', '0.0123')
    """
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return (
        f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
        if abs(value) >= 1
        else f"{value:.3g}"
    )


@dataclass(frozen=True)
class Target:
    """What the product promises and what this run measured."""

    what: str
    promise: str
    measured: str
    is_met: bool | None
    """None where it could not be measured here."""


@dataclass(frozen=True)
class Ratio:
    """How many times as much something takes as a peer or a limit of the same run, by medians."""

    what: str
    unit: str
    ours: Spread
    beside: Spread
    peer: str
    """Whose figures those are."""

    @property
    def value(self) -> float:
        """Below 1 is less than the peer takes."""
        return self.ours.median / self.beside.median

    @property
    def ends(self) -> tuple[float, float]:
        """The ratio of the quartiles that favour it, and of those that do not."""
        return (
            self.ours.quarter / self.beside.three_quarters,
            self.ours.three_quarters / self.beside.quarter,
        )


@dataclass
class Table:
    """One table of results with its targets and what a reader must know."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_before: float = 0.0
    load_after: float = 0.0
    seconds: float = 0.0

    def compare(self, unit: str, ways: Mapping[str, Sequence[float]], *, beside: str) -> None:
        """Set every way beside one of them: what was measured of each, in turns of one run."""
        self.ratios += [
            Ratio(what, unit, spread(values), spread(ways[beside]), beside)
            for what, values in ways.items()
            if what != beside
        ]

    def add(self, *cells: Any) -> None:
        """Append a row; None is shown as not measured."""
        self.rows.append(cells)

    def as_markdown(self) -> str:
        """The table as Markdown, its notes below."""
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---"] * len(self.columns))]
        lines += [_line(_cell(cell) for cell in row) for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)]
        lines.append(
            f"- took {self.seconds:.0f} s; load average of one minute {self.load_before:.1f} before, "
            f"{self.load_after:.1f} after."
        )
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The table with every number as measured."""
        rows = [
            {
                name: asdict(cell) if isinstance(cell, Spread) else cell
                for name, cell in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]
        ratios = [
            {**asdict(one), "value": one.value, "ends": list(one.ends)} for one in self.ratios
        ]
        return {**asdict(self), "rows": rows, "ratios": ratios}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return short(value) if isinstance(value, float) else str(value).replace("|", "\\|")


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def publish(*tables: Table) -> None:
    """Hand the tables to the runner that started this benchmark, if one did."""
    path = os.environ.get(FIGURES)
    if path:
        document = [table.as_json() for table in tables]
        Path(path).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def verdicts(tables: Sequence[Table]) -> str:
    """All targets of *tables* as one Markdown table."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    lines = [_line(("what", "target", "measured", "met")), _line(["---"] * 4)]
    lines += [
        _line((one.what, one.promise, one.measured, words[one.is_met]))
        for table in tables
        for one in table.targets
    ]
    return "\n".join(lines)


def machine_sentence() -> str:
    """Where and when this was measured."""
    model = "unknown CPU"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [one for one in cpuinfo.read_text().splitlines() if one.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} × {model}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
