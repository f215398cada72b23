"""Trails: how far a segment had come at evenly spaced moments, without reading all its samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainfare.metering.sample import SIZE, HostSample, WorkSample, unpack
from trainfare.metering.spool import SAMPLES

WHOLE = 2000
"""So many records are read as they are: half an hour at one a second."""

PLACES = 200
"""At so many places a longer file is looked at …"""

LOOK = 12
"""… for so many records: with eight accelerators a host record is at most six away."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Counters of one segment, oldest first."""

    steps: tuple[tuple[int, int], ...]
    """Nanoseconds since the segment's start, and steps by then."""
    samples: tuple[tuple[int, int], ...]
    tokens: tuple[tuple[int, int], ...]


def read_trail(folder: Path) -> Trail:
    """The trail of a segment's folder; empty where it wrote no sample."""
    steps: list[tuple[int, int]] = []
    samples: list[tuple[int, int]] = []
    tokens: list[tuple[int, int]] = []
    for block in _blocks(folder / SAMPLES):
        for one in unpack(block):
            if isinstance(one, HostSample):
                steps.append((one.mono_ns, one.steps))
            elif isinstance(one, WorkSample):
                if one.samples is not None:
                    samples.append((one.mono_ns, one.samples))
                if one.tokens is not None:
                    tokens.append((one.mono_ns, one.tokens))
    return Trail(tuple(steps), tuple(samples), tuple(tokens))


def _blocks(path: Path) -> list[bytes]:
    try:
        return _read_blocks(path) if path.is_file() else []
    except OSError:  # deleted meanwhile, or not for us to read: then there is no trail
        return []


def _read_blocks(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        records = path.stat().st_size // SIZE
        if records <= WHOLE:
            return [file.read(records * SIZE)]
        blocks = []
        for place in range(PLACES):
            file.seek(place * (records - LOOK) // (PLACES - 1) * SIZE)
            blocks.append(file.read(LOOK * SIZE))
        return blocks
