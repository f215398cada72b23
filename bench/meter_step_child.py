"""The training process whose steps are timed, one call at a time.

    python -P meter_step_child.py beside CALLS        Trainfare, then trackio where it is, then again
    python -P meter_step_child.py peer TOOL CALLS     what records a value in W&B or ClearML, alone
    python -P meter_step_child.py fault KIND CALLS    Trainfare while something it writes to fails

Prints one JSON object: phase → percentiles of the nanoseconds of its calls, with the
cost of reading the clock as phases of its own. Arrays are allocated before anything is timed.
"""

from __future__ import annotations

import array
import json
import logging
import os
import resource
import sys
import time

FOLDER = os.environ.get("BENCH_FOLDER", ".")
ROUNDS = 10


class Phases:
    """Nanoseconds per phase, all rounds together."""

    def __init__(self, calls):
        self.calls = calls
        self._part = max(1, calls // ROUNDS)
        self._taken = {}

    def room(self, phase):
        """Where the next round of *phase* is written."""
        room = array.array("q", bytes(8 * self._part))
        self._taken.setdefault(phase, []).append(room)
        return room

    def count(self, phase):
        """How many calls of *phase* were timed."""
        return sum(map(len, self._taken.get(phase, ())))

    def report(self):
        """Percentiles by phase."""
        report = {}
        for phase, rooms in self._taken.items():
            ordered = sorted(one for room in rooms for one in room)
            last = len(ordered) - 1
            report[phase] = {
                "calls": len(ordered),
                **{
                    str(p): ordered[min(last, len(ordered) * p // 1000)]
                    for p in (500, 900, 990, 999)
                },
                "most": ordered[last],
                "mean": sum(ordered) / len(ordered),
            }
        return report


def time_floor(room):
    """Two readings of the clock with nothing between."""
    clock = time.perf_counter_ns
    for i in range(len(room)):
        before = clock()
        after = clock()
        room[i] = after - before


def time_calls(room, call):
    """One call at a time."""
    clock = time.perf_counter_ns
    for i in range(len(room)):
        before = clock()
        call()
        after = clock()
        room[i] = after - before


def time_logs(room, log):
    """One recorded value at a time; the dictionary is part of the call."""
    clock = time.perf_counter_ns
    for i in range(len(room)):
        before = clock()
        log(i)
        after = clock()
        room[i] = after - before


def time_loop(room, iterable):
    """From the end of one loop body to the beginning of the next."""
    clock, i, last = time.perf_counter_ns, 0, len(room) - 1
    after = clock()
    for _ in iterable:
        room[i] = clock() - after
        i = i + 1 if i < last else last
        after = clock()


def time_trainfare(phases, run, suffix, pause_s=0.0):
    """Rounds of everything a training calls, in turns; the clock and a bare loop as floors."""
    for _ in range(ROUNDS):
        time_floor(phases.room("floor" + suffix))
        time_loop(room := phases.room("bare loop" + suffix), range(len(room)))
        time_calls(phases.room("step" + suffix), run.step)
        time_loop(room := phases.room("steps" + suffix), run.steps(range(len(room))))
        time_logs(phases.room("log" + suffix), lambda i: run.log(loss=i * 0.5))
        time.sleep(pause_s)


def beside(calls):
    """Trainfare alone, trackio in the same process, Trainfare again after its import."""
    import trainfare

    phases, told = Phases(int(calls)), []
    run = trainfare.track(price="3.6/h")
    time_trainfare(phases, run, "")
    try:
        import trackio
    except ImportError as error:
        told.append(f"trackio: {error}")
    else:
        trackio.init(project="bench")
        for _ in range(ROUNDS):
            time_logs(phases.room("trackio.log"), lambda i: trackio.log({"loss": i * 0.5}))
        trackio.finish()
        time_trainfare(phases, run, ", after trackio")
    run.finish()
    logged = sum(phases.count(phase) for phase in ("log", "log, after trackio"))
    return phases, [f"{_recorded()} of {logged} logged values recorded", *told]


def peer(tool, calls):
    """W&B or ClearML, offline: one recorded value at a time."""
    from meter_tools import start_clearml, start_wandb

    if tool == "wandb":
        run = start_wandb(FOLDER)
        log, stop = (lambda i: run.log({"loss": i * 0.5})), run.finish
    else:
        task = start_clearml()
        report = task.get_logger().report_scalar
        log, stop = (lambda i: report("loss", "train", value=i * 0.5, iteration=i)), task.close
    phases = Phases(int(calls))
    for _ in range(ROUNDS):
        time_floor(phases.room("floor"))
        time_logs(phases.room("log"), log)
    stop()
    return phases, []


def _recorded():
    """How many values the runs of this home have on disk."""
    count = 0
    for root, _, names in os.walk(os.environ["TRAINFARE_HOME"]):
        if "metrics.jsonl" in names:
            with open(os.path.join(root, "metrics.jsonl"), "rb") as file:
                count += sum(1 for _ in file)
    return count


def fault(kind, calls):
    """Trainfare while the disk is full, the home unwritable, or the metadata service hangs."""
    import trainfare

    warnings = Warnings()
    logging.getLogger("trainfare").addHandler(warnings)
    phases = Phases(int(calls))
    run = trainfare.track(price="3.6/h")
    time.sleep(0.5)
    if kind == "disk full":
        # Beyond this size every file refuses to grow, with EFBIG where a full disk says ENOSPC.
        sizes = [
            os.path.getsize(os.path.join(root, f)) for root, _, fs in os.walk(FOLDER) for f in fs
        ]
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes), resource.RLIM_INFINITY))
    time_trainfare(phases, run, "", pause_s=0.3)
    run.finish()
    told = [f"{len(warnings.seen)} warnings"]
    try:
        told.append(f"{run.receipt().steps} steps on the receipt")
    except Exception as error:
        told.append(f"no receipt ({type(error).__name__})")
    return phases, told


class Warnings(logging.Handler):
    """Counts what the meter says."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        """Keep one message."""
        self.seen.append(record.getMessage())


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    MODES = {"beside": beside, "peer": peer, "fault": fault}
    phases, told = MODES[sys.argv[1]](*sys.argv[2:])
    print("\n" + json.dumps({"phases": phases.report(), "told": told}))
