"""What the tests of readers share: sample data, options, and short ways to read a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainfare.clusters.inventory import Inventory, make_capacity
from trainfare.clusters.options import ReadOptions
from trainfare.core.period import parse_instant

DATA = Path(__file__).parents[3] / "shared" / "data"
NOW = parse_instant("2026-10-02T00:00:00Z")
EIGHT_GPUS = Inventory(default=make_capacity(8, 96))


def sample(name: str) -> Path:
    """A file of real sample data, or skip the test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"sample data {name} is not here; tests of real samples need shared/data")
    return path


def options(**changes) -> ReadOptions:
    """Options with eight GPUs and 96 CPUs per node, one day after the tests' events."""
    return ReadOptions(**{"now_ns": NOW, "inventory": EIGHT_GPUS, **changes})


def write(folder: Path, text: str, name: str = "export.txt") -> Path:
    """*text* in a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def by_run(reading):
    """Run → its records, in the reading's order."""
    runs = {}
    for record in reading.records:
        runs.setdefault(record.run, []).append(record)
    return runs
