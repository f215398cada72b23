"""The host sampler: CPU, memory, disk and network of a run's processes on this machine.

Reads the kernel's counters through descriptors that stay open; a reading costs some 30 µs and
8 µs more per child process (bench/sampler_probe.py). Nothing here raises once the sampler exists.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trainfare.metering.kernel import LinuxKernel, PsutilKernel, Traffic
from trainfare.metering.process_tree import ProcessTree

_REFRESH_NS = 10 * 10**9
"""New child processes are looked for this often; their counters count from their own beginning."""

_REFRESH_WORK = 64
"""Trees with more threads than this are looked through less often, in proportion."""


class HostReading(NamedTuple):
    """Counters at one moment. What is not known is None, never 0."""

    cpu_ns: int | None
    """User and system time of the process tree, ended children included; only ever grows."""
    rss_bytes: int | None
    """Resident memory of the living tree; shared pages count once per process that maps them."""
    disk_read_bytes: int | None
    """Bytes that the tree really read from storage, not from the page cache."""
    disk_write_bytes: int | None
    net_rx_bytes: int | None
    """Bytes that the machine (or container) received on the interfaces that count: see
    :meth:`HostSampler.network`. Only ever grows. RDMA (InfiniBand, EFA) bypasses these counters."""
    net_tx_bytes: int | None
    processes: int
    """How many processes of the tree live."""


class HostSampler:
    """Samples process *pid* (None: this one) and its descendants.

    The tree belongs to the process id found at the start, so a fork of this process that inherits
    the sampler still reads the same tree. To catch all of a child that ends, read once more while
    it is a zombie: after ``os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)``, before reaping it.

    >>> sampler = HostSampler()
    >>> reading = sampler.read()
    >>> reading.cpu_ns > 0 and reading.rss_bytes > 0 and reading.processes >= 1
    True
    >>> sampler.close()
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        proc: str = "/proc",
        sys: str = "/sys",
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock_ns = clock_ns
        self._kernel: LinuxKernel | PsutilKernel = (
            LinuxKernel(pid, proc=proc, sys=sys)
            if Path(proc, "self", "stat").exists()
            else PsutilKernel(pid)
        )
        self._tree = ProcessTree(self._kernel.pid, self._kernel.open_process)
        self._traffic: Traffic = {}
        self._net: tuple[int, int] | None = None
        self._counted: frozenset[str] = frozenset()
        self._refresh_at_ns = 0

    @property
    def pids(self) -> frozenset[int]:
        """Ids of the tree's processes known to live."""
        return self._tree.pids

    @property
    def is_alive(self) -> bool:
        """Whether the process itself, the root of the tree, was alive at the last reading."""
        return self._tree.root in self._tree.pids

    def read(self) -> HostReading:
        """The counters now; of a tree that has ended the last ones."""
        if self._clock_ns() >= self._refresh_at_ns:
            self.refresh()
        tree = self._tree.read()
        self._count_traffic()
        rx, tx = self._net or (None, None)
        if tree is None:
            return HostReading(None, None, None, None, rx, tx, 0)
        return HostReading(
            tree.cpu_ns,
            tree.rss_bytes,
            tree.read_bytes,
            tree.write_bytes,
            rx,
            tx,
            tree.processes,
        )

    def refresh(self) -> None:
        """Look for new children and interfaces now; :meth:`read` does it every ten seconds."""
        work = self._tree.refresh()
        self._counted = self._kernel.counted_interfaces()
        wait_ns = _REFRESH_NS * max(1, work // _REFRESH_WORK)
        self._refresh_at_ns = self._clock_ns() + wait_ns

    def network(self) -> Traffic:
        """Bytes received and sent by every interface but the loopback, as the kernel counts them.

        :meth:`read` sums only those that are hardware, where there are any: the bytes of a bridge,
        a bond or a container's ``veth`` pass a hardware interface too and would count twice.
        """
        return self._kernel.traffic() or {}

    def _count_traffic(self) -> None:
        """Add what every counted interface has moved since it was last seen.

        A counter that went back belongs to an interface that was made anew.
        """
        traffic = self._kernel.traffic()
        if traffic is None:
            return
        sums = list(self._net or (0, 0))
        for name in self._counted & traffic.keys():
            before = self._traffic.get(name, (0, 0))
            for i, now in enumerate(traffic[name]):
                sums[i] += now - before[i] if now >= before[i] else now
            self._traffic[name] = traffic[name]
        self._net = (sums[0], sums[1])

    def close(self) -> None:
        """Let all descriptors go; later readings repeat the last one."""
        self._refresh_at_ns = 2**63
        self._tree.close()
        self._kernel.close()
