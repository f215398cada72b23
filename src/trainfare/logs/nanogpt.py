"""nanoGPT logs: text lines of modded-nanogpt, nanoGPT itself and llm.c, among any other text.

    step:125/1695 val_loss:4.6029 train_time:11781ms step_avg:94.25ms       modded-nanogpt
    iter 10: loss 3.2129, time 135.61ms, mfu 24.10%                         nanoGPT
    step 250: train loss 1.9501, val loss 2.0519                            nanoGPT, evaluating
    s:125 trl:4.6029                                                        llm.c: no times at all

Two traps. ``train_time`` is set to zero again after the warm-up steps, so the last value leaves out
minutes of compiling for which the machine was held: time here is the sum of its rising parts. And
nanoGPT's ``time`` is that of the one iteration it names: of 1 in 10 it says nothing of the other 9.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.source_file import text_lines
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords, Tally
from trainfare.logs.timer import Reading, TimeLine, sum_parts
from trainfare.logs.training_log import (
    ENTRIES_MAX,
    Clock,
    Entry,
    Timer,
    TrainingLog,
    mark_stages,
    whole_step,
)

KIND = "nanogpt"

_COLONS = re.compile(r"(?:step|s):(\d{1,18})(?:/(\d{1,18})\b *(.*)| +(\w+:.*))")
_ITER = re.compile(r"iter (\d{1,18}): (.*)")
_EVAL = re.compile(r"step (\d{1,18}): (train loss .*)")
_PAIR = re.compile(r"([A-Za-z_]\w*):(\S+)")
_WORDS = re.compile(r"([A-Za-z][A-Za-z ]*?) (\S+)")
_MILLISECONDS = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?ms")
_UNITS = re.compile(r"(?<=[\d.naif])(ms|%|MiB)$")


@dataclass(slots=True)
class _Line:
    """One line of progress, before its time is known."""

    row: int
    step: int
    planned: int | None
    metrics: dict[str, float]
    timer_ns: int | None = None
    """``train_time``: since the timer was last set to zero."""
    own_ns: int | None = None
    """``time``: of this iteration alone."""


def is_nanogpt(lines: Sequence[str]) -> bool:
    """Whether one of *lines* is a line of progress.

    >>> is_nanogpt(["import torch", "step:0/10 val_loss:10.8 train_time:0ms"])
    True
    """
    return any(form.match(line) for line in lines for form in (_COLONS, _ITER, _EVAL))


def read_nanogpt(path: Path) -> list[TrainingLog]:
    """The one stretch that a text log tells of; restarts show as steps that are made again.

    Raises:
        BadRecords: a line of progress does not read as one; with every such line.
    """
    tally = Tally(path.name)
    lines = list(_read(path, tally))
    if not lines:
        tally.refuse("holds no line such as 'step:1/100 train_loss:4.1 train_time:95ms'")
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    clock, line = _clock(lines)
    entries = tuple(
        Entry(at_ns, one.step, None, one.metrics)
        for one, at_ns in zip(lines, line.times, strict=True)
    )
    planned = next((line.planned for line in lines if line.planned), None)
    status, error = _ending(lines[-1].step, planned)
    is_timed = clock is Clock.TIMER
    has_timer = any(line.timer_ns is not None for line in lines)
    name = "train_time" if has_timer else "time of its iterations"
    log = TrainingLog(
        kind=KIND,
        clock=clock,
        start_ns=0,
        duration_ns=line.total_ns,
        entries=entries,
        stages=mark_stages(entries, clock, 0, line.total_ns),
        timer=Timer(name, line.part_start_ns, line.total_ns) if is_timed else None,
        planned_steps=planned,
        status=status,
        error=error,
        notes=(*tally.notes, *line.notes),
    )
    return [log]


def _read(path: Path, tally: Tally) -> Iterator[_Line]:
    """The lines of progress; a last line that was cut short is passed over with a note."""
    torn: int | None = None
    count = 0
    for row, text in enumerate(text_lines(path, errors="replace"), start=1):
        if torn is not None:
            tally.refuse("does not read as a line of progress; mend or delete it", torn)
            torn = None
        line = _line(row, text)
        if line is None:
            continue
        if isinstance(line, str):
            torn = row
            continue
        count += 1
        if count > ENTRIES_MAX:
            tally.refuse(
                f"is the line of progress after {ENTRIES_MAX:,}; import a thinner log", row
            )
            return
        yield line
    if torn is not None:
        tally.note(f"line {torn} of {tally.file} is cut short; the log is read up to it")


def _line(row: int, text: str) -> _Line | str | None:
    """A line of progress; the text of one that does not read as such; None for any other text."""
    if match := _COLONS.match(text):
        words = match[3] if match[4] is None else match[4]
        pairs = _PAIR.findall(words)
        is_whole = " ".join(f"{name}:{value}" for name, value in pairs) == " ".join(words.split())
        return _make(row, match[1], match[2], pairs) if is_whole else text
    if match := _ITER.match(text):
        return _make(row, match[1], None, _words(match[2]))
    if match := _EVAL.match(text):
        return _make(row, match[1], None, _words(match[2]))
    return None


def _words(text: str) -> list[tuple[str, str]]:
    """``loss 3.21, time 135.61ms`` as pairs; an empty list where a part is no pair."""
    matches = [_WORDS.fullmatch(part.strip()) for part in text.split(",")]
    return [(m[1].replace(" ", "_"), m[2]) for m in matches if m] if all(matches) else []


def _make(
    row: int, step: str, planned: str | None, pairs: Sequence[tuple[str, str]]
) -> _Line | str:
    """A line from its words, or the step's text where one of them is no number."""
    number = whole_step(int(step))
    if number is None or not pairs:
        return step
    line = _Line(row, number, int(planned) if planned else None, {})
    for name, value in pairs:
        if name in ("train_time", "time"):
            match = _MILLISECONDS.fullmatch(value)
            if match is None:
                return step
            time_ns = int(match[1]) * 10**6 + int((match[2] or "").ljust(6, "0"))
            line.timer_ns, line.own_ns = (
                (time_ns, None) if name == "train_time" else (None, time_ns)
            )
            continue
        try:
            figure = float(_UNITS.sub("", value))
        except ValueError:
            return step
        if name not in ("step_avg", "mfu"):
            line.metrics[name] = figure
    return line


def _clock(lines: Sequence[_Line]) -> tuple[Clock, TimeLine]:
    """Which clock the lines have, and their times on it."""
    if any(line.timer_ns is not None for line in lines):
        readings = (Reading(line.row, line.step, line.timer_ns) for line in lines)
        return Clock.TIMER, sum_parts(readings, "train_time")
    own = [line for line in lines if line.own_ns is not None]
    untimed: tuple[None, ...] = (None,) * len(lines)
    if not own:
        return Clock.NONE, TimeLine(untimed, 0, 0, ())
    gaps = {b.step - a.step for a, b in itertools.pairwise(own)}
    if gaps <= {1}:
        return Clock.TIMER, _sum_own(lines)
    why = (
        f"its time is that of single iterations, {len(own):,} of {own[-1].step - own[0].step:,}; "
        "how long the others took it does not say"
    )
    return Clock.NONE, TimeLine(untimed, 0, 0, (why,))


def _sum_own(lines: Sequence[_Line]) -> TimeLine:
    times: list[int | None] = []
    total_ns = 0
    for line in lines:
        total_ns += line.own_ns or 0
        times.append(None if line.own_ns is None else total_ns)
    return TimeLine(tuple(times), 0, total_ns, ())


def _ending(last_step: int, planned: int | None) -> tuple[Status | None, str | None]:
    """How the training ended, where the log says how far it was to go."""
    if planned is None:
        return None, None
    if last_step >= planned:
        return Status.FINISHED, None
    return Status.KILLED, f"the log ends at step {last_step:,} of {planned:,}"
