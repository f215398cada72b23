"""The fixed-size record of the spool: 96 bytes, little-endian, closed by a CRC-32.

One *host* record per sampling interval and one *device* record per four accelerators every ten
intervals, with a *profile* record per eight where they tell one: 0.35 MB an hour at 1 s, 0.45 MB
with eight GPUs; a training that says how many samples or tokens it took in adds a *work* record
whenever that has changed. A record that a crash cut short fails its CRC and is skipped; the records
before it stand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trainfare.core.profile import DeviceProfile

SIZE = 96
HOST, DEVICE, WORK, PROFILE = 1, 2, 3, 4
UNKNOWN_U16 = 0xFFFF
UNKNOWN_U32 = 0xFFFF_FFFF
UNKNOWN_U64 = 0xFFFF_FFFF_FFFF_FFFF
DEVICES_PER_RECORD = 4
PROFILES_PER_RECORD = 8

# kind, count, first device, epoch, then ten counters.
_HOST = struct.Struct("<BBHiqqQQQQQQQQ")
_DEVICE_HEAD = struct.Struct("<BBHIqq")
_DEVICE_ONE = struct.Struct("<HHIQ")
_WORK = struct.Struct("<BBHIqQQ")
_PROFILE_ONE = struct.Struct("<HHHH")
_CRC = struct.Struct("<I")

assert _HOST.size <= SIZE - _CRC.size
assert _DEVICE_HEAD.size + DEVICES_PER_RECORD * _DEVICE_ONE.size <= SIZE - _CRC.size
assert _DEVICE_HEAD.size + PROFILES_PER_RECORD * _PROFILE_ONE.size <= SIZE - _CRC.size


class HostSample(NamedTuple):
    """The counters of a run at one moment; every one but the two clocks counts up from its start."""

    mono_ns: int
    """Monotonic time since the segment's start."""
    wall_ns: int
    """Wall clock, for the eye only."""
    epoch: int
    """−1 outside epochs."""
    steps: int
    cpu_ns: int | None
    rss_bytes: int | None
    disk_read_bytes: int | None
    disk_write_bytes: int | None
    net_rx_bytes: int | None
    net_tx_bytes: int | None
    input_wait_ns: int | None


class DeviceSample(NamedTuple):
    """One accelerator over the window [*start_ns*, *mono_ns*) since the segment's start."""

    start_ns: int
    mono_ns: int
    device: int
    """Position in the segment's list of devices."""
    activity_permille: int | None
    process_permille: int | None
    memory_mib: int | None
    energy_mj: int | None


class WorkSample(NamedTuple):
    """What the training said it took in since the segment's start; None is not said."""

    mono_ns: int
    samples: int | None
    tokens: int | None


class ProfileSample(NamedTuple):
    """How much of one accelerator was at work over a window, in thousandths; None is not told."""

    start_ns: int
    mono_ns: int
    device: int
    profile: DeviceProfile


def _u64(value: int | None) -> int:
    return UNKNOWN_U64 if value is None else max(0, value)


def _known(value: int, unknown: int) -> int | None:
    return None if value == unknown else value


def _sealed(body: bytes) -> bytes:
    body = body.ljust(SIZE - _CRC.size, b"\0")
    return body + _CRC.pack(zlib.crc32(body))


def pack_host(sample: HostSample) -> bytes:
    """The 96 bytes of a host sample.

    >>> one = HostSample(5, 6, -1, 7, 8, None, 9, 10, 11, 12, 13)
    >>> next(unpack(pack_host(one))) == one
    True
    """
    return _sealed(
        _HOST.pack(
            HOST,
            0,
            0,
            sample.epoch,
            sample.mono_ns,
            sample.wall_ns,
            sample.steps,
            _u64(sample.cpu_ns),
            _u64(sample.rss_bytes),
            _u64(sample.disk_read_bytes),
            _u64(sample.disk_write_bytes),
            _u64(sample.net_rx_bytes),
            _u64(sample.net_tx_bytes),
            _u64(sample.input_wait_ns),
        )
    )


def pack_devices(samples: Sequence[DeviceSample]) -> bytes:
    """The records of several accelerators over one window, four to a record, in device order."""
    records = b""
    for first in range(0, len(samples), DEVICES_PER_RECORD):
        group = samples[first : first + DEVICES_PER_RECORD]
        head = group[0]
        body = _DEVICE_HEAD.pack(DEVICE, len(group), head.device, 0, head.start_ns, head.mono_ns)
        for one in group:
            body += _DEVICE_ONE.pack(
                UNKNOWN_U16 if one.activity_permille is None else one.activity_permille,
                UNKNOWN_U16 if one.process_permille is None else one.process_permille,
                UNKNOWN_U32 if one.memory_mib is None else one.memory_mib,
                _u64(one.energy_mj),
            )
        records += _sealed(body)
    return records


def pack_work(sample: WorkSample) -> bytes:
    """The 96 bytes of a work sample.

    >>> one = WorkSample(5, None, 7)
    >>> next(unpack(pack_work(one))) == one
    True
    """
    counts = _u64(sample.samples), _u64(sample.tokens)
    return _sealed(_WORK.pack(WORK, 0, 0, 0, sample.mono_ns, *counts))


def pack_profiles(samples: Sequence[ProfileSample]) -> bytes:
    """The records of several accelerators over one window, eight to a record, in device order."""
    records = b""
    for first in range(0, len(samples), PROFILES_PER_RECORD):
        group = samples[first : first + PROFILES_PER_RECORD]
        head = group[0]
        body = _DEVICE_HEAD.pack(PROFILE, len(group), head.device, 0, head.start_ns, head.mono_ns)
        for one in group:
            body += _PROFILE_ONE.pack(*(UNKNOWN_U16 if v is None else v for v in one.profile))
        records += _sealed(body)
    return records


def unpack(data: bytes) -> Iterator[HostSample | DeviceSample | WorkSample | ProfileSample]:
    """Every whole, undamaged record of *data* in order; a damaged one is passed over."""
    for start in range(0, len(data) - SIZE + 1, SIZE):
        record = data[start : start + SIZE]
        if _CRC.unpack_from(record, SIZE - _CRC.size)[0] != zlib.crc32(record[: SIZE - _CRC.size]):
            continue
        if record[0] == HOST:
            yield _host(record)
        elif record[0] == DEVICE:
            yield from _devices(record)
        elif record[0] == WORK:
            _, _, _, _, mono_ns, samples, tokens = _WORK.unpack_from(record)
            yield WorkSample(mono_ns, _known(samples, UNKNOWN_U64), _known(tokens, UNKNOWN_U64))
        elif record[0] == PROFILE:
            yield from _profiles(record)


def _host(record: bytes) -> HostSample:
    _, _, _, epoch, mono_ns, wall_ns, steps, *counters = _HOST.unpack_from(record)
    known = [_known(value, UNKNOWN_U64) for value in counters]
    return HostSample(mono_ns, wall_ns, epoch, steps, *known)


def _devices(record: bytes) -> Iterator[DeviceSample]:
    _, count, first, _, start_ns, mono_ns = _DEVICE_HEAD.unpack_from(record)
    for i in range(min(count, DEVICES_PER_RECORD)):
        at = _DEVICE_HEAD.size + i * _DEVICE_ONE.size
        activity, process, memory, energy = _DEVICE_ONE.unpack_from(record, at)
        yield DeviceSample(
            start_ns,
            mono_ns,
            first + i,
            _known(activity, UNKNOWN_U16),
            _known(process, UNKNOWN_U16),
            _known(memory, UNKNOWN_U32),
            _known(energy, UNKNOWN_U64),
        )


def _profiles(record: bytes) -> Iterator[ProfileSample]:
    _, count, first, _, start_ns, mono_ns = _DEVICE_HEAD.unpack_from(record)
    for i in range(min(count, PROFILES_PER_RECORD)):
        values = _PROFILE_ONE.unpack_from(record, _DEVICE_HEAD.size + i * _PROFILE_ONE.size)
        known = (_known(value, UNKNOWN_U16) for value in values)
        yield ProfileSample(start_ns, mono_ns, first + i, DeviceProfile(*known))
