"""The meter held against a real NVIDIA GPU: every figure beside one that something else measured.

    python -m bench.gpu_check                 some four minutes on a machine with a GPU and PyTorch
    python -m bench.gpu_check --quick         a look at each; no figures to quote
    python -m bench.gpu_check --out FILE.json the figures as JSON too

Nothing of the GPU's settings is changed and nothing is sent anywhere. Without PyTorch what needs it
is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


class Check:
    """What is measured, as it is found."""

    def __init__(self, home: Path, *, quick: bool):
        self.home, self.scale = home, 0.2 if quick else 1.0
        self.found = {}

    def seconds(self, whole: float) -> float:
        """*whole*, or a fifth of it in a quick look."""
        return whole * self.scale

    def say(self, name: str, **figures):
        """Keep and print one result."""
        self.found[name] = figures
        print(f"\n== {name}", flush=True)
        for key, value in figures.items():
            shown = json.dumps(value) if isinstance(value, dict | list) else value
            print(f"   {key}: {shown}", flush=True)


class OwnMeter:
    """Power every tenth of a second and the energy counter, read beside Trainfare, not through it."""

    def __init__(self):
        from trainfare.metering.nvml import Nvml

        self._nvml = Nvml()
        self._device = self._nvml.device(0)
        self._stop = threading.Event()
        self._powers = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.before_mj = self._nvml.energy_millijoules(self._device)
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.counter_joules = (self._nvml.energy_millijoules(self._device) - self.before_mj) / 1e3
        self.wall_seconds = time.monotonic() - self.began
        pairs = zip(self._powers, self._powers[1:], strict=False)
        self.power_joules = sum((b[0] - a[0]) * (a[1] + b[1]) / 2e3 for a, b in pairs)
        self._nvml.close()

    def _watch(self):
        while not self._stop.wait(0.1):
            self._powers.append((time.monotonic(), self._nvml.power_milliwatts(self._device)))


def percentiles(taken_ns):
    """Median and 99th percentile in microseconds."""
    ordered = sorted(taken_ns)
    return {
        "median_us": round(statistics.median(ordered) / 1e3, 1),
        "p99_us": round(ordered[len(ordered) * 99 // 100] / 1e3, 1),
    }


def check_identity(check):
    """What a run would find here, and what the driver says."""
    from trainfare.metering.gpu import GpuSampler

    sampler = GpuSampler()
    began = time.perf_counter()
    is_open = sampler.open()
    opening_ms = (time.perf_counter() - began) * 1e3
    devices = [f"{one.index} {one.name} {one.id} {one.memory_bytes}" for one in sampler.devices]
    sampler.close()
    said = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,uuid,memory.total,driver_version", "--format=csv,noheader"],
        capture_output=True, text=True, check=False,
    ) if _has("nvidia-smi") else None  # fmt: skip
    check.say(
        "identity",
        found=is_open or sampler.why,
        devices=devices,
        driver=sampler.driver_version,
        profile=sampler.profile_why or "GPM",
        opening_ms=round(opening_ms, 1),
        nvidia_smi=said.stdout.strip() if said else None,
    )
    return is_open


def _has(program):
    return any((Path(f) / program).exists() for f in os.environ.get("PATH", "").split(os.pathsep))


def check_doctor(check):
    """``trainfare doctor`` as a person sees it, and the price that it found."""
    text = trainfare(check, "doctor", is_json=False)
    found = trainfare(check, "doctor")
    check.say("doctor", price=found.get("price"), missing=found.get("missing"), text="")
    print(text)


def trainfare(check, *words, is_json=True):
    """What a command of this source tree answers."""
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", *words, *(["--format", "json"] if is_json else [])],
        env=environment(check), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if not is_json or done.returncode:
        return done.stdout + done.stderr
    return json.loads(done.stdout)


def environment(check, **more):
    """The environment of a child: this source tree, a home of the check's own."""
    path = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "TRAINFARE_HOME": str(check.home), **more}


def check_calls(check):
    """What each question to the driver takes, asked one after another."""
    from trainfare.metering.gpm import GpmDevice
    from trainfare.metering.nvml import Nvml, NvmlError

    nvml = Nvml()
    device = nvml.device(0)
    calls = {
        "activity": lambda: nvml.activity_percent(device),
        "energy counter": lambda: nvml.energy_millijoules(device),
        "power": lambda: nvml.power_milliwatts(device),
        "memory": lambda: nvml.memory(device),
        "processes": lambda: nvml.processes(device),
        "activity by process": lambda: nvml.process_activity(device, 0),
    }
    try:
        gpm = GpmDevice(nvml, device)
        time.sleep(0.2)
        calls["GPM sample and metrics"] = gpm.read
    except NvmlError as error:
        print("GPM:", error)
    taken = {}
    for name, call in calls.items():
        try:
            taken[name] = time_calls(call, 20 if "GPM" in name else 200)
        except NvmlError as error:
            taken[name] = str(error)
    nvml.close()
    check.say("driver calls", **taken)


def time_calls(call, count):
    """Wall and CPU time of *call* over *count* calls, a hundredth of a second apart."""
    wall, busy = [], []
    for _ in range(count):
        time.sleep(0.01)
        began, cpu = time.perf_counter_ns(), time.thread_time_ns()
        call()
        busy.append(time.thread_time_ns() - cpu)
        wall.append(time.perf_counter_ns() - began)
    return {**percentiles(wall), "cpu_us": round(statistics.median(busy) / 1e3, 1)}


def check_children(check):
    """What fresh processes show: CPU and memory of the meter, two on one GPU, ``kill -9``."""
    from bench.gpu_children import check_idle, check_kill, check_shares

    check_idle(check)
    check_kill(check)
    check_shares(check)


def check_training(check):
    """A training in bf16, and a product of matrices whose operations are known."""
    from bench.gpu_training import check_matmul, check_steps, check_train

    check_train(check, OwnMeter)
    check_matmul(check)
    check_steps(check)


def main(arguments=None):
    """Run all checks; 1 where there is no GPU to check on."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    sys.path.insert(0, str(REPOSITORY / "src"))
    with tempfile.TemporaryDirectory() as folder:
        check = Check(Path(folder), quick=asked.quick)
        os.environ["TRAINFARE_HOME"] = folder
        if not check_identity(check):
            return 1
        parts = [check_doctor, check_calls]
        try:
            import torch  # noqa: F401

            parts += [check_children, check_training]
        except ImportError:
            print("\nPyTorch is not installed: no training is metered.")
        for part in parts:
            try:
                part(check)
            except Exception as error:
                check.say(part.__name__, broke=f"{type(error).__name__}: {error}")
            if asked.out:
                asked.out.write_text(json.dumps(check.found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
