"""GPUs for benchmarks on machines without any: the tests' fake NVML library, compiled when asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bench.meter_ground import REPOSITORY, Ground

GPUS = 8
SLOW_ROUNDS = 100_000
"""What every question to the slow driver burns; :func:`question_us` says how long that is."""

_QUESTION = """
import ctypes, time
nvml = ctypes.CDLL("libnvidia-ml.so.1")
assert nvml.nvmlInit_v2() == 0
device, memory = ctypes.c_void_p(), (ctypes.c_ulonglong * 8)()
assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
ask = lambda: nvml.nvmlDeviceGetMemoryInfo(device, memory)
assert ask() == 0
before = time.thread_time_ns()
for _ in range(200):
    ask()
print((time.thread_time_ns() - before) / 200 / 1e3)
"""


def build_fake(folder: Path) -> dict[str, str] | None:
    """The environment in which NVML shows eight GPUs with a process each; None where it cannot be."""
    source = REPOSITORY / "tests" / "metering" / "fake_nvml.c"
    if not source.exists() or shutil.which("gcc") is None:
        return None
    library = folder / "libnvidia-ml.so.1"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    processes = ",".join(f"{gpu}:1:4096:50" for gpu in range(GPUS))
    return {
        "LD_LIBRARY_PATH": str(folder),
        "FAKE_NVML_GPUS": str(GPUS),
        "FAKE_NVML_PROCESSES": processes,
    }


def question_us(ground: Ground, fake: dict[str, str]) -> float:
    """CPU time of one question to the fake driver, in microseconds."""
    said = subprocess.run(
        [ground.python, "-c", _QUESTION],
        env={**fake, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(said.stdout)


def count_metered(folder: Path) -> int:
    """How many accelerators the runs below *folder* have recorded."""
    count = 0
    for path in folder.rglob("events.jsonl"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event.get("k") == "machine":
                count += len(event["machine"].get("accelerators", ()))
    return count
