"""What ``start`` and ``stop`` take in a fresh process, beside the peers."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict

from bench.meter_ground import Ground
from bench.table import Table, Target, short, spread

START_MS, STOP_MS = 20, 100
RUNS_FOR_S = 1.5


def measure(ground: Ground) -> list[Table]:
    """Wall time of the first start and the stop of each tool, and that on a free CPU."""
    table = Table(
        "life",
        "Start and stop",
        (
            "what",
            "import, ms",
            "start, ms",
            "stop, ms",
            "start on a free CPU",
            "stop on a free CPU",
        ),
    )
    taken = _live_all(ground, ["trainfare", *ground.peers])
    for name, lives in taken.items():
        spreads = {
            (phase, i): spread([life[phase][i] for life in lives])
            for phase in ("import", "start", "stop")
            for i in (0, 1)
        }
        keys = (("import", 0), ("start", 0), ("stop", 0), ("start", 1), ("stop", 1))
        table.add(name, *(spreads[key] for key in keys))
    own = taken["trainfare"]
    _judge(table, "start", START_MS, own)
    _judge(table, "stop", STOP_MS, own)
    table.notes += [
        (
            f"medians (quartiles) of {len(own)} fresh processes each, in shuffled turns; every one runs "
            f"{RUNS_FOR_S} s between start and stop with its default sampling."
        ),
        "start includes whatever a tool imports late.",
        (
            "on a free CPU: the wall time less that in which the kernel had this thread stand ready "
            "while others ran (schedstat)."
        ),
        (
            "Trainfare runs with its defaults: its thread asks the metadata services meanwhile. "
            "codecarbon is its offline tracker, resource-tracker looks for no cloud, wandb and clearml "
            "are in their offline modes."
        ),
        *ground.left_out,
    ]
    return [table]


def _judge(table: Table, what: str, limit_ms: int, lives: list[dict[str, list[float]]]) -> None:
    """Hold a phase to its target without the time in which others had the CPUs."""
    wall, free = (statistics.median(life[what][i] for life in lives) for i in (0, 1))
    table.targets.append(
        Target(
            f"{what}()",
            f"≤ {limit_ms} ms",
            f"median {short(free)} ms on a free CPU (wall {short(wall)})",
            free <= limit_ms,
        )
    )


def _live_all(ground: Ground, tools: list[str]) -> dict[str, list[dict[str, list[float]]]]:
    taken = defaultdict(list)
    for turn in range(ground.times(11, 2) + 1):
        order = random.Random(turn).sample(tools, len(tools))
        for name in order:
            life = ground.ask("life", name, str(RUNS_FOR_S))
            if turn:  # the first reads the disk
                taken[name].append(life)
    return {name: taken[name] for name in tools}
