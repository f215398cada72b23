"""How much memory a tool adds to a process, and how many processes it adds."""

from __future__ import annotations

import random
import re
import statistics
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from bench.meter_ground import Ground, Paused, scratch, tree
from bench.table import Table, Target, short, spread

LIMIT_MB = 5


class Weight(NamedTuple):
    """What a process tree holds, in MB of 10⁶ bytes."""

    dirty: float
    """Private_Dirty: memory that exists only because of these processes."""
    share: float
    """Pss: the same and their part of what they share with others."""
    processes: int
    threads: int


Life = tuple[Weight, Weight, Weight]
"""A tool's process before its import, after it, and while it runs."""


def measure(ground: Ground) -> list[Table]:
    """Memory over the same process before the import, bare and with NumPy loaded already."""
    table = Table(
        "memory",
        "Added memory and processes",
        (
            "what",
            "import, MB private",
            "import and run, MB private",
            "import and run, MB Pss",
            "in a process with NumPy, MB private",
            "extra processes",
            "extra threads",
        ),
    )
    tools = ["trainfare", "psutil thread", *ground.peers]
    plain = _weigh_all(ground, tools)
    numpy = _weigh_all(ground, tools, "numpy")
    for name in tools:
        bare, imported, running = zip(*plain[name], strict=True)
        table.add(
            name,
            spread([b.dirty - a.dirty for a, b in zip(bare, imported, strict=True)]),
            spread([b.dirty - a.dirty for a, b in zip(bare, running, strict=True)]),
            spread([b.share - a.share for a, b in zip(bare, running, strict=True)]),
            spread([run.dirty - one.dirty for one, _, run in numpy[name]]) if numpy else None,
            max(run.processes for run in running) - 1,
            statistics.median_high(
                b.threads - a.threads for a, b in zip(bare, running, strict=True)
            ),
        )
    _judge(table, plain["trainfare"], numpy.get("trainfare", []))
    table.notes += [
        (
            f"/proc/PID/smaps_rollup of the whole process tree, in the same process before the import, "
            f"after it, and after 3 s of running; median of {len(plain['trainfare'])} (quartiles)."
        ),
        (
            "a process that trains has most of the standard library loaded already: the column with "
            "NumPy shows what is added there."
        ),
        "Trainfare runs with a price from its shipped catalogue, which it loads.",
        *ground.left_out,
    ]
    return [table]


def _judge(table: Table, plain: list[Life], numpy: list[Life]) -> None:
    for what, lives in (("over bare Python", plain), ("over a process with NumPy", numpy)):
        if lives:
            added = statistics.median(run.dirty - bare.dirty for bare, _, run in lives)
            told = f"{short(added)} MB"
            table.targets.append(
                Target(f"added memory {what}", f"≤ {LIMIT_MB} MB", told, added <= LIMIT_MB)
            )
    extra = max(run.processes for _, _, run in plain) - 1
    table.targets.append(Target("extra processes", "0", str(extra), extra == 0))


def _weigh_all(ground: Ground, tools: list[str], *options: str) -> dict[str, list[Life]]:
    found = defaultdict(list)
    for turn in range(ground.times(5, 1)):
        for name in random.Random(turn).sample(tools, len(tools)):
            try:
                found[name].append(_weigh(ground, name, *options))
            except RuntimeError:
                if options:  # NumPy is not there
                    return {}
                raise
    return found


def _weigh(ground: Ground, tool: str, *options: str) -> Life:
    with scratch() as folder:
        child = Paused(ground, folder, "phases", tool, *options)
        try:
            weights = []
            for phase in ("bare", "imported", "running"):
                child.wait_for(phase)
                weights.append(weigh(child.pid))
                child.go_on()
            child.wait_for("stopped")
        finally:
            child.end()
    bare, imported, running = weights
    return bare, imported, running


def weigh(pid: int) -> Weight:
    """The memory of a process tree now."""
    dirty = share = 0
    processes, threads = tree(pid), 0
    for one in processes:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            threads += len(list(Path(f"/proc/{one}/task").iterdir()))
        except OSError:
            continue
        kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE))
        dirty += int(kilobytes["Private_Dirty"])
        share += int(kilobytes["Pss"])
    return Weight(dirty * 1024 / 1e6, share * 1024 / 1e6, len(processes), threads)
