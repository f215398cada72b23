"""Control groups: how much of a machine a process may use.

A container is not the host: inside one, /proc/meminfo and the CPU count are the host's. The limits
stand in the control groups, version 2 or 1, of the process and of every group above it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

_ABSURD_BYTES = 2**60
"""Version 1 writes "no limit" as 2⁶³ less a page; no machine has an exabyte."""

# Text until it is needed: compiling it would be most of this module's import.
_CONTAINER_PATH = (
    r"kubepods|/docker/|docker-[0-9a-f]{12}|libpod|cri-containerd|crio-|/lxc[./]|/lxc\.payload"
    r"|/containerd/|/garden/|/ecs/|/buildkit/"
)
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", ".singularity.d")
_CONTAINER_VARIABLES = (
    "KUBERNETES_SERVICE_HOST",
    "container",
    "APPTAINER_CONTAINER",
    "SINGULARITY_CONTAINER",
)
_FIRST_NAMESPACES = {"pid": "pid:[4026531836]", "cgroup": "cgroup:[4026531835]"}
"""The name spaces a machine boots with have fixed numbers (include/linux/proc_ns.h)."""


class Groups(NamedTuple):
    """The folders that hold a process's limits, each list from its own group up to the top."""

    unified: tuple[Path, ...] = ()
    cpu: tuple[Path, ...] = ()
    cpuset: tuple[Path, ...] = ()
    memory: tuple[Path, ...] = ()


class Allowance(NamedTuple):
    """What a process may use of its machine, and who says so."""

    cpus: Fraction
    """CPUs at once; 3/2 where a quota allows one and a half."""
    cpu_source: str
    """``quota``, ``cpuset``, ``affinity`` or ``host``."""
    memory_bytes: int | None
    """None where not even the host's memory is known."""
    memory_source: str
    """``cgroup`` or ``host``."""
    in_container: bool


def find_groups(
    pid: int | None = None, *, proc: str = "/proc", cgroup: str = "/sys/fs/cgroup"
) -> Groups:
    """The control groups of process *pid* (None: this one); empty ones where there are none.

    A container often sees its group as the top of *cgroup* while its own path, as the host names
    it, does not exist in there; then the top is the group.
    """
    try:
        text = Path(proc, "self" if pid is None else str(pid), "cgroup").read_text()
    except (OSError, ValueError):
        return Groups()
    top = Path(cgroup)
    chains: dict[str, tuple[Path, ...]] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            is_mixed = not (top / "cgroup.controllers").exists()
            chains["unified"] = _chain(top / "unified" if is_mixed else top, path)
            continue
        for controller in controllers.split(","):
            # "cpu,cpuacct" is one folder with links for each name, or only the one or the other.
            folders = [top / controllers, top / controller]
            folder = next((folder for folder in folders if folder.exists()), None)
            if folder is not None:
                chains[controller] = _chain(folder, path)
    return Groups(**{name: chains.get(name, ()) for name in Groups._fields})


def _chain(top: Path, path: str) -> tuple[Path, ...]:
    # A process outside its name space's root has a path like "/../other": not to be seen from here.
    parts = [part for part in path.split("/") if part]
    if ".." in parts:
        parts = []
    folders = [top.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return tuple(folder for folder in folders if folder.is_dir())


def find_allowance(
    pid: int | None = None,
    *,
    proc: str = "/proc",
    cgroup: str = "/sys/fs/cgroup",
    root: str = "/",
    environ: Mapping[str, str] = os.environ,
    affinity: int | None = None,
) -> Allowance:
    """What process *pid* (None: this one) may use: the tightest of host, affinity and limits.

    Args:
        pid: as the system under *proc* names it.
        proc: where /proc is mounted.
        cgroup: where the control groups are mounted.
        root: where a container engine would leave its mark.
        environ: the process's environment variables.
        affinity: how many CPUs the process may be scheduled on; None asks the kernel.
    """
    groups = find_groups(pid, proc=proc, cgroup=cgroup)
    # Of several that agree the first is named: what holds for everybody before what was set.
    cpus = [
        (Fraction(_host_cpus(proc)), "host"),
        (Fraction(affinity or _affinity(pid)), "affinity"),
        *((Fraction(count), "cpuset") for count in _cpuset_counts(groups)),
        *((quota, "quota") for quota in cpu_quotas(groups)),
    ]
    least, cpu_source = min(cpus, key=lambda pair: pair[0])
    limits = memory_limits(groups)
    host_bytes = _host_memory_bytes(proc)
    limit = min(limits, default=None)
    is_limited = limit is not None and (host_bytes is None or limit < host_bytes)
    return Allowance(
        cpus=least,
        cpu_source=cpu_source,
        memory_bytes=limit if is_limited else host_bytes,
        memory_source="cgroup" if is_limited else "host",
        in_container=is_in_container(pid, proc=proc, root=root, environ=environ),
    )


def cpu_quotas(groups: Groups) -> list[Fraction]:
    """Every limit on CPUs at once, of the group and those above it; none where unlimited.

    Source: ``cpu.max`` holds quota and period in µs (Documentation/admin-guide/cgroup-v2.rst);
    version 1 has a file for each and −1 for no quota.
    """
    pairs = [_words(folder / "cpu.max") for folder in groups.unified]
    pairs += [
        [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
        for folder in groups.cpu
    ]
    quotas = []
    for pair in pairs:
        numbers = [int(word) for word in pair[:2] if word.isdecimal()]
        if len(numbers) == 2 and all(numbers):
            quotas.append(Fraction(*numbers))
    return quotas


def memory_limits(groups: Groups) -> list[int]:
    """Every limit on memory in bytes, of the group and those above it; none where unlimited."""
    words = [_words(folder / "memory.max") for folder in groups.unified]
    words += [_words(folder / "memory.limit_in_bytes") for folder in groups.memory]
    limits = [int(word[0]) for word in words if word and word[0].isdecimal()]
    return [limit for limit in limits if 0 < limit < _ABSURD_BYTES]


def is_in_container(
    pid: int | None = None,
    *,
    proc: str = "/proc",
    root: str = "/",
    environ: Mapping[str, str] = os.environ,
) -> bool:
    """Whether the process runs in a container, and its limits are not the machine's.

    Name spaces other than those of the boot say yes, and so do group paths and variables that
    container engines set. A file such as ``/.dockerenv`` says so only where the name spaces cannot
    be read: virtual machines are made from container images, too.
    """
    own = Path(proc, "self" if pid is None else str(pid))
    try:
        seen = {name: str((own / "ns" / name).readlink()) for name in _FIRST_NAMESPACES}
    except OSError:
        seen = {}
    if seen and seen != _FIRST_NAMESPACES:
        return True
    try:
        if re.search(_CONTAINER_PATH, (own / "cgroup").read_text()):
            return True
    except (OSError, ValueError):
        pass
    if any(environ.get(name) for name in _CONTAINER_VARIABLES):
        return True
    return not seen and any(Path(root, name).exists() for name in _CONTAINER_FILES)


def _cpuset_counts(groups: Groups) -> Iterable[int]:
    """How many CPUs the process's own sets hold; what stands above them holds at least as many."""
    names = ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus")
    for chain in (groups.unified[:1], groups.cpuset[:1]):
        for folder in chain:
            lists = (_words(folder / name) for name in names)
            count = next((_count_cpus(words[0]) for words in lists if words), 0)
            if count:
                yield count


def _count_cpus(text: str) -> int:
    """The length of a kernel list such as ``0-3,8``; 0 where it is none.

    >>> _count_cpus("0-3,8")
    5
    """
    count = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return 0
        count += int(last or first) - int(first) + 1
    return count


def _host_cpus(proc: str) -> int:
    names = [word for word in _words(Path(proc, "stat")) if word.startswith("cpu")]
    return max(0, len(names) - 1) or os.cpu_count() or 1  # the first is the sum of all


def _affinity(pid: int | None) -> int:
    try:
        return len(os.sched_getaffinity(pid or 0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _host_memory_bytes(proc: str) -> int | None:
    words = _words(Path(proc, "meminfo"))
    if words[:1] == ["MemTotal:"]:
        kib = _number(words[1:2])
        if kib:
            return kib * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []


def _number(words: list[str]) -> int | None:
    return int(words[0]) if words and words[0].isdecimal() else None
