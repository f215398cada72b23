"""TensorBoard event files: the scalars of a run, with step and wall-clock time.

Each file is one stretch of training: a restarted training opens a new file beside the old one.
Scalars are simple values (PyTorch, tensorboardX, TensorFlow 1) or tensors of one number
(TensorFlow 2). Images, histograms, graphs and texts are passed over.

Source: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.core.source_file import open_source
from trainfare.logs.record_file import RecordFile
from trainfare.logs.training_log import (
    COUNT_MAX,
    ENTRIES_MAX,
    Clock,
    Entry,
    TrainingLog,
    mark_stages,
    merge_entries,
)
from trainfare.logs.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    fields_of,
    to_double,
    to_float,
    to_signed,
)

KIND = "tensorboard"

LATEST_SECONDS = 2**63 // SECOND
_FILE_NAME = re.compile(r".*tfevents\.\d+\.(.+?)(?:\.\d+){0,2}(?:\.v2)?")
"""``events.out.tfevents.<seconds>.<host>[.<pid>.<number>][.v2]``"""
_TENSOR_FORMS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
"""DataType → the form of one number in tensor_content: float, double, int32, int64."""


def is_event_name(name: str) -> bool:
    """Whether a file is called as event files are.

    >>> is_event_name("events.out.tfevents.1716000000.node-1.77.0")
    True
    """
    return "tfevents" in name


def is_event_file(path: Path) -> bool:
    """Whether the first record of *path* is whole and an event."""
    try:
        first = next(iter(RecordFile(path)), None)
        return first is not None and _event(first[1])[0] is not None
    except BadInput:
        return False


def read_event_file(path: Path) -> list[TrainingLog]:
    """The stretch that one event file tells of; none where it holds no scalar.

    Raises:
        BadInput: a checksum is wrong, or a record is no event.
    """
    open_source(path).close()  # says in words what is missing
    records = RecordFile(path)
    first_ns: int | None = None
    entries: list[Entry] = []
    for number, data in records:
        try:
            at_ns, entry = _event(data)
        except BadInput as error:
            raise BadInput(f"{path} record {number} is no event: {error}") from None
        if at_ns is not None:
            first_ns = at_ns if first_ns is None else min(first_ns, at_ns)
        if entry is not None:
            entries.append(entry)
        if len(entries) > ENTRIES_MAX:
            raise BadInput(f"{path} holds more than {ENTRIES_MAX:,} scalars; import a thinner log")
    if first_ns is None:
        raise BadInput(f"{path} holds no event; it is empty or no event file")
    if not entries:
        return []
    merged = merge_entries(sorted(entries, key=lambda entry: entry.at_ns or 0))
    end_ns = max(entry.at_ns or 0 for entry in entries)
    host = _FILE_NAME.fullmatch(path.name)
    notes = []
    if records.is_cut_short:
        notes.append(f"the last record of {path.name} is cut short; the log is read up to it")
    return [
        TrainingLog(
            kind=KIND,
            clock=Clock.WALL,
            start_ns=first_ns,
            duration_ns=end_ns - first_ns,
            entries=tuple(merged),
            stages=mark_stages(merged, Clock.WALL, first_ns, end_ns),
            hostname=host[1] if host else None,
            notes=tuple(notes),
        )
    ]


def _event(event: bytes) -> tuple[int | None, Entry | None]:
    """When an event was written, and its scalars; None where it does not say or holds none."""
    at_ns = None
    step = 0  # a field that has its default value is not written
    metrics: dict[str, float] = {}
    for number, kind, value in fields_of(event):
        if (number, kind) == (1, FIXED64) and isinstance(value, int):
            seconds = to_double(value)
            if not 0 <= seconds < LATEST_SECONDS:
                raise BadInput(f"its time is {seconds!r} s")
            at_ns = round(seconds * SECOND)
        elif (number, kind) == (2, VARINT) and isinstance(value, int):
            step = to_signed(value)
        elif (number, kind) == (5, BYTES) and isinstance(value, bytes):
            metrics.update(_scalars(value))
    if not metrics:
        return at_ns, None
    if at_ns is None:
        raise BadInput("it has no time")
    epoch = next((v for k, v in metrics.items() if k.rpartition("/")[2] == "epoch"), None)
    is_epoch = epoch is not None and math.isfinite(epoch) and abs(epoch) < COUNT_MAX
    known = step if 0 <= step <= COUNT_MAX else None
    return at_ns, Entry(at_ns, known, epoch if is_epoch else None, metrics)


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    for number, kind, value in fields_of(summary):
        if (number, kind) != (1, BYTES) or not isinstance(value, bytes):
            continue
        tag, scalar = "", None
        for inner, form, content in fields_of(value):
            if (inner, form) == (1, BYTES) and isinstance(content, bytes):
                tag = content.decode("utf-8", "replace")
            elif (inner, form) == (2, FIXED32) and isinstance(content, int):
                scalar = to_float(content)
            elif (inner, form) == (8, BYTES) and isinstance(content, bytes):
                scalar = _tensor(content)
        if scalar is not None:
            yield tag, scalar


def _tensor(tensor: bytes) -> float | None:
    """The number of a tensor that holds exactly one, or None."""
    form, content = None, b""
    listed: list[float] = []
    for number, kind, value in fields_of(tensor):
        if (number, kind) == (1, VARINT) and isinstance(value, int):
            form = _TENSOR_FORMS.get(value)
        elif (number, kind) == (4, BYTES) and isinstance(value, bytes):
            content = value
        elif number in (5, 6, 7, 10):
            listed.extend(_listed(number, kind, value))
    if form is None:
        return None
    if content:
        is_one = len(content) == struct.calcsize(form)
        return float(struct.unpack(form, content)[0]) if is_one else None
    return listed[0] if len(listed) == 1 else None


def _listed(number: int, kind: int, value: int | bytes) -> Iterator[float]:
    """The numbers of float_val (5), double_val (6), int_val (7) or int64_val (10), packed or not."""
    if isinstance(value, int):
        if kind == VARINT:
            yield float(to_signed(value))
        else:
            yield to_float(value) if kind == FIXED32 else to_double(value)
    elif number in (5, 6):
        form = struct.Struct("<f" if number == 5 else "<d")
        if len(value) == form.size:
            yield float(form.unpack(value)[0])
    elif len(value) <= 10:
        # A packed varint is that of a field of its own.
        for _, _, inner in fields_of(b"\x08" + value):
            yield float(to_signed(inner)) if isinstance(inner, int) else math.nan
