"""NVML: the few calls of NVIDIA's management library that a meter needs, bound through ctypes.

nvidia-ml-py binds all of it and takes 18 MB of memory and 80 ms of CPU to import (13.615 on Python
3.11); this takes under 1 MB and 3 ms, inside somebody else's training process.

Source of every signature and struct: nvml.h, NVML API reference. Only forms that have kept their
layout since driver 450 are used.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char, c_uint, c_ulonglong, c_void_p
from typing import Any, NamedTuple

LIBRARY = "libnvidia-ml.so.1"

NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
INSUFFICIENT_SIZE = 7
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
RESET_REQUIRED = 16
GPU_NOT_FOUND = 28

_NAMES = {
    1: "not initialised",
    2: "invalid argument",
    NOT_SUPPORTED: "not supported",
    NO_PERMISSION: "no permission",
    NOT_FOUND: "not found",
    INSUFFICIENT_SIZE: "insufficient size",
    9: "the driver is not loaded",
    10: "time-out",
    FUNCTION_NOT_FOUND: "the driver is too old for this call",
    GPU_IS_LOST: "the GPU is lost",
    RESET_REQUIRED: "the GPU must be reset",
    18: "driver and library versions differ",
    GPU_NOT_FOUND: "the GPU is gone",
    999: "unknown error",
}
_UNKNOWN_MEMORY = 2**64 - 1
"""NVML_VALUE_NOT_AVAILABLE."""

_MOST_SAMPLES = 256
"""One per process that was active: a GPU has far fewer."""

_BUFFER = 96
"""Longest name or UUID (NVML_DEVICE_UUID_V2_BUFFER_SIZE)."""


class NvmlError(Exception):
    """A call failed; *code* is nvmlReturn_t."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: {_NAMES.get(code, f'error {code}')}")
        self.code = code


class Memory(NamedTuple):
    """Memory of a GPU or MIG instance in bytes."""

    total: int
    used: int


class MigShape(NamedTuple):
    """Compute slices and memory of a MIG instance."""

    slices: int
    memory_bytes: int


class _Memory(ctypes.Structure):
    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", c_uint), ("memory", c_uint)]


class _Process(ctypes.Structure):
    _fields_ = [
        ("pid", c_uint),
        ("memory", c_ulonglong),
        ("gpu_instance", c_uint),
        ("compute_instance", c_uint),
    ]


class _ProcessSample(ctypes.Structure):
    _fields_ = [
        ("pid", c_uint),
        ("time_us", c_ulonglong),
        ("sm", c_uint),
        ("memory", c_uint),
        ("encoder", c_uint),
        ("decoder", c_uint),
    ]


class _Attributes(ctypes.Structure):
    _fields_ = [
        *((f"count_{i}", c_uint) for i in range(6)),
        ("gpu_instance_slices", c_uint),
        ("compute_instance_slices", c_uint),
        ("memory_mib", c_ulonglong),
    ]


class Nvml:
    """The library, loaded and initialised; for one thread at a time.

    Raises:
        OSError: the library is not installed.
        NvmlError: it is, but the driver does not answer.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        self._library = ctypes.CDLL(library)
        self._functions: dict[str, Any] = {}
        self._utilization = _Utilization()
        self._memory = _Memory()
        self._number = c_uint()
        self._large = c_ulonglong()
        self.call("nvmlInit_v2")

    def call(self, name: str, *arguments: Any) -> None:
        """Call the library's function *name*.

        Raises:
            NvmlError: it failed, or the driver has no such function.
        """
        function = self._functions.get(name)
        if function is None:
            try:
                function = self._functions[name] = getattr(self._library, name)
            except AttributeError:
                raise NvmlError(name, FUNCTION_NOT_FOUND) from None
        code = function(*arguments)
        if code:
            raise NvmlError(name, code)

    def close(self) -> None:
        """Give the driver back; other users of NVML in this process keep theirs."""
        self.call("nvmlShutdown")

    def driver_version(self) -> str:
        """As ``550.54.15``."""
        text = (c_char * _BUFFER)()
        self.call("nvmlSystemGetDriverVersion", text, c_uint(_BUFFER))
        return text.value.decode(errors="replace")

    def device_count(self) -> int:
        """How many GPUs the driver shows this process."""
        self.call("nvmlDeviceGetCount_v2", byref(self._number))
        return self._number.value

    def device(self, index: int) -> c_void_p:
        """The handle of GPU *index*, in PCI bus order."""
        handle = c_void_p()
        self.call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
        return handle

    def uuid(self, device: c_void_p) -> str:
        """``GPU-…`` or ``MIG-…``."""
        return self._text("nvmlDeviceGetUUID", device)

    def name(self, device: c_void_p) -> str:
        """As ``NVIDIA H100 80GB HBM3``."""
        return self._text("nvmlDeviceGetName", device)

    def _text(self, call: str, device: c_void_p) -> str:
        text = (c_char * _BUFFER)()
        self.call(call, device, text, c_uint(_BUFFER))
        return text.value.decode(errors="replace")

    def activity_percent(self, device: c_void_p) -> int:
        """Percent of the last sample period (1/6 s to 1 s) in which any kernel ran.

        100 does not mean a full GPU: one small kernel after another gives 100 too.
        """
        self.call("nvmlDeviceGetUtilizationRates", device, byref(self._utilization))
        return int(self._utilization.gpu)

    def memory(self, device: c_void_p) -> Memory:
        """Total and used memory; used includes what the driver keeps for itself."""
        self.call("nvmlDeviceGetMemoryInfo", device, byref(self._memory))
        return Memory(self._memory.total, self._memory.used)

    def power_milliwatts(self, device: c_void_p) -> int:
        """Power of the whole board, on recent GPUs the mean of a second."""
        self.call("nvmlDeviceGetPowerUsage", device, byref(self._number))
        return self._number.value

    def energy_millijoules(self, device: c_void_p) -> int:
        """Energy of the whole board since the driver was loaded (Volta and later)."""
        self.call("nvmlDeviceGetTotalEnergyConsumption", device, byref(self._large))
        return self._large.value

    def is_mig(self, device: c_void_p) -> bool:
        """Whether the GPU is cut into MIG instances."""
        self.call("nvmlDeviceGetMigMode", device, byref(self._number), byref(c_uint()))
        return self._number.value == 1

    def max_mig_devices(self, device: c_void_p) -> int:
        """How many of the smallest instances fit the GPU: 7 on an A100 or H100, 4 on an A30."""
        self.call("nvmlDeviceGetMaxMigDeviceCount", device, byref(self._number))
        return self._number.value

    def mig_device(self, device: c_void_p, index: int) -> c_void_p:
        """The handle of MIG instance *index*; NOT_FOUND where that place is empty."""
        handle = c_void_p()
        self.call("nvmlDeviceGetMigDeviceHandleByIndex", device, c_uint(index), byref(handle))
        return handle

    def mig_shape(self, device: c_void_p) -> MigShape:
        """Compute slices and memory of the MIG instance *device*."""
        found = _Attributes()
        self.call("nvmlDeviceGetAttributes_v2", device, byref(found))
        slices = found.compute_instance_slices or found.gpu_instance_slices
        return MigShape(slices, found.memory_mib * 2**20)

    def processes(self, device: c_void_p) -> dict[int, int | None]:
        """Memory in bytes by id of every process that computes on *device*; None where untold."""
        try:
            return self._processes("nvmlDeviceGetComputeRunningProcesses_v3", device)
        except NvmlError as error:
            if error.code != FUNCTION_NOT_FOUND:
                raise
            return self._processes("nvmlDeviceGetComputeRunningProcesses_v2", device)

    def _processes(self, call: str, device: c_void_p) -> dict[int, int | None]:
        count = c_uint(32)
        while True:
            room = (_Process * count.value)()
            try:
                self.call(call, device, byref(count), room)
                break
            except NvmlError as error:
                # More processes may begin between the two calls.
                if error.code != INSUFFICIENT_SIZE or count.value > 10_000:
                    raise
                count.value = count.value * 2
        return {
            one.pid: None if one.memory == _UNKNOWN_MEMORY else one.memory
            for one in room[: count.value]
        }

    def process_activity(self, device: c_void_p, since_us: int) -> tuple[dict[int, int], int]:
        """Activity by process id, summed over samples newer than *since_us*, and the newest time."""
        count = c_uint(_MOST_SAMPLES)
        room = (_ProcessSample * _MOST_SAMPLES)()
        call = "nvmlDeviceGetProcessUtilization"
        try:
            self.call(call, device, room, byref(count), c_ulonglong(since_us))
        except NvmlError as error:
            if error.code != NOT_FOUND:
                raise
            count.value = 0  # nobody was active
        sums: dict[int, int] = {}
        for sample in room[: count.value]:
            sums[sample.pid] = sums.get(sample.pid, 0) + sample.sm
            since_us = max(since_us, sample.time_us)
        return sums, since_us
