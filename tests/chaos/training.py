"""A cheap training in a process of its own, with a journal beside its record: what it really did.

    python training.py RUN JOURNAL SECONDS PRICE BUDGET

A line of the journal is ``PID WORD …``: ``begin``, ``step N``, and at the end ``done`` or
``stopped`` with the nanoseconds measured inside and outside of the run.
"""

import os
import sys
import time

from trainfare import BudgetExceeded, track


def train(run_id, journal, seconds, price, budget):
    file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def say(*words):
        os.write(file, " ".join(map(str, (os.getpid(), *words))).encode() + b"\n")

    say("begin")
    outer, count, how = time.monotonic_ns(), 0, "done"
    inner = outer
    try:
        with track(run_id, run_id=run_id, team="chaos", price=price, budget=budget or None) as run:
            begun = time.monotonic_ns()
            while time.monotonic_ns() - begun < float(seconds) * 1e9:
                time.sleep(0.02)
                count += 1
                say("step", count)
                inner = time.monotonic_ns() - begun
                run.step()
            inner = time.monotonic_ns() - begun
    except BudgetExceeded:
        how = "stopped"
    say(how, count, inner, time.monotonic_ns() - outer)


if __name__ == "__main__":
    train(*sys.argv[1:])
