"""What sampling costs while a process runs: CPU seconds and disk bytes per hour, beside the peers.

All tools run at the same time, each in its own idle process, so that they meet the same machine.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.meter_gpus import GPUS, SLOW_ROUNDS, build_fake, count_metered, question_us
from bench.meter_ground import Ground, Paused, scratch, tree
from bench.table import Table, Target, short

CPU_LIMIT_S, DISK_LIMIT_MB = 2.0, 0.5
HOUR_S = 3600
WARM_UP_S = 8
"""Until the machine is found and the price looked up: once a run, not once a second."""
RECHECKS_PER_HOUR = 4
"""The meter looks its price up again every quarter of an hour; no shorter window shows that."""

EVERY = {
    "resource-tracker": "1 s",
    "codecarbon": "15 s",
    "trackio": "10 s",
    "mlflow": "10 s",
    "wandb": "15 s",
    "clearml": "0.5 s, writes means of 30 s",
}
"""How often a peer samples by default."""


@dataclass
class Case:
    """One tool in one setting, and what was seen of it."""

    title: str
    words: tuple[str, ...]
    environment: dict[str, str]
    cpu_s: list[float]
    """By part of the window, per hour."""
    disk_bytes: float = 0.0
    """Per hour."""
    processes: int = 0
    accelerators: int = 0
    """As Trainfare's record has them."""


def measure(ground: Ground) -> list[Table]:
    """CPU seconds and bytes per hour of every tool, sampling an idle process as it does by default."""
    with scratch() as folder:
        cases, why = _cases(ground, folder)
        _watch(ground, cases, parts=ground.times(3, 1), part_s=ground.times(60, 15))
    lookup_s = _lookup_seconds(ground)
    table = Table(
        "sampler",
        "Sampling, per hour",
        ("what", "CPU s", "parts", "ratio to Trainfare", "disk MB", "processes"),
    )
    own = _mean(cases[1].cpu_s)
    for one in cases:
        parts = "; ".join(short(part) for part in one.cpu_s)
        ratio = _mean(one.cpu_s) / own
        table.add(one.title, _mean(one.cpu_s), parts, ratio, one.disk_bytes / 1e6, one.processes)
    _judge(table, cases, RECHECKS_PER_HOUR * lookup_s)
    table.notes += [
        (
            f"{len(cases[0].cpu_s)} parts of {ground.times(60, 15)} s each, after {WARM_UP_S} s; the whole "
            "process tree, by the processes' own CPU clocks; main threads idle; all at the same time."
        ),
        (
            f"Trainfare besides looks up its price every quarter of an hour: {short(lookup_s * 1e3)} ms of "
            f"CPU each, {short(RECHECKS_PER_HOUR * lookup_s)} s per hour, added in the targets."
        ),
        *why,
    ]
    return [table, _record_arithmetic(ground)]


def _cases(ground: Ground, folder: Path) -> tuple[list[Case], list[str]]:
    """The null first, then Trainfare, then everything else."""
    cases = [
        Case("bare Python (the null)", ("idle", "nothing"), {}, []),
        Case("trainfare, 1 s", ("idle", "trainfare"), {}, []),
        Case("trainfare, 1 s, 8 child processes", ("idle", "trainfare", "8"), {}, []),
        Case("psutil thread and JSON line, 1 s", ("idle", "psutil thread"), {}, []),
    ]
    why = []
    fake = build_fake(folder)
    if fake is None:
        why.append("no fake NVML library or no gcc here: sampling with GPUs is not measured.")
    else:
        slow = {**fake, "FAKE_NVML_SPIN": str(SLOW_ROUNDS)}
        cases.append(Case(f"trainfare, 1 s, {GPUS} fake GPUs", ("idle", "trainfare"), fake, []))
        cases.append(
            Case(f"trainfare, 1 s, {GPUS} fake GPUs, slow driver", ("idle", "trainfare"), slow, [])
        )
        why.append(
            f"the fake driver answers a question in {short(question_us(ground, fake))} µs, the slow one "
            f"in {short(question_us(ground, slow))} µs; what a real one takes was not measured."
        )
    for name in ground.peers:
        cases.append(Case(f"{name}, {EVERY[name]}", ("idle", name), {}, []))
        if name in ("codecarbon", "wandb"):
            cases.append(Case(f"{name}, 1 s", ("idle", f"{name} at 1 s"), {}, []))
    return cases, [*why, *ground.left_out]


def _watch(ground: Ground, cases: Sequence[Case], *, parts: int, part_s: int) -> None:
    """Start all, let them settle, then read clocks and folders at the bounds of every part."""
    with contextlib.ExitStack() as stack:
        children = []
        for one in cases:
            folder = stack.enter_context(scratch())
            child = Paused(ground, folder, *one.words, **one.environment)
            stack.callback(child.end)
            children.append(child)
        for child in children:
            child.wait_for("running")
        time.sleep(WARM_UP_S)
        clocks, sizes, began = _read_clocks(children), _read_sizes(children), time.monotonic()
        first_sizes, first = sizes, began
        for _ in range(parts):
            time.sleep(part_s)
            now, at = _read_clocks(children), time.monotonic()
            for one, before, after in zip(cases, clocks, now, strict=True):
                one.cpu_s.append((after - before) * HOUR_S / (at - began))
            clocks, began = now, at
        sizes = _read_sizes(children)
        for one, child, before, after in zip(cases, children, first_sizes, sizes, strict=True):
            one.disk_bytes = (after - before) * HOUR_S / (began - first)
            one.processes = len(tree(child.pid))
            one.accelerators = count_metered(child.folder)
            if "fake" in one.title and one.accelerators != GPUS:
                raise RuntimeError(f"{one.title}: {one.accelerators} GPUs were metered, not {GPUS}")


def _read_clocks(children: Sequence[Paused]) -> list[float]:
    return [sum(_cpu_seconds(pid) for pid in tree(child.pid)) for child in children]


def _cpu_seconds(pid: int) -> float:
    """CPU time of one process to the nanosecond, and of its ended children to the tick.

    Linux names the CPU clock of process *pid* ``~pid << 3 | 2`` (clock_getcpuclockid(3)).
    """
    try:
        own = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return own + (int(fields[13]) + int(fields[14])) / 100


def _read_sizes(children: Sequence[Paused]) -> list[int]:
    sizes = []
    for child in children:
        size = 0
        for path in child.folder.rglob("*"):
            with contextlib.suppress(OSError):
                size += path.stat().st_size if path.is_file() else 0
        sizes.append(size)
    return sizes


_LOOKUP = """
import time, pathlib
from trainfare.metering.machine import quick_machine
from trainfare.metering.place import NOTHING_STATED, make_instruments
machine = quick_machine(env={}, instance="p5.48xlarge", region="us-east-1")
price_of = make_instruments(pathlib.Path("home"), NOTHING_STATED).price_of
price_of(machine)
before = time.process_time()
for _ in range(20):
    price_of(machine)
print("lookup", (time.process_time() - before) / 20)
"""


def _lookup_seconds(ground: Ground) -> float:
    """CPU seconds of looking a price up again, once everything is loaded."""
    with scratch() as folder:
        said = subprocess.run(
            [ground.python, "-P", "-c", _LOOKUP],
            env=ground.environment(folder),
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    return float(said.stdout.split()[-1])


def _judge(table: Table, cases: Sequence[Case], rechecks_s: float) -> None:
    for one in cases:
        if not one.title.startswith("trainfare"):
            continue
        cpu_s = _mean(one.cpu_s) + rechecks_s
        table.targets.append(
            Target(
                f"sampler CPU ({one.title})",
                f"≤ {short(CPU_LIMIT_S)} s per hour",
                f"{short(cpu_s)} s per hour",
                cpu_s <= CPU_LIMIT_S,
            )
        )
        disk_mb = one.disk_bytes / 1e6
        table.targets.append(
            Target(
                f"disk ({one.title})",
                f"≤ {DISK_LIMIT_MB} MB per hour",
                f"{short(disk_mb)} MB per hour",
                disk_mb <= DISK_LIMIT_MB,
            )
        )


def _record_arithmetic(ground: Ground) -> Table:
    """Bytes per hour by the size and number of records, to hold the measured window against."""
    table = Table("disk", "Disk per hour, by arithmetic", ("accelerators", "records", "MB"))
    code = (
        "from trainfare.metering import sample as s, meter as m; "
        "print(s.SIZE, s.DEVICES_PER_RECORD, m.DEVICE_TICKS)"
    )
    with scratch() as folder:
        said = subprocess.run(
            [ground.python, "-P", "-c", code],
            env=ground.environment(folder),
            capture_output=True,
            text=True,
            check=True,
        )
    size, per_record, ticks = map(int, said.stdout.split())
    for devices in (0, 1, 8, 16):
        records = HOUR_S + HOUR_S // ticks * -(-devices // per_record)
        table.add(devices, records, records * size / 1e6)
    table.notes.append(
        f"{size} bytes a record: one of the host a second, one per {per_record} accelerators every "
        f"{ticks} s; events (epochs, stages, checkpoints) and run.log() add what the training says."
    )
    return table


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
