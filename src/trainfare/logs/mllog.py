"""MLPerf logs: ``:::MLLOG {json}`` lines, alone or among other output.

MLPerf's score is the inner timer, from ``run_start`` to ``run_stop``. What is paid for is the time
for which the machine was held: here from the first event to the last, wherever the scheduler does
not know better. Both are kept.

Source: MLCommons logging, mlperf_logging/mllog (constants.py, mllog.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.run import StageMark
from trainfare.core.source_file import text_lines
from trainfare.core.stage import EVAL, FINISH, SETUP, TRAIN, Status
from trainfare.core.tally import BadRecords, Tally
from trainfare.logs.training_log import (
    ENTRIES_MAX,
    Clock,
    Entry,
    Timer,
    TrainingLog,
    merge_entries,
    whole_step,
)

KIND = "mllog"

TOKEN = ":::MLLOG"  # noqa: S105 (a mark in a text, no secret)

_MILLISECOND = 10**6
_METRICS = ("eval_", "train_loss")
"""How the keys of events begin whose values are metrics."""
_INTERVALS = ("_start", "_stop")
"""How the keys of those end that are none."""
_LATEST_MS = 2**63 // 10**6


@dataclass(frozen=True, slots=True)
class _Event:
    at_ns: int
    key: str
    value: Any
    metadata: Mapping[str, Any]


def is_mllog(lines: Sequence[str]) -> bool:
    """Whether one of *lines* holds an event.

    >>> is_mllog(["0: :::MLLOG {}", "other output"])
    True
    """
    return any(TOKEN in line for line in lines)


def read_mllog(path: Path) -> list[TrainingLog]:
    """The one stretch that an MLPerf log tells of.

    Events of all ranks may be mixed; they are put in the order of time.

    Raises:
        BadRecords: an event is no event, or there is none; with every such line.
    """
    tally = Tally(path.name)
    events = sorted(_events(path, tally), key=lambda event: event.at_ns)
    if not events:
        tally.refuse(f"holds no {TOKEN} line")
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    start_ns, end_ns = events[0].at_ns, events[-1].at_ns
    timer = _timer(events, start_ns)
    status, error = _ending(events)
    return [
        TrainingLog(
            kind=KIND,
            clock=Clock.WALL,
            start_ns=start_ns,
            duration_ns=end_ns - start_ns,
            entries=tuple(merge_entries(_entries(events))),
            stages=_stages(events, start_ns),
            timer=timer,
            samples=_samples(events),
            status=status,
            error=error,
            model=_text(events, "submission_benchmark"),
            notes=tuple(tally.notes),
        )
    ]


def _events(path: Path, tally: Tally) -> Iterator[_Event]:
    """The events in the order of the file; a last one that was cut short is passed over."""
    torn: int | None = None
    count = 0
    for row, line in enumerate(text_lines(path, errors="replace"), start=1):
        # Two ranks that print at once share a line.
        for text in line.split(TOKEN)[1:]:
            if torn is not None:
                tally.refuse(f"is no {TOKEN} event; mend or delete it", torn)
                torn = None
            event = _event(text)
            if event is None:
                torn = row
                continue
            count += 1
            if count > ENTRIES_MAX:
                tally.refuse(f"is the event after {ENTRIES_MAX:,}; import a shorter log", row)
                return
            yield event
    if torn is not None and count:
        tally.note(f"line {torn} of {tally.file} is cut short; the log is read up to it")
    elif torn is not None:
        tally.refuse(f"is no {TOKEN} event; mend or delete it", torn)


def _event(text: str) -> _Event | None:
    try:
        # A rank's output may go on after the event, on the same line.
        document, _ = json.JSONDecoder().raw_decode(text.strip())
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    time_ms, key, metadata = (document.get(name) for name in ("time_ms", "key", "metadata"))
    if type(time_ms) is not int or not 0 <= time_ms < _LATEST_MS or not isinstance(key, str):
        return None
    known = metadata if isinstance(metadata, dict) else {}
    return _Event(time_ms * _MILLISECOND, key, document.get("value"), known)


def _times(events: Sequence[_Event], key: str) -> list[int]:
    return [event.at_ns for event in events if event.key == key]


def _timer(events: Sequence[_Event], start_ns: int) -> Timer | None:
    started, stopped = _times(events, "run_start"), _times(events, "run_stop")
    if not started or not stopped or stopped[-1] < started[0]:
        return None
    return Timer("run_start to run_stop", started[0] - start_ns, stopped[-1] - start_ns)


def _ending(events: Sequence[_Event]) -> tuple[Status, str | None]:
    stops = [event for event in events if event.key == "run_stop"]
    if not stops:
        return Status.KILLED, "the log ends before run_stop"
    word = str(stops[-1].metadata.get("status", "success"))
    if word == "success":
        return Status.FINISHED, None
    return Status.FAILED, f"run_stop says {word[:80]}"


def _text(events: Sequence[_Event], key: str) -> str | None:
    found = next((event.value for event in events if event.key == key), None)
    return found if isinstance(found, str) and found.strip() and found.isprintable() else None


def _samples(events: Sequence[_Event]) -> int | None:
    """How many samples were trained on, where events say so far."""
    counts = (whole_step(event.metadata.get("samples_count")) for event in events)
    return max((count for count in counts if count is not None), default=None)


def _stages(events: Sequence[_Event], start_ns: int) -> tuple[StageMark, ...]:
    """What the training did from when on; an epoch that begins ends an evaluation beside it."""
    marks = [StageMark(0, SETUP)]
    epoch: int | None = None
    counted = -1
    is_running = False
    for event in events:
        stage = marks[-1].stage
        match event.key:
            case "run_start":
                is_running, stage = True, TRAIN
            case "run_stop":
                is_running, stage, epoch = False, FINISH, None
            case "epoch_start":
                counted += 1
                number = whole_step(event.metadata.get("epoch_num"))
                stage, epoch = TRAIN, counted if number is None else number
            case "epoch_stop":
                epoch = None
            case "eval_start":
                stage = EVAL
            case "eval_stop" if stage == EVAL:
                stage = TRAIN
        if is_running or stage == FINISH:
            mark = StageMark(event.at_ns - start_ns, stage, epoch)
            if (mark.stage, mark.epoch) != (marks[-1].stage, marks[-1].epoch):
                marks.append(mark)
    return tuple(marks)


def _entries(events: Sequence[_Event]) -> Iterator[Entry]:
    """The metrics; most benchmarks say after how many samples or epochs, not at which step."""
    for event in events:
        if event.key == "tracked_stats" and isinstance(event.value, dict):
            values = dict(event.value)
        elif event.key.startswith(_METRICS) and not event.key.endswith(_INTERVALS):
            values = {event.key: event.value}
        else:
            continue
        numbers = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        if numbers:
            step = whole_step(event.metadata.get("step_num"))
            yield Entry(event.at_ns, step, None, numbers)
