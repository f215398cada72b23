"""GPM: what the multiprocessors, tensor cores and memory of a GPU did, where the driver tells it.

Activity says in how much of the time *any* kernel ran; it is 100 % for one small kernel after
another. GPU performance monitoring (Hopper and later) says how much of the GPU was at work: the
driver takes two samples and computes the means between them. Nothing needs to run beside it, and
nothing is measured twice: a reading every ten seconds is the mean of those ten seconds.

Source: nvml.h, "GPM Functions", "GPM Enums" and "GPM Structs"; the layout has stood since driver
520.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_double, c_uint, c_void_p
from typing import Any, NamedTuple

from trainfare.metering.nvml import NOT_SUPPORTED, Nvml, NvmlError

_VERSION = 1
"""NVML_GPM_METRICS_GET_VERSION and NVML_GPM_SUPPORT_VERSION."""

_METRICS = (2, 3, 5, 10)
"""NVML_GPM_METRIC_SM_UTIL, _SM_OCCUPANCY, _ANY_TENSOR_UTIL and _DRAM_BW_UTIL."""

_ROOM = 512
"""Metrics that the struct has room for; drivers know up to 477 and may look at all of it."""


class GpuProfile(NamedTuple):
    """Means in percent, 0 to 100; what the driver does not tell is None."""

    sm_active: float | None
    """Part of the multiprocessors that had work."""
    sm_occupancy: float | None
    """Warps that were resident, out of as many as fit."""
    tensor_active: float | None
    """Time in which the tensor cores worked, of any type."""
    dram_active: float | None
    """Memory bandwidth, out of the most that the memory has."""


class _Metric(ctypes.Structure):
    _fields_ = [
        ("id", c_uint),
        ("code", c_uint),
        ("value", c_double),
        ("short_name", c_char_p),
        ("long_name", c_char_p),
        ("unit", c_char_p),
    ]


class _MetricsGet(ctypes.Structure):
    _fields_ = [
        ("version", c_uint),
        ("count", c_uint),
        ("sample1", c_void_p),
        ("sample2", c_void_p),
        ("metrics", _Metric * _ROOM),
    ]


class _Support(ctypes.Structure):
    _fields_ = [("version", c_uint), ("is_supported", c_uint)]


class GpmDevice:
    """The samples of one GPU; holds a few hundred bytes of the driver's until closed.

    Raises:
        NvmlError: the GPU, the driver or the user's rights do not allow it.
    """

    def __init__(self, nvml: Nvml, device: c_void_p) -> None:
        self._nvml, self._device = nvml, device
        support = _Support(_VERSION, 0)
        nvml.call("nvmlGpmQueryDeviceSupport", device, byref(support))
        if not support.is_supported:
            raise NvmlError("nvmlGpmQueryDeviceSupport", NOT_SUPPORTED)
        self._samples: list[c_void_p] = []
        try:
            for _ in range(2):
                sample = c_void_p()
                nvml.call("nvmlGpmSampleAlloc", byref(sample))
                self._samples.append(sample)
            nvml.call("nvmlGpmSampleGet", device, self._samples[0])
        except NvmlError:
            self.close()
            raise
        self._found: Any = _MetricsGet(_VERSION, len(_METRICS))

    def read(self) -> GpuProfile:
        """The means since the reading before, or since this was made."""
        before, now = self._samples
        self._nvml.call("nvmlGpmSampleGet", self._device, now)
        found = self._found
        found.sample1, found.sample2 = before, now
        for place, number in enumerate(_METRICS):
            found.metrics[place].id = number
        self._nvml.call("nvmlGpmMetricsGet", byref(found))
        self._samples = [now, before]
        return GpuProfile._make(
            metric.value if metric.code == 0 and 0 <= metric.value <= 100 else None
            for metric in found.metrics[: len(_METRICS)]
        )

    def close(self) -> None:
        """Give the samples back."""
        for sample in self._samples:
            self._nvml.call("nvmlGpmSampleFree", sample)
        self._samples = []
