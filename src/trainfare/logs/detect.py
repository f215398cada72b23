"""Detection: which reader understands a training's log, by what the user says or by content."""

from __future__ import annotations

from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.source_file import head
from trainfare.logs import dbt, mllog, nanogpt, rows, tensorboard, trainer_state
from trainfare.logs.keys import Keys
from trainfare.logs.training_log import TrainingLog

KINDS = (mllog.KIND, tensorboard.KIND, rows.LINES, rows.TABLE, nanogpt.KIND, dbt.KIND)
"""What ``runs import --from`` takes."""


def read_log(path: Path, keys: Keys | None = None, *, kind: str | None = None) -> list[TrainingLog]:
    """The stretches of training that *path* tells of, in order of time.

    Args:
        path: a file, plain or gzip (event files plain).
        keys: what its columns mean, where their names do not say.
        kind: what it is, or None to recognise it.

    Raises:
        BadInput: no reader understands it, or it is damaged; with every line that is wrong.
    """
    kind = kind or find_kind(path)
    if kind is None:
        raise BadInput(
            f"{path} is none of {', '.join(KINDS)} as far as its beginning shows; "
            "say which it is with --from"
        )
    keys = keys or Keys()
    if kind == tensorboard.KIND:
        return tensorboard.read_event_file(path)
    if kind == mllog.KIND:
        return mllog.read_mllog(path)
    if kind == nanogpt.KIND:
        return nanogpt.read_nanogpt(path)
    if kind == rows.TABLE:
        return rows.read_table(path, keys)
    if kind == dbt.KIND:
        return dbt.read_run_results(path)
    if trainer_state.is_trainer_state(head(path)):
        return trainer_state.read_trainer_state(path)
    return rows.read_rows(path, keys)


def find_kind(path: Path) -> str | None:
    """What *path* is, or None where nothing in it is known.

    Raises:
        BadInput: it is empty.
    """
    if tensorboard.is_event_name(path.name) or tensorboard.is_event_file(path):
        return tensorboard.KIND
    text = head(path)
    lines = [line for line in text.splitlines() if line.strip()]
    if mllog.is_mllog(lines):
        return mllog.KIND
    if dbt.is_run_results(text):
        return dbt.KIND
    if trainer_state.is_trainer_state(text) or rows.is_rows(lines):
        return rows.LINES
    if nanogpt.is_nanogpt(lines):
        return nanogpt.KIND
    return rows.TABLE if rows.is_table(lines) else None
