"""What the tests of logs share: real traces, invented lines, and short ways to read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainfare.core.errors import BadInput
from trainfare.core.period import parse_instant

TRACES = Path(__file__).parents[3] / "shared" / "data" / "traces"
ZERO = parse_instant("2026-10-01T08:00:00Z")
SECOND = 10**9


def trace(name: str) -> Path:
    """A file or folder of real traces, or skip the test."""
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"trace {name} is not here; tests of real traces need shared/data/traces")
    return path


def write(folder: Path, text: str | bytes, name: str = "train.log") -> Path:
    """*text* in a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(read, *arguments) -> str | None:
    """Why *read* refuses its input, or None where it takes it; anything else it raises is a bug."""
    try:
        read(*arguments)
    except BadInput as error:
        return str(error)
    return None


def mllog(seconds: float, key: str, value=None, **metadata) -> str:
    """One MLPerf event, *seconds* after 2026-10-01T08:00:00Z."""
    document = {
        "namespace": "",
        "time_ms": ZERO // 10**6 + round(seconds * 1000),
        "event_type": "POINT_IN_TIME",
        "key": key,
        "value": value,
        "metadata": {"file": "train.py", "lineno": 1, **metadata},
    }
    return f":::MLLOG {json.dumps(document)}\n"


BENCHMARK = "".join(
    [
        "starting up\n",
        mllog(0, "submission_benchmark", "toy"),
        mllog(0, "init_start"),
        mllog(60, "init_stop"),
        mllog(60, "run_start"),
        mllog(60, "epoch_start", epoch_num=1),
        mllog(160, "epoch_stop", epoch_num=1),
        mllog(160, "eval_start", epoch_num=1),
        mllog(180, "eval_accuracy", 0.5, epoch_num=1),
        mllog(180, "eval_stop", epoch_num=1),
        mllog(180, "epoch_start", epoch_num=2),
        mllog(280, "epoch_stop", epoch_num=2),
        mllog(280, "run_stop", status="success"),
        mllog(300, "tracked_stats", {"throughput": 12.5}, step_num=7),
    ]
)
"""A minute of setup, two epochs of 100 s, 20 s of evaluation, 20 s after the timer has stopped."""
