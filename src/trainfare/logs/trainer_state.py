"""Trainer states: ``trainer_state.json`` of the Hugging Face Trainer.

Its ``log_history`` has steps, epochs and metrics, and no times but ``train_runtime`` at the end, the
seconds from the beginning of ``train()`` to its end.

Source: transformers, trainer_callback.py (TrainerState) and trainer_utils.py (speed_metrics).
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.source_file import open_source
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords, Tally
from trainfare.logs.keys import to_number, to_timer
from trainfare.logs.training_log import (
    Clock,
    Entry,
    Timer,
    TrainingLog,
    mark_stages,
    whole_step,
)

KIND = "jsonl"

NAME = "trainer_state.json"

_BYTES_MAX = 256 << 20
_RUNTIME = "train_runtime"


def is_trainer_state(text: str) -> bool:
    """Whether *text* begins as a trainer's state.

    >>> is_trainer_state('{"best_metric": null, "log_history": [')
    True
    """
    return text.lstrip().startswith("{") and '"log_history"' in text


def read_trainer_state(path: Path) -> list[TrainingLog]:
    """The one stretch that a trainer's state tells of.

    Raises:
        BadInput: it is no trainer's state.
        BadRecords: an item of its history is wrong.
    """
    state = _load(path)
    tally = Tally(path.name)
    entries, runtime_ns = _entries(state["log_history"], tally)
    if not entries and not tally.problem_count:
        tally.refuse("has an empty log_history")
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    clock = Clock.NONE if runtime_ns is None else Clock.TIMER
    total_ns = runtime_ns or 0
    status, error = _ending(state)
    notes = ["when each step and epoch was made does not stand in the log"]
    return [
        TrainingLog(
            kind=KIND,
            clock=clock,
            start_ns=0,
            duration_ns=total_ns,
            entries=tuple(entries),
            stages=mark_stages(entries, clock, 0, total_ns),
            timer=Timer(_RUNTIME, 0, total_ns) if runtime_ns is not None else None,
            planned_steps=whole_step(state.get("max_steps")),
            tokens=whole_step(state.get("num_input_tokens_seen")) or None,
            status=status,
            error=error,
            notes=tuple(notes),
        )
    ]


def _load(path: Path) -> dict[str, Any]:
    with open_source(path) as file:
        try:
            raw = file.read(_BYTES_MAX + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(f"{path} is cut short or damaged ({error})") from None
    if len(raw) > _BYTES_MAX:
        raise BadInput(f"{path} is larger than {_BYTES_MAX >> 20} MiB; it is no trainer state")
    try:
        state = json.loads(raw)
    except (ValueError, RecursionError) as error:
        why = str(error)[:100]
        raise BadInput(f"{path} is no JSON ({why}); copy it again") from None
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise BadInput(f"{path} has no log_history; it is no trainer state")
    return state


def _entries(history: list[Any], tally: Tally) -> tuple[list[Entry], int | None]:
    """The history as entries, and how long all training took, where the trainer got to say it."""
    entries: list[Entry] = []
    total_ns: int | None = None
    for number, item in enumerate(history, start=1):
        step = whole_step(item.get("step")) if isinstance(item, dict) else None
        if step is None:
            tally.refuse("is no object with a step", number, "log_history")
            continue
        at_ns = None
        if _RUNTIME in item:
            try:
                total_ns = (total_ns or 0) + to_timer(item[_RUNTIME], "seconds")
                at_ns = total_ns
            except BadInput as error:
                tally.refuse(str(error), number, _RUNTIME, item[_RUNTIME])
        epoch = to_number(item.get("epoch"))
        metrics = {
            name: figure
            for name, value in item.items()
            if name not in ("step", "epoch") and (figure := to_number(value)) is not None
        }
        known = epoch is not None and 0 <= epoch < 2**53
        entries.append(Entry(at_ns, step, epoch if known else None, metrics))
    return entries, total_ns


def _ending(state: dict[str, Any]) -> tuple[Status | None, str | None]:
    """Finished where it came to the last step; a state beside a checkpoint is from on the way."""
    done, planned = whole_step(state.get("global_step")), whole_step(state.get("max_steps"))
    if done is None or not planned:
        return None, None
    if done >= planned:
        return Status.FINISHED, None
    return Status.KILLED, f"the state is from step {done:,} of {planned:,}"
