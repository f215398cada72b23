"""Processes: counters of one process, read from the kernel's /proc or through psutil.

``process_tree`` sums them over a tree of processes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

_SECOND_NS = 10**9
_LONGEST_STAT = 1024
"""A stat line has 52 numbers and a name of at most 64 bytes."""


class Facts(NamedTuple):
    """What one process has used since it began; *reaped* is what its waited-for children used."""

    parent: int
    started: int
    """With the process id, the identity of a process: a process id is used again."""
    own_ns: int
    reaped_ns: int
    weight: int
    """A counter that surely grows with any work, own and reaped: minor page faults on Linux."""
    reaped_weight: int
    rss_bytes: int
    read_bytes: int | None
    """Read from storage by it and its reaped children; None where the kernel does not say."""
    write_bytes: int | None


class LinuxProcess:
    """One process, read from /proc.

    A kept-open descriptor stands for this very process: after its end reading fails, even when
    another process got its id. Without kept-open descriptors the start time tells the two apart.

    Raises:
        OSError: there is no such process.

    Source of the fields: proc_pid_stat(5) and proc_pid_io(5). Times of a reaped child reach its
    parent's ``cutime`` in nanoseconds and are cut to clock ticks only when shown, so a parent's
    counter grows at least by what was last shown of the child (kernel/exit.c, wait_task_zombie).
    """

    __slots__ = ("_folder", "_io_fd", "_started", "_stat_fd", "pid")

    tick_ns = _SECOND_NS // os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 10**7
    page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

    def __init__(self, pid: int, *, keep_open: bool, proc: str = "/proc") -> None:
        self.pid = pid
        self._folder = f"{proc}/{pid}"
        self._stat_fd: int | None = None
        self._io_fd: int | None = None
        self._started: int | None = None
        if keep_open:
            self._stat_fd = os.open(f"{self._folder}/stat", os.O_RDONLY)
            try:
                self._io_fd = os.open(f"{self._folder}/io", os.O_RDONLY)
            except OSError:
                # Another user's process: its CPU time may be read, its I/O not.
                self._io_fd = None
        facts = self.read()
        if facts is None:
            self.close()
            raise ProcessLookupError(pid)
        self._started = facts.started

    def read(self) -> Facts | None:
        """The counters now, or None when the process is gone (a zombie is still there)."""
        try:
            stat = self._pread(self._stat_fd, "stat")
            fields = stat[stat.rindex(b")") + 2 :].split(b" ", 22)
            started = int(fields[19])
            if self._started not in (None, started):
                return None
            read_bytes, write_bytes = self._read_io()
            tick_ns = self.tick_ns
            reaped_ns = (int(fields[13]) + int(fields[14])) * tick_ns
            reaped_weight = int(fields[8])
            return Facts(
                parent=int(fields[1]),
                started=started,
                own_ns=(int(fields[11]) + int(fields[12])) * tick_ns,
                reaped_ns=reaped_ns,
                weight=int(fields[7]) + reaped_weight,
                reaped_weight=reaped_weight,
                rss_bytes=max(0, int(fields[21])) * self.page_bytes,
                read_bytes=read_bytes,
                write_bytes=write_bytes,
            )
        except (OSError, ValueError, IndexError):
            return None

    def _read_io(self) -> tuple[int | None, int | None]:
        if self._stat_fd is not None and self._io_fd is None:
            return None, None
        try:
            values = self._pread(self._io_fd, "io").split()
            # rchar wchar syscr syscw read_bytes write_bytes cancelled_write_bytes, each after its
            # name. What was written and thrown away before it reached the disk is left out.
            return int(values[9]), max(0, int(values[11]) - int(values[13]))
        except (OSError, ValueError, IndexError):
            return None, None

    def _pread(self, fd: int | None, name: str) -> bytes:
        if fd is not None:
            return os.pread(fd, _LONGEST_STAT, 0)
        fd = os.open(f"{self._folder}/{name}", os.O_RDONLY)
        try:
            return os.pread(fd, _LONGEST_STAT, 0)
        finally:
            os.close(fd)

    def children(self) -> tuple[list[int], int]:
        """Ids of the living children, and how many kernel files that took to read.

        Each thread has its own list. Where the kernel was built without these lists
        (CONFIG_PROC_CHILDREN) every process of the machine is asked for its parent.
        """
        folder = Path(self._folder, "task")
        try:
            threads = [path.name for path in folder.iterdir()]
        except OSError:
            return [], 1
        found: list[int] = []
        is_listed = False
        for thread in threads:
            try:
                found += map(int, (folder / thread / "children").read_bytes().split())
            except FileNotFoundError:
                continue  # the thread has ended, or the kernel has no such lists
            except OSError:
                pass
            is_listed = True
        if not is_listed and (folder / str(self.pid) / "stat").exists():
            return self._children_by_parent()
        return found, len(threads)

    def _children_by_parent(self) -> tuple[list[int], int]:
        pids = [path.name for path in Path(self._folder).parent.iterdir() if path.name.isdecimal()]
        found = []
        for pid in pids:
            try:
                stat = Path(self._folder).with_name(pid).joinpath("stat").read_bytes()
                if int(stat[stat.rindex(b")") + 2 :].split(b" ", 2)[1]) == self.pid:
                    found.append(int(pid))
            except (OSError, ValueError, IndexError):
                continue
        return found, len(pids)

    def close(self) -> None:
        """Let the descriptors go; later readings say that the process is gone."""
        for fd in (self._stat_fd, self._io_fd):
            if fd is not None:
                os.close(fd)
        self._stat_fd = self._io_fd = None
        self._started = -1


class PsutilProcess:
    """One process, read through psutil where there is no /proc (macOS).

    psutil knows neither page faults nor, on macOS, I/O and reaped children: there CPU time stands
    in for the first, I/O is None, and a child that ends keeps what was last seen of it.

    Raises:
        OSError: there is no such process, or it may not be asked.
    """

    __slots__ = ("_errors", "_process", "pid")

    def __init__(self, pid: int, *, keep_open: bool = False) -> None:
        del keep_open
        import psutil

        self.pid = pid
        self._errors = (psutil.Error, OSError)
        try:
            self._process: Any = psutil.Process(pid)
        except psutil.Error as error:
            raise ProcessLookupError(pid) from error

    def read(self) -> Facts | None:
        """The counters now, or None when the process is gone."""
        process = self._process
        try:
            if not process.is_running():
                return None
            with process.oneshot():
                times = process.cpu_times()
                own_ns = round((times.user + times.system) * _SECOND_NS)
                reaped_ns = round((times.children_user + times.children_system) * _SECOND_NS)
                rss_bytes = process.memory_info().rss
                parent = process.ppid()
                started = round(process.create_time() * 100)
        except self._errors:
            return None
        read_bytes = write_bytes = None
        if hasattr(process, "io_counters"):
            try:
                counters = process.io_counters()
                read_bytes, write_bytes = counters.read_bytes, counters.write_bytes
            except self._errors:
                read_bytes = write_bytes = None
        weight = own_ns + reaped_ns
        return Facts(
            parent,
            started,
            own_ns,
            reaped_ns,
            weight,
            reaped_ns,
            rss_bytes,
            read_bytes,
            write_bytes,
        )

    def children(self) -> tuple[list[int], int]:
        """Ids of the living children, and how much work that was (psutil asks every process)."""
        try:
            return [child.pid for child in self._process.children()], 64
        except self._errors:
            return [], 64

    def close(self) -> None:
        """Nothing is kept open."""


def descends_from(pid: int, ancestor: int, *, proc: str = "/proc") -> bool:
    """Whether process *pid* is *ancestor* or was started by it, by its child, and so on.

    A process whose parent has ended is init's child, and its descent unknown.
    """
    while pid > 0:
        if pid == ancestor:
            return True
        try:
            stat = Path(proc, str(pid), "stat").read_bytes()
            pid = int(stat[stat.rindex(b")") + 2 :].split(b" ", 2)[1])
        except (OSError, ValueError, IndexError):
            return False
    return False
