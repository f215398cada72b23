"""A container is not the host: limits of control groups, of both versions and nested."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from trainfare.metering.cgroup import find_allowance, is_in_container

HOST_CPUS = 64
HOST_BYTES = 256 * 2**30
FIRST = {"pid": "pid:[4026531836]", "cgroup": "cgroup:[4026531835]"}
OTHER = {"pid": "pid:[4026532567]", "cgroup": "cgroup:[4026532571]"}


class Machine:
    """A machine of files: /proc with one process, control groups, a root folder."""

    def __init__(self, top: Path, lines: str, files: dict[str, str], namespaces=FIRST):
        self.proc, self.groups, self.root = top / "proc", top / "cgroup", top / "root"
        own = self.proc / "self"
        (own / "ns").mkdir(parents=True)
        self.root.mkdir()
        self.groups.mkdir()
        (own / "cgroup").write_text(lines)
        (self.proc / "meminfo").write_text(f"MemTotal: {HOST_BYTES // 1024} kB\nMemFree: 1 kB\n")
        cpus = "".join(f"cpu{i} 1 2 3\n" for i in range(HOST_CPUS))
        (self.proc / "stat").write_text(f"cpu  1 2 3\n{cpus}intr 5\n")
        for name, number in namespaces.items():
            (own / "ns" / name).symlink_to(number)
        for name, text in files.items():
            path = self.groups / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def allowance(self, affinity=HOST_CPUS, **environ):
        return find_allowance(
            proc=str(self.proc),
            cgroup=str(self.groups),
            root=str(self.root),
            environ=environ,
            affinity=affinity,
        )

    def in_container(self, **environ):
        return is_in_container(proc=str(self.proc), root=str(self.root), environ=environ)


V2 = {"cgroup.controllers": "cpu memory\n"}


def test_without_control_groups_the_host_is_the_limit(tmp_path):
    allowance = Machine(tmp_path, "", {}).allowance()
    assert (allowance.cpus, allowance.cpu_source) == (HOST_CPUS, "host")
    assert (allowance.memory_bytes, allowance.memory_source) == (HOST_BYTES, "host")
    assert not allowance.in_container


def test_version_2_takes_the_tightest_limit_of_all_groups_above(tmp_path):
    """Kubernetes sets some limits on the pod and some on the container in it."""
    files = {
        "kubepods/pod1/cpu.max": "150000 100000\n",
        "kubepods/pod1/app/cpu.max": "max 100000\n",
        "kubepods/cpu.max": "3000000 100000\n",
        "kubepods/pod1/memory.max": "max\n",
        "kubepods/pod1/app/memory.max": "8589934592\n",
        "kubepods/memory.max": "17179869184\n",
        "memory.max": "1\n",
    }
    machine = Machine(tmp_path, "0::/kubepods/pod1/app\n", V2 | files)
    (machine.groups / "memory.max").unlink()
    allowance = machine.allowance()
    assert (allowance.cpus, allowance.cpu_source) == (Fraction(3, 2), "quota")
    assert (allowance.memory_bytes, allowance.memory_source) == (8 * 2**30, "cgroup")
    assert allowance.in_container


def test_a_container_sees_its_own_group_as_the_top(tmp_path):
    files = {"cpu.max": "400000 100000\n", "memory.max": "1073741824\n"}
    for lines in ("0::/\n", "0::/docker/0123456789abcdef\n", "0::/../../elsewhere\n"):
        top = tmp_path / str(len(lines))
        top.mkdir()
        allowance = Machine(top, lines, V2 | files, OTHER).allowance()
        assert (allowance.cpus, allowance.memory_bytes) == (4, 2**30)
        assert allowance.in_container


def test_version_1_takes_quota_and_limit_and_ignores_the_absurd(tmp_path):
    lines = "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n2:cpuset:/docker/ab\n0::/\n"
    files = {
        "cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        "memory/docker/ab/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/docker/memory.limit_in_bytes": "34359738368\n",
        "cpuset/docker/ab/cpuset.cpus": "0-7,16\n",
    }
    allowance = Machine(tmp_path, lines, files).allowance()
    assert (allowance.cpus, allowance.cpu_source) == (Fraction(5, 2), "quota")
    assert allowance.memory_bytes == 32 * 2**30


def test_unlimited_in_version_1_is_the_host(tmp_path):
    lines = "4:memory:/\n3:cpu:/\n"
    files = {
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    allowance = Machine(tmp_path, lines, files).allowance()
    assert (allowance.cpu_source, allowance.memory_source) == ("host", "host")


def test_limits_of_a_mixed_system_come_from_version_1(tmp_path):
    """systemd's hybrid layout keeps an empty version 2 beside the controllers of version 1."""
    lines = "4:memory:/job\n3:cpu:/job\n0::/job\n"
    files = {
        "unified/job/cgroup.procs": "",
        "cpu/job/cpu.cfs_quota_us": "100000\n",
        "cpu/job/cpu.cfs_period_us": "100000\n",
        "memory/job/memory.limit_in_bytes": "1048576\n",
    }
    allowance = Machine(tmp_path, lines, files).allowance()
    assert (allowance.cpus, allowance.memory_bytes) == (1, 2**20)


def test_slurm_cuts_a_node_by_cpuset(tmp_path):
    files = {"slurm/job_7/step_0/cpuset.cpus.effective": "0-7\n", "cpuset.cpus.effective": "0-63\n"}
    allowance = Machine(tmp_path, "0::/slurm/job_7/step_0\n", V2 | files).allowance()
    assert (allowance.cpus, allowance.cpu_source) == (8, "cpuset")


def test_affinity_below_every_limit_counts(tmp_path):
    allowance = Machine(tmp_path, "0::/\n", V2 | {"cpu.max": "800000 100000"}).allowance(affinity=3)
    assert (allowance.cpus, allowance.cpu_source) == (3, "affinity")


def test_a_limit_above_the_host_is_no_limit(tmp_path):
    files = {"cpu.max": "12800000 100000", "memory.max": str(HOST_BYTES * 2)}
    allowance = Machine(tmp_path, "0::/\n", V2 | files).allowance()
    assert (allowance.cpus, allowance.cpu_source) == (HOST_CPUS, "host")
    assert (allowance.memory_bytes, allowance.memory_source) == (HOST_BYTES, "host")


@pytest.mark.parametrize(
    "text", ["", "max", "0 100000", "100000 0", "a b", "\xff\xfe", "-5 100000"]
)
def test_a_file_that_says_nothing_is_no_limit(tmp_path, text):
    machine = Machine(
        tmp_path, "0::/\nnonsense\n:::\n", V2 | {"memory.max": text.replace("1", "x")}
    )
    (machine.groups / "cpu.max").write_bytes(text.encode("latin-1"))
    allowance = machine.allowance()
    assert (allowance.cpu_source, allowance.memory_source) == ("host", "host")


def test_a_machine_made_from_a_container_image_is_no_container(tmp_path):
    """Virtual machines booted from an image keep its /.dockerenv."""
    machine = Machine(tmp_path, "0::/init.scope\n", {})
    (machine.root / ".dockerenv").touch()
    assert not machine.in_container()


def test_the_mark_of_an_engine_counts_where_name_spaces_cannot_be_read(tmp_path):
    machine = Machine(tmp_path, "0::/\n", {}, namespaces={})
    assert not machine.in_container()
    (machine.root / ".dockerenv").touch()
    assert machine.in_container()


@pytest.mark.parametrize(
    "lines",
    [
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-aa.scope\n",
        "4:memory:/docker/0123456789abcdef0123\n",
        "0::/system.slice/docker-0123456789abcdef.scope\n",
        "0::/machine.slice/libpod-0123.scope/container\n",
        "0::/lxc.payload.web\n",
        "4:memory:/ecs/task/0123\n",
    ],
)
def test_the_path_of_an_engine_is_a_container(tmp_path, lines):
    assert Machine(tmp_path, lines, {}).in_container()


@pytest.mark.parametrize(
    "lines",
    ["0::/system.slice/docker.service\n", "0::/user.slice/user-1.slice\n", "0::/slurm/job_1\n"],
)
def test_a_service_a_session_and_a_job_are_no_containers(tmp_path, lines):
    assert not Machine(tmp_path, lines, {}).in_container()


def test_other_name_spaces_or_a_variable_of_an_engine_are_a_container(tmp_path):
    assert Machine(tmp_path, "0::/\n", {}, OTHER).in_container()
    top = tmp_path / "second"
    top.mkdir()
    machine = Machine(top, "0::/\n", {})
    assert machine.in_container(APPTAINER_CONTAINER="/images/torch.sif")
    assert not machine.in_container(APPTAINER_CONTAINER="")


def test_this_process_may_use_something():
    allowance = find_allowance()
    assert allowance.cpus > 0
    assert allowance.memory_bytes > 0
