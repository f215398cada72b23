"""What ``import`` costs: milliseconds over bare Python, and what it loads, beside the peers."""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import time
from collections import defaultdict

from bench.meter_ground import Ground, scratch
from bench.meter_tools import MODULES
from bench.table import Table, Target, short, spread

LIMIT_MS = 40

_TIMED = """
import time
a, c = time.perf_counter_ns(), time.process_time_ns()
import {module}
print((time.perf_counter_ns() - a) / 1e6, (time.process_time_ns() - c) / 1e6)
"""
_LOADED = """
import sys
before = set(sys.modules)
import {module}
for name in set(sys.modules) - before:
    file = getattr(sys.modules[name], "__file__", None) or ""
    print("site-packages" in file and "/trainfare/" not in file, name.partition(".")[0])
"""


def measure(ground: Ground) -> list[Table]:
    """The table of imports, and where the time of Trainfare's own goes."""
    table = Table(
        "import",
        "Import",
        (
            "what",
            "import statement, ms",
            "its CPU ms",
            "process over bare, ms",
            "third-party modules",
        ),
    )
    tools = {"bare Python": "time", "the standard library it uses": _standard(ground)}
    tools |= {name: MODULES[name] for name in ("trainfare", *ground.peers)}
    wall, inner, cpu = _time_all(ground, tools)
    bare = statistics.median(wall["bare Python"])
    for name, module in tools.items():
        over = spread([one - bare for one in wall[name]])
        foreign = _foreign(ground, module)
        told = f"{len(foreign)}" + (f": {', '.join(foreign[:6])} …" if foreign else "")
        table.add(name, spread(inner[name]), spread(cpu[name]), over, told)
    table.notes += [
        (
            f"medians (quartiles) of {len(wall['trainfare'])} fresh processes each, in shuffled turns; "
            f"bare Python takes {short(bare)} ms from start to end here."
        ),
        "bytecode is compiled beforehand for all; all run with the same interpreter.",
        *ground.left_out,
    ]
    _judge(table, inner, cpu, _foreign(ground, "trainfare"))
    return [table, _where(ground)]


def _judge(
    table: Table, inner: dict[str, list[float]], cpu: dict[str, list[float]], foreign: list[str]
) -> None:
    """Hold the import to its target by CPU time: an import waits for nothing, a busy machine does."""
    own, wall = statistics.median(cpu["trainfare"]), statistics.median(inner["trainfare"])
    table.targets += [
        Target(
            "import over bare Python",
            f"≤ {LIMIT_MS} ms",
            f"median {short(own)} ms of CPU (least {short(min(cpu['trainfare']))}; wall {short(wall)})",
            own <= LIMIT_MS,
        ),
        Target("third-party modules loaded", "none", ", ".join(foreign) or "none", not foreign),
    ]
    for peer in ("resource-tracker", "codecarbon"):
        if peer in cpu:
            ratio = own / statistics.median(cpu[peer])
            table.notes.append(f"Trainfare's import takes {short(ratio)} × the CPU of {peer}'s.")


def _time_all(ground: Ground, tools: dict[str, str]) -> tuple[dict[str, list[float]], ...]:
    """Milliseconds per tool: whole process, import statement, CPU of the import statement."""
    wall, inner, cpu = (defaultdict(list) for _ in range(3))
    order = list(tools)
    with scratch() as folder:
        environment = ground.environment(folder)
        for turn in range(ground.times(21, 3) + 1):
            random.Random(turn).shuffle(order)
            for name in order:
                code = _TIMED.format(module=tools[name])
                began = time.perf_counter_ns()
                said = subprocess.run(
                    [ground.python, "-P", "-c", code],
                    env=environment,
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                took_ms = (time.perf_counter_ns() - began) / 1e6
                if turn == 0:
                    continue  # the first reads the disk
                inside, busy = said.stdout.split()[-2:]
                wall[name].append(took_ms)
                inner[name].append(float(inside))
                cpu[name].append(float(busy))
    return wall, inner, cpu


def _foreign(ground: Ground, module: str) -> list[str]:
    """Top names of the modules outside the standard library that an import loads."""
    loaded = _loaded(ground, module)
    return sorted({name for is_foreign, name in loaded if is_foreign} - set(module.split(",")))


def _standard(ground: Ground) -> str:
    """The standard library that Trainfare's import loads, as an import statement has it: its floor."""
    names = {name for is_foreign, name in _loaded(ground, "trainfare") if not is_foreign}
    return ", ".join(sorted(n for n in names if n[0] != "_" and n != "trainfare"))


def _loaded(ground: Ground, module: str) -> list[tuple[bool, str]]:
    """Of each module that an import loads: whether it is a third party's, and its top name."""
    with scratch() as folder:
        said = subprocess.run(
            [ground.python, "-P", "-c", _LOADED.format(module=module)],
            env=ground.environment(folder),
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    lines = [line.split() for line in said.stdout.splitlines()]
    return [(line[0] == "True", line[1]) for line in lines if len(line) == 2]


def _where(ground: Ground) -> Table:
    """Self time of each module that ``import trainfare`` loads, from ``-X importtime``."""
    table = Table("import-where", "Where Trainfare's import goes", ("module", "self, ms"))
    taken: dict[str, list[float]] = defaultdict(list)
    with scratch() as folder:
        for _ in range(ground.times(11, 3)):
            said = subprocess.run(
                [ground.python, "-P", "-X", "importtime", "-c", "import time; import trainfare"],
                env=ground.environment(folder),
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
            # Bare Python ends with the module of the command, `site` before it.
            after = re.split(r"\| +site\n", said.stderr)[-1]
            for micros, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", after):
                taken[name].append(int(micros) / 1e3)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    own = {name: ms for name, ms in medians.items() if name.startswith("trainfare")}
    table.add("all of trainfare.*", sum(own.values()))
    table.add("all of the standard library", sum(medians.values()) - sum(own.values()))
    for name, ms in sorted(medians.items(), key=lambda pair: -pair[1])[:24]:
        table.add(name, ms)
    table.notes.append("medians of fresh processes; tracing imports itself adds to each.")
    return table
