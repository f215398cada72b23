"""Fresh processes on a GPU for :mod:`bench.gpu_check`: what a meter adds, shares, and ``kill -9``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

IDLE = """
import json, sys, time
def rss():
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return [int(lines[name].split()[0]) for name in ("RssAnon", "RssFile")]
import trainfare
length, metered = float(sys.argv[1]), sys.argv[2] == "metered"
before = rss()
began = time.perf_counter()
run = trainfare.track("idle", price="3.6/h") if metered else None
start_ms = (time.perf_counter() - began) * 1e3
time.sleep(3)
cpu, wall = time.process_time(), time.monotonic()
time.sleep(length)
cpu, wall = time.process_time() - cpu, time.monotonic() - wall
after = rss()
began = time.perf_counter()
if run: run.finish()
stop_ms = (time.perf_counter() - began) * 1e3
print(json.dumps({"cpu_seconds_per_hour": round(cpu / wall * 3600, 3), "added_kib": [b - a for a, b in zip(before, after)],
    "start_ms": round(start_ms, 2), "stop_ms": round(stop_ms, 2)}))
"""

BUSY = """
import sys, time, torch
duty, until = float(sys.argv[1]), time.monotonic() + float(sys.argv[2])
a = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
print("ready", flush=True)
while time.monotonic() < until:
    began = time.monotonic()
    while time.monotonic() - began < 0.05:
        for _ in range(5): b = a @ a
        torch.cuda.synchronize()
    time.sleep(0.05 * (1 - duty) / duty)
"""

KILLED = """
import time, torch, trainfare
a = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
run = trainfare.track("killed", run_id="r-killed", price="3.6/h")
print(time.monotonic(), flush=True)
while True:
    b = a @ a
    torch.cuda.synchronize()
    run.step()
"""


def start(check, code, *words, **more):
    """A child that runs *code*."""
    from bench.gpu_check import environment

    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        env=environment(check, **more), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def check_idle(check):
    """A process that only sleeps, with the meter and without: side by side, at the same time."""
    children = {
        name: start(check, IDLE, check.seconds(60), name, TRAINFARE_METADATA="off")
        for name in ("metered", "plain")
    }
    found = {name: json.loads(child.communicate()[0]) for name, child in children.items()}
    check.say("idle process", **found)


def check_kill(check):
    """``kill -9`` in mid-training; the receipt against this process's own clock."""
    from bench.gpu_check import trainfare

    child = start(check, KILLED, TRAINFARE_METADATA="off")
    began = float(child.stdout.readline())
    time.sleep(max(4.3, check.seconds(8.3)))
    lived = time.monotonic() - began
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.5)
    document = trainfare(check, "receipt", "r-killed")
    check.say(
        "kill -9",
        lived_seconds=round(lived, 3),
        receipt_seconds=document["duration_seconds"],
        status=document["status"],
        estimated=document["estimated"]["total"],
        true_cost=f"{lived * 0.001:.9f}",
        steps=document["steps"],
        energy_kwh=document["energy_kwh"],
    )


def check_shares(check):
    """Two processes on one GPU, one working all the time and one a third of it."""
    from trainfare.metering.gpu import GpuSampler

    length = check.seconds(25) + 25
    children = [start(check, BUSY, duty, length) for duty in (1.0, 0.33)]
    for child in children:
        child.stdout.readline()
    samplers = [GpuSampler(child.pid) for child in children]
    for sampler in samplers:
        sampler.open()
    shares = []
    for _ in range(20 if check.scale < 1 else 40):
        time.sleep(0.5)
        readings = [sampler.read()[0].process_share for sampler in samplers]
        shares.append([None if one is None else round(float(one), 3) for one in readings])
    nvml, handle = samplers[0]._nvml, samplers[0]._devices[0].handle
    listed, active = nvml.processes(handle), nvml.process_activity(handle, 0)[0]
    for sampler in samplers:
        sampler.close()
    for child in children:
        child.kill()
        child.wait()
    check.say(
        "two processes",
        shares=shares[9::10],
        driver_lists=sorted(listed),
        driver_says_active=active,
        children=[child.pid for child in children],
        own_pid=os.getpid(),
    )
