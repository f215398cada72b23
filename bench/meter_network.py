"""Proof that neither start nor stop touches a network: every system call of their thread is traced.

With strace where there is one; else with Python's audit hook, which sees every socket that Python
code makes or uses, but none that a C library makes itself.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import psutil

from bench.meter_ground import CHILD, Ground, scratch
from bench.table import Table, Target

_LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(.*)$")
_MARK = re.compile(r'write\((\d+), "phase (\w+)\\n"')
_ADDRESS = re.compile(r'inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([\w:.]+)"')

TRACE_SECONDS = 120


@dataclass
class Traffic:
    """The network system calls of one life of one tool."""

    own: Counter[str] = field(default_factory=Counter)
    """Phase → calls of the thread that trains."""
    others: Counter[str] = field(default_factory=Counter)
    """Phase → calls of all other threads and processes."""
    addresses: set[str] = field(default_factory=set)


def measure(ground: Ground) -> list[Table]:
    """Network system calls by phase, of the training thread and of everybody else."""
    table = Table(
        "network",
        "Network system calls",
        ("what", "in start()", "in stop()", "other threads", "internet addresses tried"),
    )
    if shutil.which("strace") is None:
        return [_without_strace(ground, table)]
    cases = [
        ("trainfare", "trainfare", {}),
        ("trainfare, TRAINFARE_METADATA=off", "trainfare", _OFF),
    ]
    cases += [(name, name, {}) for name in ground.peers]
    found = {}
    for title, tool, more in cases:
        try:
            one = found[title] = _trace(ground, tool, **more)
        except subprocess.TimeoutExpired as error:
            table.add(title, None, None, None, None)
            table.notes.append(f"{title} did not end within {error.timeout:.0f} s of being traced.")
            continue
        told = _told(one.addresses)
        table.add(title, one.own["start"], one.own["stop"], sum(one.others.values()), told)
    own, off = found["trainfare"], found["trainfare, TRAINFARE_METADATA=off"]
    in_calls = own.own["start"] + own.own["stop"]
    table.targets += [
        Target("network calls in start() and stop()", "0", str(in_calls), in_calls == 0),
        Target(
            "network calls of a whole life with metadata off",
            "0",
            str(sum(off.own.values()) + sum(off.others.values())),
            not off.own and not off.others,
        ),
    ]
    table.notes += [
        (
            "strace -f -e trace=%network, by the thread that calls start() and stop(); Unix sockets "
            "and socketpairs count too."
        ),
        "169.254.169.254 is the machine's own metadata service, asked on the meter's thread.",
        *ground.left_out,
    ]
    return [table]


_OFF = {"TRAINFARE_METADATA": "off"}


def _trace(ground: Ground, tool: str, **more: str) -> Traffic:
    with scratch() as folder:
        trace = folder / "trace.txt"
        mark = os.open(os.devnull, os.O_WRONLY)
        os.set_inheritable(mark, True)
        command = ["strace", "-f", "-qq", "-e", "trace=%network,write", "-e", "signal=none"]
        command += ["-s", "64", "-o", str(trace), *ground.command("life", tool, "1.5")]
        with subprocess.Popen(
            command,
            env=ground.environment(folder, BENCH_MARK=str(mark), **more),
            cwd=folder,
            pass_fds=[mark],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        ) as traced:
            os.close(mark)
            try:
                _, said = traced.communicate(timeout=TRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(traced.pid, signal.SIGKILL)
                raise
        if traced.returncode:
            raise RuntimeError(f"{tool}, traced, ended with {traced.returncode}: {said[-800:]}")
        return _read_trace(trace.read_text(errors="replace"), mark)


def _read_trace(text: str, mark: int) -> Traffic:
    r"""Sort the lines of a trace by phase; the first thread in it is the one that trains.

    >>> lines = ['7 write(5, "phase start\\n", 12) = 12', '7 socket(AF_UNIX, 1, 0) = 3',
    ...          '8 connect(3, {sa_family=AF_INET, sin_addr=inet_addr("10.0.0.1")}) = 0']
    >>> one = _read_trace("\n".join(lines), 5)
    >>> one.own["start"], one.others["start"], one.addresses
    (1, 1, {'10.0.0.1'})
    """
    traffic, phase, trainer = Traffic(), "before", None
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or "resumed>" in line:
            continue
        thread, call, rest = match.groups()
        trainer = trainer or thread
        if call in ("write", "exit", "exited"):
            marked = _MARK.search(line)
            if marked and int(marked[1]) == mark:
                phase = marked[2]
            continue
        (traffic.own if thread == trainer else traffic.others)[phase] += 1
        traffic.addresses |= {a or b for a, b in _ADDRESS.findall(rest)}
    return traffic


_AUDITED = """
import sys, threading, runpy
seen = []
trainer = threading.get_ident()
def hook(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        seen.append((threading.get_ident() == trainer, event))
sys.addaudithook(hook)
sys.argv = [{child!r}, "life", {tool!r}, "1.5"]
runpy.run_path({child!r}, run_name="__main__")
print("calls", sum(own for own, _ in seen), sum(not own for own, _ in seen))
"""


def _told(addresses: Collection[str]) -> str:
    """Addresses in words; those that are the machine's own are only counted."""
    own = {"::", "0.0.0.0"}
    for each in psutil.net_if_addrs().values():
        own |= {(one.address or "").partition("%")[0] for one in each}
        own |= {one.broadcast for one in each if one.broadcast}
    others = sorted(set(addresses) - own)
    inner = len(set(addresses) & own)
    return ", ".join([*others, *([f"{inner} of the machine's own"] if inner else [])]) or "none"


def _without_strace(ground: Ground, table: Table) -> Table:
    """The same with Python's audit hook, over a whole life."""
    table.columns = ("what", "in the training thread", "in other threads")
    for tool in ("trainfare", *ground.peers):
        with scratch() as folder:
            said = subprocess.run(
                [ground.python, "-P", "-c", _AUDITED.format(child=str(CHILD), tool=tool)],
                env=ground.environment(folder),
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
        own, others = said.stdout.split("calls ")[1].split()[:2]
        table.add(tool, int(own), int(others))
    count = table.rows[0][1]
    table.targets.append(
        Target(
            "network calls in start() and stop()", "0", f"{count} in the thread's life", count == 0
        )
    )
    table.notes.append(
        "no strace here: counted with sys.addaudithook, sockets made in Python only."
    )
    return table
