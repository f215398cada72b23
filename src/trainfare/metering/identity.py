"""Identity of a process: which boot, which pid namespace, when it started."""

from __future__ import annotations

import os
from pathlib import Path


def boot_id() -> str:
    """The kernel's id of this boot, or the host's name where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return os.uname().nodename if hasattr(os, "uname") else "unknown"


def pid_namespace() -> str:
    """The name of this process's pid namespace, empty where there are none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """When process *pid* started, in the kernel's own unit, or None where it does not run.

    A zombie has ended: it is a name that its parent has not read yet.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _process_start_elsewhere(pid)
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _process_start_elsewhere(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    import psutil

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
