"""What ``start`` and ``stop`` take in a fresh process, beside the peers."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict

from bench.meter_ground import Ground
from bench.meter_table import Table, Target, short, spread

START_MS, STOP_MS = 20, 100
RUNS_FOR_S = 1.5


def measure(ground: Ground) -> list[Table]:
    """Wall and CPU time of the first start and the stop of each tool."""
    table = Table(
        "life",
        "Start and stop",
        ("what", "import, ms", "start, ms", "CPU of start, ms", "stop, ms", "CPU of stop, ms"),
    )
    taken = _live_all(ground, ["trainfare", *ground.peers])
    for name, lives in taken.items():
        spreads = {
            (phase, i): spread([life[phase][i] for life in lives])
            for phase in ("import", "start", "stop")
            for i in (0, 1)
        }
        keys = (("import", 0), ("start", 0), ("start", 1), ("stop", 0), ("stop", 1))
        table.add(name, *(spreads[key] for key in keys))
    own = taken["trainfare"]
    _judge(table, "start", START_MS, [life["start"][0] for life in own])
    _judge(table, "stop", STOP_MS, [life["stop"][0] for life in own])
    table.notes += [
        (
            f"medians (quartiles) of {len(own)} fresh processes each, in shuffled turns; every one runs "
            f"{RUNS_FOR_S} s between start and stop with its default sampling."
        ),
        (
            "start includes whatever a tool imports late; CPU includes the tool's threads, not its "
            "processes."
        ),
        (
            "Trainfare runs with its defaults: its thread asks the metadata services meanwhile. "
            "codecarbon is its offline tracker, resource-tracker looks for no cloud."
        ),
    ]
    return [table]


def _judge(table: Table, what: str, limit_ms: int, took_ms: list[float]) -> None:
    median, most = statistics.median(took_ms), max(took_ms)
    table.targets.append(
        Target(
            f"{what}()",
            f"≤ {limit_ms} ms",
            f"median {short(median)} ms, most {short(most)} ms",
            median <= limit_ms,
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
