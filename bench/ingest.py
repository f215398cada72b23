"""How much a server takes in, acknowledged after commit, beside the same handler without a store.

    python -m bench.ingest [SECONDS [ROUNDS]]

One server process at a time and the load share the machine; rounds of both kinds take turns. Then
ten thousand live runs that each ship a minute of samples a minute, for what they take of one core,
mirror included. Linux only. Targets: 10 thousand requests a second with one sample, 200 thousand
samples a second in batches of 60, 0.4 of the handler without a store, 99 of 100 within 25 ms, and
less than a fifth of a core.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from bench.table import Table, Target, publish, spread

CONNECTIONS = 64


@contextlib.contextmanager
def server(kind):
    Path("bench/out").mkdir(exist_ok=True)
    home = tempfile.mkdtemp(prefix="trainfare-bench-", dir="bench/out")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ingest_server", home, kind], stdout=subprocess.PIPE, text=True
    )
    try:
        watched = psutil.Process(process.pid)
        watched.home = home
        yield watched, *process.stdout.readline().split()
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home)


def load(process, *words):
    before = process.cpu_times()
    done = subprocess.run(
        [sys.executable, "-m", "bench.ingest_load", *map(str, words)],
        stdout=subprocess.PIPE, check=True, text=True, timeout=120,
    )  # fmt: skip
    after = process.cpu_times()
    found = json.loads(done.stdout)
    used = after.user + after.system - before.user - before.system
    return {**found, "server_cpu": used, "rate": found["requests"] / found["seconds"]}


def throughput(seconds, rounds):
    print("| store | samples | requests/s | samples/s | p99 ms | server CPU µs/request | load's |")
    print("|---|---|---|---|---|---|---|")
    rates = {}
    figures = Table("ingest", "Intake of samples", ())
    for samples in (1, 60):
        found = {"none": [], "full": []}
        with server("none") as none, server("full") as full:
            for number in range(-1, rounds):  # the first opens the runs and is not counted
                for kind, (process, port, token) in (("none", none), ("full", full)):
                    words = (
                        port,
                        token,
                        CONNECTIONS,
                        1000,
                        samples,
                        seconds,
                        f"{process.home}/offsets",
                    )
                    one = load(process, *words)
                    if number >= 0:
                        found[kind].append(one)
        took = {
            kind: [one["server_cpu"] / one["requests"] * 1e6 for one in group]
            for kind, group in found.items()
        }
        named = {f"with the store, {samples} a request": took["full"], "no store": took["none"]}
        figures.compare("CPU µs a request", named, beside="no store")
        for kind, group in found.items():
            rate = spread([one["rate"] for one in group])
            rates[kind, samples] = rate.median
            p99 = spread([one["p99"] * 1000 for one in group])
            cpu = spread([one["server_cpu"] / one["requests"] * 1e6 for one in group])
            own = spread([one["cpu"] / one["requests"] * 1e6 for one in group])
            print(
                f"| {kind} | {samples} | {rate} | {rate.median * samples:.0f} | {p99} | {cpu} | {own} |",
                flush=True,
            )
    for samples in (1, 60):
        share = rates["full", samples] / rates["none", samples]
        print(f"\n{samples}: {share:.2f} of no store")
        met = share >= 0.4
        promise = "≥ 0.4 of no store"
        figures.targets.append(Target(f"{samples} a request", promise, f"{share:.2f}", met))
    publish(figures)


def ten_thousand(seconds, rounds):
    found = []
    with server("full") as (process, port, token):
        # All runs are known before it is measured: a live run is opened once and ships for hours.
        load(process, port, token, CONNECTIONS, 10_000, 60, 10, f"{process.home}/offsets")
        for _ in range(rounds):
            words = (
                port,
                token,
                CONNECTIONS,
                10_000,
                60,
                seconds,
                f"{process.home}/offsets",
                10_000 / 60,
            )
            found.append(load(process, *words))
    cores = spread([one["server_cpu"] / one["seconds"] * 100 for one in found])
    print(f"\n10,000 live runs, a batch of 60 a minute: {cores} % of one core")
    print(f"p99 {spread([one['p99'] * 1000 for one in found])} ms")


if __name__ == "__main__":
    seconds, rounds = (float(sys.argv[1]) if sys.argv[1:] else 4.0), int((sys.argv[2:] or [5])[0])
    throughput(seconds, rounds)
    ten_thousand(max(seconds, 10), rounds)
