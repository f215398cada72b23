"""What a step costs the training, in microseconds per call, beside trackio in the same process.

W&B and ClearML record their values offline, each in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bench.meter_ground import BENCH, Ground, scratch
from bench.table import Table, Target, short

MEDIAN_US, P99_US = 2, 10
TRACKIO_RATIO = 10
COLUMNS = ("what", "median", "p90", "p99", "p99.9", "mean", "floor taken off", "calls")
CHILD = BENCH / "meter_step_child.py"
PEERS = {
    "wandb": "run.log({…}) of wandb",
    "clearml": "logger.report_scalar(…) of clearml",
}
"""Who records a value in a process of its own, and by which call."""

Phases = dict[str, dict[str, float]]


def measure(ground: Ground) -> list[Table]:
    """Percentiles of each way to count a step, with the clock's own time taken off."""
    said = time_steps(ground, "beside", str(ground.times(200_000, 20_000)))
    phases: Phases = said["phases"]
    table = Table("step", "Step, µs per call", COLUMNS)
    for title, phase, floor in (
        ("run.step()", "step", "floor"),
        ("for _ in run.steps(…)", "steps", "bare loop"),
        ("run.log(loss=…)", "log", "floor"),
        ("trackio.log({…})", "trackio.log", "floor"),
        ("run.step() after trackio's import", "step, after trackio", "floor, after trackio"),
        ("run.steps(…) after trackio's import", "steps, after trackio", "bare loop, after trackio"),
        ("run.log(…) after trackio's import", "log, after trackio", "floor, after trackio"),
    ):
        if phase in phases:
            table.add(title, *row(phases, phase, floor))
    for peer, title in PEERS.items():
        if peer in ground.peers:
            calls = str(ground.times(20_000, 5_000))
            alone: Phases = time_steps(ground, "peer", peer, calls)["phases"]
            table.add(title, *row(alone, "log", "floor"))
    _judge(table, phases)
    recorded, _, logged, *_ = said["told"][0].split()
    table.targets.append(
        Target("values of run.log() on disk", "all", said["told"][0], recorded == logged)
    )
    table.notes += [
        (
            "one process, rounds in turns, Trainfare's thread sampling at 1 s meanwhile; a call is timed by "
            "two readings of the clock, whose own median is taken off (for loops: a loop over a range)."
        ),
        "run.step() counts; run.log(), trackio.log() and report_scalar() record a value.",
        "wandb and clearml, offline, have a process each.",
        *ground.left_out,
        *said["told"],
    ]
    return [table]


def time_steps(ground: Ground, *words: str, **more: str) -> dict[str, Any]:
    """Run a mode of ``meter_step_child.py`` and read what it measured."""
    with scratch() as folder:
        said = subprocess.run(
            [ground.python, "-P", str(CHILD), *words],
            env=ground.environment(folder, **more),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if said.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {said.returncode}: {said.stderr[-800:]}")
    answer: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return answer


def row(phases: Phases, phase: str, floor: str) -> tuple[Any, ...]:
    """Microseconds over the floor's median: median, p90, p99, p99.9, mean; the floor; the calls."""
    off = phases[floor]["500"]
    one = phases[phase]
    over = [max(0.0, (one[key] - off) / 1e3) for key in ("500", "900", "990", "999", "mean")]
    return (*over, off / 1e3, int(one["calls"]))


def _judge(table: Table, phases: Phases) -> None:
    for title, phase, floor in (
        ("run.step()", "step", "floor"),
        ("for _ in run.steps(…)", "steps", "bare loop"),
    ):
        median, _, p99, *_ = row(phases, phase, floor)
        table.targets += [
            Target(
                f"{title} median", f"≤ {MEDIAN_US} µs", f"{short(median)} µs", median <= MEDIAN_US
            ),
            Target(f"{title} p99", f"≤ {P99_US} µs", f"{short(p99)} µs", p99 <= P99_US),
        ]
    if "trackio.log" in phases:
        ratio = row(phases, "trackio.log", "floor")[0] / max(row(phases, "step", "floor")[0], 1e-3)
        table.targets.append(
            Target(
                "trackio.log() ÷ run.step(), medians",
                f"≥ {TRACKIO_RATIO}",
                short(ratio),
                ratio >= TRACKIO_RATIO,
            )
        )
