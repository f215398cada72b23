"""What the kernel counts for the whole machine: traffic by interface."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from trainfare.metering.processes import LinuxProcess, PsutilProcess

Traffic = dict[str, tuple[int, int]]
"""Bytes received and sent by interface."""


class LinuxKernel:
    """Linux, read from /proc and /sys; *pid* None is this process, and names its network space."""

    def __init__(self, pid: int | None, *, proc: str = "/proc", sys: str = "/sys") -> None:
        self._proc, self._sys = proc, sys
        # In a container that sees the host's /proc, os.getpid() is not the name used there.
        self.pid = int(str(Path(proc, "self").readlink())) if pid is None else pid
        self._net_fd: int | None = None
        with contextlib.suppress(OSError):
            self._net_fd = os.open(f"{proc}/{self.pid}/net/dev", os.O_RDONLY)

    def open_process(self, pid: int, keep_open: bool) -> LinuxProcess:
        """Begin to read process *pid*."""
        return LinuxProcess(pid, keep_open=keep_open, proc=self._proc)

    def traffic(self) -> Traffic | None:
        """Counters of every interface but the loopback; None where they cannot be read."""
        if self._net_fd is None:
            return None
        found = {}
        try:
            text = os.pread(self._net_fd, 65536, 0)
            # The kernel hands out this file a page at a time.
            while more := os.pread(self._net_fd, 65536, len(text)):
                text += more
            for line in text.splitlines()[2:]:
                name, _, counters = line.partition(b":")
                values = counters.split(None, 9)
                found[name.strip().decode()] = (int(values[0]), int(values[8]))
        except (OSError, ValueError, IndexError):
            return None
        found.pop("lo", None)
        return found

    def counted_interfaces(self) -> frozenset[str]:
        """The interfaces whose bytes are this machine's traffic, each byte once.

        Hardware where there is any, for what is built on it (bridges, bonds, containers' ``veth``)
        carries the same bytes again; else all, as in a container. A card that hangs under another
        card is that one's fast path, and counted by it (Azure's accelerated networking).
        """
        names = frozenset(self.traffic() or {})
        net = Path(self._sys, "class", "net")
        cards = {name for name in names if (net / name / "device").exists()}
        under = set()
        for name in cards:
            with contextlib.suppress(OSError):
                master = (net / name / "master").readlink().name
                if master in cards:
                    under.add(name)
        return frozenset(cards - under) or names

    def close(self) -> None:
        """Let the descriptor go."""
        if self._net_fd is not None:
            os.close(self._net_fd)
        self._net_fd = None


class PsutilKernel:
    """A machine without /proc, such as macOS, read through psutil; *pid* None is this process."""

    def __init__(self, pid: int | None) -> None:
        self.pid = os.getpid() if pid is None else pid

    def open_process(self, pid: int, keep_open: bool) -> PsutilProcess:
        """Begin to read process *pid*."""
        return PsutilProcess(pid, keep_open=keep_open)

    def traffic(self) -> Traffic | None:
        """Counters of every interface but the loopback; None where they cannot be read."""
        import psutil

        try:
            counters = psutil.net_io_counters(pernic=True)
        except (OSError, RuntimeError):
            return None
        return {
            name: (one.bytes_recv, one.bytes_sent)
            for name, one in counters.items()
            if name not in {"lo", "lo0"}
        }

    def counted_interfaces(self) -> frozenset[str]:
        """All of them: only Linux says which are hardware."""
        return frozenset(self.traffic() or {})

    def close(self) -> None:
        """Nothing is kept open."""
