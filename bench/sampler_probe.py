"""What one reading of each sampler costs: ``python -m bench.sampler_probe``.

Prints the median and the 99th percentile of wall time per reading in µs, CPU seconds per hour at
one reading a second, and the memory that each sampler added. The GPUs are a fake driver built with
gcc: it shows our own part; a real driver adds its own.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

READINGS = 2000
FAKE_DRIVER = Path(__file__).parents[1] / "tests" / "metering" / "fake_nvml.c"


def rss_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def measure(name: str, read: Callable[[], object], *, readings: int = READINGS) -> None:
    """Time *read*; most readings of a run are alike, a tenth look for children or processes."""
    for _ in range(20):
        read()
    times = []
    cpu_ns = time.thread_time_ns()
    for _ in range(readings):
        began_ns = time.perf_counter_ns()
        read()
        times.append(time.perf_counter_ns() - began_ns)
    cpu_us = (time.thread_time_ns() - cpu_ns) / readings / 1000
    times.sort()
    median_us = times[len(times) // 2] / 1000
    p99_us = times[int(len(times) * 0.99)] / 1000
    print(f"{name:44} {median_us:9.1f} {p99_us:9.1f} {cpu_us:9.1f} {cpu_us * 3600 / 1e6:9.3f}")


def idle(seconds: float) -> None:
    time.sleep(seconds)


def measure_host() -> None:
    from trainfare.metering.host import HostSampler

    ticks = iter(range(10**9))
    before = rss_kib()
    sampler = HostSampler(clock_ns=lambda: next(ticks) * 10**9)
    sampler.read()
    memory = rss_kib() - before
    measure("host, one process, refresh each 10th", sampler.read)
    workers = [multiprocessing.Process(target=idle, args=(600,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    sampler.refresh()
    measure("host, 8 workers", sampler.read)
    measure("host, 8 workers, refresh alone", sampler.refresh, readings=300)
    for worker in workers:
        worker.kill()
        worker.join()
    sampler.close()
    without = HostSampler(proc="/nowhere")
    measure("host, one process, through psutil", without.read, readings=500)
    print(f"host sampler added {memory} KiB")


def measure_gpus() -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        print("gcc is not installed: no fake driver, GPUs not measured")
        return
    from trainfare.metering.gpu import GpuSampler

    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "libnvidia-ml.so.1")
        subprocess.run(
            [compiler, "-O1", "-shared", "-fPIC", "-o", library, str(FAKE_DRIVER)], check=True
        )
        os.environ["FAKE_NVML_PROCESSES"] = ",".join(f"{i}:{os.getpid()}:100:5" for i in range(8))
        before = rss_kib()
        cpu_ns = time.thread_time_ns()
        sampler = GpuSampler(library=library, cpu_ns=lambda: 0)
        sampler.open()
        open_ms = (time.thread_time_ns() - cpu_ns) / 1e6
        memory = rss_kib() - before
        measure("8 GPUs, fake driver", sampler.read)
        sampler.close()
        print(f"GPU sampler added {memory} KiB; opening took {open_ms:.1f} ms of CPU")


def measure_rest() -> None:
    from trainfare.metering.accelerator import AcceleratorSampler
    from trainfare.metering.cgroup import find_allowance, find_groups, read_usage

    sampler = AcceleratorSampler()
    sampler.open()
    measure("accelerators, none here", sampler.read)
    measure("cgroup: find the allowance (once a run)", find_allowance, readings=300)
    groups = find_groups()
    measure("cgroup: read the usage", lambda: read_usage(groups))


def main() -> None:
    print(f"{sys.version.split()[0]}, {os.cpu_count()} CPUs, {READINGS} readings each")
    heads = ("median µs", "p99 µs", "CPU µs", "CPU s/h")
    print(f"{'':44} {' '.join(f'{head:>9}' for head in heads)}")
    measure_host()
    measure_gpus()
    measure_rest()


if __name__ == "__main__":
    main()
