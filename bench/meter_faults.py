"""What a step costs while what the meter writes to or asks fails: nothing more, and no exception."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from bench.meter_ground import Ground, scratch
from bench.meter_step import Phases, row, time_steps
from bench.table import Table, Target, short

MORE_US = 1.0
"""What the noise of a shared machine moves a median by at most."""


def measure(ground: Ground) -> list[Table]:
    """Medians and tails of step(), steps() and log() by fault, beside the healthy run."""
    table = Table(
        "faults",
        "Step while something fails, µs per call",
        ("what", "step() median", "step() p99", "steps() median", "steps() p99", "log() median",
         "log() p99", "said"),
    )  # fmt: skip
    calls = str(ground.times(200_000, 20_000))
    found: dict[str, Phases] = {}
    for title, said in _cases(ground, calls):
        phases = found[title] = said["phases"]
        cells: list[float] = []
        for phase, floor in (("step", "floor"), ("steps", "bare loop"), ("log", "floor")):
            median, _, p99, *_ = row(phases, phase, floor)
            cells += [median, p99]
        table.add(title, *cells, ", ".join(said["told"]))
        if title != "healthy":
            has_receipt = not any("no receipt" in one for one in said["told"])
            table.targets.append(
                Target(f"receipt afterwards: {title}", "yes", said["told"][-1], has_receipt)
            )
    healthy = row(found["healthy"], "step", "floor")[0]
    for title, phases in found.items():
        if title != "healthy":
            added = row(phases, "step", "floor")[0] - healthy
            table.targets.append(
                Target(
                    f"added step time: {title}",
                    f"0 (≤ {short(MORE_US)} µs of noise), no exception",
                    f"{added:+.2f} µs",
                    added <= MORE_US,
                )
            )
    table.notes += [
        (
            "every case is a process of its own that ends by itself: an exception in the training would "
            "have broken the benchmark. Its receipt is read in the same process afterwards."
        ),
        (
            "disk full: a file size limit (EFBIG) half a second after the start; unwritable home: a path "
            "below a file; the metadata service hangs: it takes the connection and never answers."
        ),
    ]
    return [table]


def _cases(ground: Ground, calls: str) -> Iterator[tuple[str, dict]]:
    yield "healthy", time_steps(ground, "fault", "none", calls)
    yield "disk full", time_steps(ground, "fault", "disk full", calls)
    with scratch() as folder:
        (folder / "file").write_text("no folder")
        home = str(folder / "file" / "home")
        yield "home unwritable", time_steps(ground, "fault", "none", calls, TRAINFARE_HOME=home)
    with _hanging_server() as url:
        yield (
            "metadata service hangs",
            time_steps(ground, "fault", "none", calls, TRAINFARE_METADATA_URL=url),
        )
    url = "http://127.0.0.1:9"
    yield (
        "metadata service refuses",
        time_steps(ground, "fault", "none", calls, TRAINFARE_METADATA_URL=url),
    )


@contextlib.contextmanager
def _hanging_server() -> Iterator[str]:
    """A loopback port that takes connections into its backlog and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
