"""The measured process: imports one tool, starts it, and waits at every phase until told to go on.

    python -P meter_child.py life TOOL SECONDS     prints what import, start and stop took
    python -P meter_child.py phases TOOL [numpy]   bare, imported, running, stopped: one line each
    python -P meter_child.py idle TOOL [CHILDREN]  starts, sleeps, stops at the end of its input
    python -P meter_child.py train KIND SECONDS    a training to be killed, sampled so often

It imports nothing but what every Python has loaded anyway, so that the tool's own weight shows.
"""

from __future__ import annotations

import os
import sys
import time

FOLDER = os.environ.get("BENCH_FOLDER", ".")


def life(tool, seconds):
    """Milliseconds of the import, the start and the stop: wall, and wall on a CPU of its own."""
    begin, module = _tool(tool)
    marks = [_now()]
    _mark("import")
    __import__(module)
    marks.append(_now())
    _mark("start")
    stop = begin(tool, FOLDER)
    _mark("started")
    marks.append(_now())
    time.sleep(float(seconds))
    marks.append(_now())
    _mark("stop")
    stop()
    _mark("stopped")
    marks.append(_now())
    names = ("import", "start", "between", "stop")
    for name, before, after in zip(names, marks[:-1], marks[1:], strict=True):
        wall_ns, waited_ns = after[0] - before[0], after[1] - before[1]
        print(name, wall_ns / 1e6, (wall_ns - waited_ns) / 1e6)


def phases(tool, *options):
    """Pause after each phase, so that somebody outside can weigh this process."""
    begin, module = _tool(tool)
    if "numpy" in options:
        import numpy as np

        np.ones(8).sum()
    _pause("bare")
    __import__(module)
    _pause("imported")
    stop = begin(tool, FOLDER)
    time.sleep(3)
    _pause("running")
    stop()
    _pause("stopped")


def idle(tool, children="0"):
    """Meter a process that does nothing, with so many child processes that do nothing."""
    begin, _ = _tool(tool)
    sleepers = [os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "3600") for _ in range(int(children))]
    stop = begin(tool, FOLDER)
    _pause("running")
    stop()
    for pid in sleepers:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


def train(kind, seconds):
    """Train until killed; the monotonic clock is the machine's, so the killer can compare."""
    import functools

    import trainfare
    from trainfare.metering import meter, track

    interval_ns = round(float(seconds) * 1e9)
    track.Meter = functools.partial(meter.Meter, interval_ns=interval_ns)
    print("begins", time.monotonic_ns(), flush=True)
    run = trainfare.track(name="doomed", price="3.6/h")
    print("ready", time.monotonic_ns(), flush=True)
    if kind == "idle":
        time.sleep(3600)
    for _ in run.epochs(range(10**6)) if kind == "epochs" else iter(int, 1):
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            sum(range(5_000))
            run.step()


def _tool(tool):
    from meter_tools import MODULES, begin

    return begin, MODULES.get(tool.partition(" at ")[0], "time")


def _now():
    """The clock, and how long this thread has stood ready while others had the CPUs."""
    with open("/proc/thread-self/schedstat") as file:
        return time.perf_counter_ns(), int(file.read().split()[1])


def _mark(phase):
    """A line that a tracer of system calls can see, where one is watching."""
    if "BENCH_MARK" in os.environ:
        os.write(int(os.environ["BENCH_MARK"]), f"phase {phase}\n".encode())


def _pause(phase):
    print(phase, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    MODES = {"life": life, "phases": phases, "idle": idle, "train": train}
    MODES[sys.argv[1]](*sys.argv[2:])
