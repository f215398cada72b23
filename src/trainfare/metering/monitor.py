"""Makers' monitors: programs and libraries that tell what AMD, Gaudi, TPU and Trainium devices do.

A program is started now and then and never waited for: what it printed is picked up by a later
reading. What a monitor does not tell is None.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

_MIB = 2**20
_GIB = 2**30


class Use(NamedTuple):
    """What a monitor says of one device."""

    activity_percent: float | None = None
    memory_used_bytes: int | None = None
    power_milliwatts: int | None = None
    energy_millijoules: int | None = None
    """A counter of the device."""


Uses = Mapping[int, Use]
"""By index of the device among those of its kind."""


class Monitor(Protocol):
    """Something that tells what devices do."""

    name: str

    def poll(self) -> Uses:
        """What is known now; empty where nothing is (yet, or any more)."""

    def close(self) -> None:
        """End what was started."""


def ask(command: Sequence[str], *, seconds: float = 1.0) -> str | None:
    """What *command* prints, or None when it fails or takes longer than that."""
    try:
        process = _start(command)
    except OSError:
        return None
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        return None
    return text.decode(errors="replace") if process.returncode == 0 else None


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # Plain tables, and out of reach of the Ctrl-C that is meant for the training.
    environ = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    if process.stdout is not None:
        process.stdout.close()
    # A process stuck in its driver ends when the driver lets it; that is not waited for.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)


class CommandMonitor:
    """A program that is asked every *every_seconds*, and ended when it takes over *seconds*.

    An *endless* program prints a report per line and goes on; it is ended after the first.
    """

    def __init__(
        self,
        command: Sequence[str],
        parse: Callable[[str], Uses],
        *,
        every_seconds: int,
        seconds: int = 5,
        endless: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = Path(command[0]).name
        self._command = command
        self._parse = parse
        self._every_ns = every_seconds * 10**9
        self._limit_ns = seconds * 10**9
        self._endless = endless
        self._clock_ns = clock_ns
        self._process: subprocess.Popen[bytes] | None = None
        self._text = b""
        self._started_ns = clock_ns() - self._every_ns
        self._uses: Uses = {}

    def poll(self) -> Uses:
        """Start the program when it is due, pick up what it printed; never waits."""
        now_ns = self._clock_ns()
        if self._process is None:
            if now_ns - self._started_ns >= self._every_ns:
                self._begin(now_ns)
            return self._uses
        text = self._receive(self._process)
        if text is None and now_ns - self._started_ns < self._limit_ns:
            return self._uses
        self._finish()
        # A monitor that failed knows nothing now; what it said before is no longer true.
        self._uses = {}
        if text is not None:
            with contextlib.suppress(ValueError, KeyError, TypeError, IndexError, AttributeError):
                self._uses = self._parse(text)
        return self._uses

    def _begin(self, now_ns: int) -> None:
        self._started_ns = now_ns
        self._text = b""
        try:
            self._process = _start(self._command)
        except OSError:
            self._uses = {}
            return
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)

    def _receive(self, process: subprocess.Popen[bytes]) -> str | None:
        """The whole report, or None while it is not complete."""
        if process.stdout is None:
            return ""
        is_complete = False
        with contextlib.suppress(BlockingIOError):
            while True:
                more = os.read(process.stdout.fileno(), 65536)
                self._text += more
                if not more:
                    is_complete = True
                    break
        if self._endless:
            line, is_whole, _ = self._text.partition(b"\n")
            return line.decode(errors="replace") if is_whole else None
        return self._text.decode(errors="replace") if is_complete else None

    def _finish(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def close(self) -> None:
        """End the program if it runs."""
        self._finish()


class AmdMonitor:
    """AMD's library amdsmi, loaded into this process; read every five seconds.

    Raises:
        ImportError: amdsmi is not installed.
        OSError: it is, but the driver does not answer.
    """

    name = "amdsmi"
    _every_ns = 5 * 10**9

    def __init__(self, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        import amdsmi

        self._smi: Any = amdsmi
        self._clock_ns = clock_ns
        self._read_ns: int | None = None
        self._uses: Uses = {}
        try:
            amdsmi.amdsmi_init()
            self.handles: list[Any] = list(amdsmi.amdsmi_get_processor_handles())
        except (amdsmi.AmdSmiException, AttributeError) as error:
            raise OSError(f"amdsmi does not answer: {error}") from error

    def _ask(self, call: str, handle: Any) -> Any:
        try:
            return getattr(self._smi, call)(handle)
        except (self._smi.AmdSmiException, AttributeError, TypeError, KeyError):
            return None

    def text(self, call: str, handle: Any, key: str | None = None) -> str | None:
        """A word that amdsmi's function *call* says of *handle*, itself or under *key*."""
        answer = self._ask(call, handle)
        if key is not None:
            answer = answer.get(key) if isinstance(answer, dict) else None
        return answer if isinstance(answer, str) and answer != "N/A" else None

    def memory_bytes(self, handle: Any, key: str) -> int | None:
        """``vram_total`` or ``vram_used`` of *handle*, which amdsmi gives in MiB."""
        found = _number(self._ask("amdsmi_get_gpu_vram_usage", handle), key)
        return None if found is None else int(found * _MIB)

    def poll(self) -> Uses:
        """What each GPU does, renewed every five seconds."""
        now_ns = self._clock_ns()
        if self._read_ns is None or now_ns - self._read_ns >= self._every_ns:
            self._read_ns = now_ns
            self._uses = {i: self._read(handle) for i, handle in enumerate(self.handles)}
        return self._uses

    def _read(self, handle: Any) -> Use:
        """One GPU. Units of amdsmi: percent, MiB, W, and counts of so many µJ."""
        activity = _number(self._ask("amdsmi_get_gpu_activity", handle), "gfx_activity")
        watts = self._ask("amdsmi_get_power_info", handle)
        power = next(
            (
                found
                for key in ("current_socket_power", "average_socket_power", "socket_power")
                if (found := _number(watts, key)) is not None
            ),
            None,
        )
        energy = self._ask("amdsmi_get_energy_count", handle)
        count = _number(energy, "energy_accumulator")
        count = _number(energy, "power") if count is None else count
        resolution = _number(energy, "counter_resolution")
        # Some GPUs answer 0 for a counter that they do not have.
        has_counter = bool(count) and bool(resolution)
        return Use(
            activity,
            self.memory_bytes(handle, "vram_used"),
            None if power is None else round(power * 1000),
            round((count or 0) * (resolution or 0) / 1000) if has_counter else None,
        )

    def close(self) -> None:
        """Give the driver back."""
        with contextlib.suppress(self._smi.AmdSmiException, AttributeError):
            self._smi.amdsmi_shut_down()


def _number(answer: Any, key: str) -> float | None:
    """A number out of a library's answer; its ``"N/A"`` is None."""
    found = answer.get(key) if isinstance(answer, dict) else None
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number else None


def parse_hl_smi(text: str) -> Uses:
    """What ``hl-smi -Q index,utilization.aip,memory.used,power.draw -f csv,noheader,nounits`` says.

    >>> parse_hl_smi("0, 78, 768, 285")[0]
    Use(activity_percent=78.0, memory_used_bytes=805306368, power_milliwatts=285000, energy_millijoules=None)
    """
    uses = {}
    for line in text.strip().splitlines():
        index, *words = (word.strip() for word in line.split(","))
        activity, memory_mib, watts = (_plain(word) for word in words)
        uses[int(index)] = Use(
            activity,
            None if memory_mib is None else int(memory_mib) * _MIB,
            None if watts is None else round(watts * 1000),
        )
    return uses


def _plain(word: str) -> float | None:
    found = re.match(r"\d+(?:\.\d+)?", word)
    return float(found.group()) if found else None


_TPU_ROW = re.compile(r"\b(\d+)\D+?([\d.]+) GiB / ([\d.]+) GiB\D+?([\d.]+)%")


def parse_tpu_info(text: str, chips: int) -> Uses:
    """The table "TPU Runtime Utilization" of ``tpu-info``, row by row.

    Rows count from anywhere and are taken in order. Chips of two cores have two rows, with the
    chip's duty cycle in both.
    """
    rows = _TPU_ROW.findall(text)
    per_chip = max(1, len(rows) // chips)
    uses = {}
    for chip in range(min(chips, len(rows) // per_chip)):
        cores = rows[chip * per_chip : (chip + 1) * per_chip]
        used_gib = sum(float(used) for _, used, _, _ in cores)
        uses[chip] = Use(float(cores[0][3]), round(used_gib * _GIB))
    return uses


def parse_neuron_monitor(text: str) -> Uses:
    """One report of ``neuron-monitor``: a device's activity is the mean of all its cores.

    A core that no process uses is idle, as the monitor sees every process; a group that reports an
    error is unknown.

    Source: AWS Neuron documentation, "Neuron Monitor User Guide".
    """
    report = json.loads(text)
    hardware = report["neuron_hardware_info"]
    # With logical cores, as on Trn2, the counters are those of groups of physical ones.
    cores = hardware["neuroncore_per_device_count"] // hardware.get("logical_neuroncore_config", 1)
    activity = dict.fromkeys(range(hardware["neuron_device_count"]), 0.0)
    memory = dict.fromkeys(activity, 0)
    for runtime in report["neuron_runtime_data"] or ():
        counters = runtime["report"]["neuroncore_counters"]
        if counters.get("error"):
            return {}
        for core, found in counters["neuroncores_in_use"].items():
            activity[int(core) // cores] += found["neuroncore_utilization"] / cores
        used = runtime["report"].get("memory_used", {}).get("neuron_runtime_used_bytes", {})
        by_core = used.get("usage_breakdown", {}).get("neuroncore_memory_usage", {})
        for core, kinds in by_core.items():
            memory[int(core) // cores] += sum(kinds.values())
    return {device: Use(percent, memory[device]) for device, percent in activity.items()}
