"""Rows: logs of one record a line, as JSON lines, a JSON list or a table (CSV or TSV).

Which column is the time, the step or the epoch is known by the usual names or said by the user
(:mod:`trainfare.logs.keys`); every other number is a metric.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.core.source_file import csv_rows, head, text_lines
from trainfare.core.tally import BadRecords, Tally
from trainfare.logs.keys import TIMERS, Keys, to_instant, to_number, to_timer
from trainfare.logs.timer import Reading, sum_parts
from trainfare.logs.training_log import (
    COUNT_MAX,
    ENTRIES_MAX,
    Clock,
    Entry,
    Timer,
    TrainingLog,
    mark_stages,
    whole_step,
)

LINES, TABLE = "jsonl", "csv"

RESTART_NS, RESTART_PAUSES = 60 * SECOND, 10
"""Where steps go back after a pause of a minute and ten times the usual one, the training was away."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of progress."""

    number: int
    instant_ns: int | None
    timer_ns: int | None
    timer_name: str | None
    entry: Entry


def is_rows(lines: Sequence[str]) -> bool:
    """Whether the first of *lines* is a JSON object with a step, an epoch or a time.

    >>> is_rows(['{"step": 10, "loss": 2.5}']), is_rows(['{"jobs": []}'])
    (True, False)
    """
    try:
        document = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and bool(Keys().find(document))


def is_table(lines: Sequence[str]) -> bool:
    """Whether the first of *lines* heads a table with a column for the step or the epoch.

    >>> is_table(["epoch,accuracy,loss", "0,0.5,1.2"])
    True
    """
    names = [name.strip() for name in lines[0].split(delimiter_of(lines[0]))] if lines else []
    return len(names) > 1 and bool({"step", "epoch"} & set(Keys().find(dict.fromkeys(names, 0))))


def delimiter_of(header: str) -> str:
    """A tab where the header has one, else a comma."""
    return "\t" if "\t" in header else ","


def read_rows(path: Path, keys: Keys) -> list[TrainingLog]:
    """The stretches that JSON lines tell of.

    Raises:
        BadRecords: with every line that is no JSON object, or whose time is none.
    """
    tally = Tally(path.name)
    return _logs(LINES, _documents(path, tally), keys, tally)


def read_table(path: Path, keys: Keys) -> list[TrainingLog]:
    """The stretches that a table with a header tells of.

    Raises:
        BadRecords: with every row that has not the header's columns, or whose time is none.
    """
    tally = Tally(path.name)
    return _logs(TABLE, _records(path, tally), keys, tally)


def _documents(path: Path, tally: Tally) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of JSON lines; a last line that was cut short is passed over with a note."""
    torn: int | None = None
    for number, line in enumerate(text_lines(path), start=1):
        if not line.strip():
            continue
        if torn is not None:
            tally.refuse("is no JSON object; mend or delete the line", torn)
            torn = None
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            yield number, document
        else:
            torn = number
    if torn is not None:
        tally.note(f"line {torn} of {tally.file} is cut short; the log is read up to it")


def _records(path: Path, tally: Tally) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table by column; cells without text are not there."""
    rows = csv_rows(path, delimiter_of(head(path).lstrip().partition("\n")[0]))
    names = [name.strip() for name in next(rows, (0, []))[1]]
    for number, row in rows:
        if len(row) != len(names):
            tally.refuse(f"has {len(row)} fields, the header {len(names)}", number)
            continue
        yield number, {name: cell for name, cell in zip(names, row, strict=True) if cell.strip()}


def _logs(
    kind: str, documents: Iterable[tuple[int, Mapping[str, Any]]], keys: Keys, tally: Tally
) -> list[TrainingLog]:
    rows: list[_Row] = []
    for number, document in documents:
        row = _row(number, document, keys, tally)
        rows.extend([row] if row is not None else [])
        if len(rows) > ENTRIES_MAX:
            tally.refuse(f"is the row after {ENTRIES_MAX:,}; import a thinner log", number)
            break
    if not rows and not tally.problem_count:
        tally.refuse(
            "holds no row with a time, step or epoch; say which columns they are: --key step=COLUMN"
        )
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    if any(row.instant_ns is not None for row in rows):
        return _by_wall_clock(kind, rows, tally)
    if any(row.timer_ns is not None for row in rows):
        return [_by_timer(kind, rows, tally)]
    entries = tuple(row.entry for row in rows)
    return [TrainingLog(kind, Clock.NONE, 0, 0, entries, notes=tuple(tally.notes))]


def _row(number: int, document: Mapping[str, Any], keys: Keys, tally: Tally) -> _Row | None:
    """A row of progress, or None where it is none or wrong."""
    found = keys.find(document)
    if not found:
        return None
    before = tally.problem_count
    instant_ns = timer_ns = step = epoch = None
    timer = next((meaning for meaning in TIMERS if meaning in found), None)
    for meaning, column in found.items():
        value = document[column]
        try:
            if meaning == "time":
                instant_ns = to_instant(value, keys.zone)
            elif meaning == timer:
                timer_ns = to_timer(value, meaning)
            elif meaning == "step":
                step = _step(value)
            elif meaning == "epoch":
                epoch = _epoch(value)
        except BadInput as error:
            tally.refuse(str(error).replace("COLUMN", column), number, column, value)
    if tally.problem_count > before:
        return None
    metrics = {
        name: figure
        for name, value in document.items()
        if name not in found.values() and (figure := to_number(value)) is not None
    }
    entry = Entry(None, step, epoch, metrics)
    return _Row(number, instant_ns, timer_ns, found[timer] if timer else None, entry)


def _step(value: object) -> int:
    number = to_number(value)
    step = None if number is None else whole_step(number)
    if step is None:
        raise BadInput("is no step, which are whole numbers of at least 0")
    return step


def _epoch(value: object) -> float:
    number = to_number(value)
    if number is None or not 0 <= number <= COUNT_MAX:
        raise BadInput("is no epoch, which are numbers of at least 0")
    return number


def _by_timer(kind: str, rows: Sequence[_Row], tally: Tally) -> TrainingLog:
    """One stretch whose times count from the training's own zero."""
    name = next(row.timer_name for row in rows if row.timer_name)
    line = sum_parts((Reading(r.number, r.entry.step, r.timer_ns) for r in rows), name)
    entries = [_at(row, at_ns) for row, at_ns in zip(rows, line.times, strict=True)]
    return TrainingLog(
        kind=kind,
        clock=Clock.TIMER,
        start_ns=0,
        duration_ns=line.total_ns,
        entries=tuple(entries),
        stages=mark_stages(entries, Clock.TIMER, 0, line.total_ns),
        timer=Timer(name, line.part_start_ns, line.total_ns),
        notes=(*tally.notes, *line.notes),
    )


def _by_wall_clock(kind: str, rows: Sequence[_Row], tally: Tally) -> list[TrainingLog]:
    """Stretches of a log whose rows say when; rows without a time belong to the row before them."""
    timed: list[_Row] = []
    latest: int | None = next(row.instant_ns for row in rows if row.instant_ns is not None)
    for row in rows:
        latest = row.instant_ns if row.instant_ns is not None else latest
        timed.append(_Row(row.number, latest, None, None, row.entry))
    timed.sort(key=lambda row: row.instant_ns or 0)
    logs: list[TrainingLog] = []
    for stretch in _stretches(timed, tally):
        entries = [_at(row, row.instant_ns) for row in stretch]
        start_ns, end_ns = stretch[0].instant_ns or 0, stretch[-1].instant_ns or 0
        logs.append(
            TrainingLog(
                kind=kind,
                clock=Clock.WALL,
                start_ns=start_ns,
                duration_ns=end_ns - start_ns,
                entries=tuple(entries),
                stages=mark_stages(entries, Clock.WALL, start_ns, end_ns),
                notes=tuple(tally.notes) if not logs else (),
            )
        )
    return logs


def _stretches(rows: Sequence[_Row], tally: Tally) -> list[list[_Row]]:
    """*rows* cut where the training started again: steps go back after an unusually long pause."""
    pauses = [(b.instant_ns or 0) - (a.instant_ns or 0) for a, b in itertools.pairwise(rows)]
    away_ns = max(RESTART_NS, RESTART_PAUSES * statistics.median(pauses)) if pauses else 0
    stretches = [[rows[0]]]
    for pause, row in zip(pauses, rows[1:], strict=True):
        last = next((r.entry for r in reversed(stretches[-1]) if _place(r.entry)), None)
        is_back = last is not None and _is_before(row.entry, last)
        if is_back and pause > away_ns:
            tally.note(
                f"row {row.number} of {tally.file}: started again; the {pause / SECOND:,.0f} s "
                "between do not stand in the log and are not counted"
            )
            stretches.append([])
        stretches[-1].append(row)
    return stretches


def _place(entry: Entry) -> bool:
    return entry.step is not None or entry.epoch is not None


def _is_before(entry: Entry, last: Entry) -> bool:
    """Whether *entry* tells of an earlier step, or of an earlier epoch where there are no steps."""
    if entry.step is not None and last.step is not None:
        return entry.step < last.step
    if entry.epoch is not None and last.epoch is not None:
        return entry.epoch < last.epoch
    return False


def _at(row: _Row, at_ns: int | None) -> Entry:
    return Entry(at_ns, row.entry.step, row.entry.epoch, row.entry.metrics)
