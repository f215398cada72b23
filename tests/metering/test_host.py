"""The host sampler over real processes that work, fork, end and are killed."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from trainfare.metering.host import HostSampler
from trainfare.metering.process_tree import KEPT_OPEN

LINUX = Path("/proc/self/stat").exists()
needs_proc = pytest.mark.skipif(not LINUX, reason="there is no /proc on this system")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")

PREAMBLE = """
import os, signal, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
def say(*words):
    print(*words, flush=True)
def wait():
    if not sys.stdin.readline():
        os._exit(0)
def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid
def forever():
    while True:
        signal.pause()
"""


class Script:
    """A Python process that a test steps through: it says a line, then waits for one."""

    def __init__(self, body: str):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + textwrap.dedent(body)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self.process.pid

    def hear(self) -> list[str]:
        return self.process.stdout.readline().split()

    def go(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def script(body: str):
    one = Script(body)
    try:
        yield one
    finally:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.process.stdin.close()
        one.process.stdout.close()
        one.process.wait()


@contextmanager
def sampling(pid=None, **options):
    sampler = HostSampler(pid, **options)
    try:
        yield sampler
    finally:
        sampler.close()


@pytest.fixture
def adopts_orphans():
    """This process inherits orphans, and so can reap them: not every container's init does."""
    set_child_subreaper = 36
    prctl = ctypes.CDLL(None).prctl
    prctl(set_child_subreaper, 1, 0, 0, 0)
    yield
    prctl(set_child_subreaper, 0, 0, 0, 0)


def kernel_cpu_ns(pid: int) -> int:
    """Own and reaped time as the kernel shows it, read without our code."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * TICK_NS


@needs_proc
def test_children_and_grandchildren_are_counted_while_they_live():
    body = """
    def grandchild(): burn(0.1); say("grandchild"); forever()
    def parent(): child(grandchild); burn(0.1); say("child"); forever()
    child(parent); burn(0.1); say("root"); wait()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        for _ in range(3):
            one.hear()
        sampler.refresh()
        reading = sampler.read()
        assert reading.processes == 3
        assert reading.cpu_ns >= 300_000_000 - 6 * TICK_NS
        assert reading.rss_bytes > 3 * 1_000_000
        assert len(sampler.pids) == 3
        assert sampler.is_alive


@needs_proc
def test_a_child_that_ends_and_is_reaped_counts_once():
    body = """
    pid = child(lambda: (burn(0.15), say("worked"), wait()))
    while True:
        reaped, _ = os.waitpid(pid, 0)
        say("reaped"); break
    wait()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        one.hear()
        sampler.refresh()
        alive = sampler.read()
        assert alive.cpu_ns >= 150_000_000 - 2 * TICK_NS
        one.go()
        assert one.hear() == ["reaped"]
        ended = sampler.read()
        assert ended.processes == 1
        assert alive.cpu_ns <= ended.cpu_ns < alive.cpu_ns + 100_000_000
        assert sampler.read().cpu_ns == kernel_cpu_ns(one.pid)


@needs_proc
def test_a_storm_of_short_lived_children_ends_exact_and_never_goes_back():
    body = """
    say("ready"); wait()
    for round in range(25):
        pids = [child(lambda: burn(0.002)) for _ in range(4)]
        for pid in pids: os.waitpid(pid, 0)
    say("over"); wait()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        one.hear()
        seen = [sampler.read().cpu_ns]
        one.go()
        while not select.select([one.process.stdout], [], [], 0)[0]:
            sampler.refresh()
            seen.append(sampler.read().cpu_ns)
        seen += [sampler.read().cpu_ns for _ in range(3)]
        assert seen == sorted(seen)
        assert len(set(seen)) > 3
        assert seen[-1] == kernel_cpu_ns(one.pid)


@needs_proc
def test_a_killed_child_keeps_its_time_whether_or_not_its_parent_waits_for_it():
    for wait_for_it in ("os.waitpid(pid, 0)", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"):
        ignoring = "signal(" in wait_for_it
        body = f"""
        {wait_for_it if ignoring else ""}
        pid = child(lambda: (burn(0.15), say("worked", os.getpid()), forever()))
        wait()
        {"while os.path.exists(f'/proc/{pid}'): pass" if ignoring else wait_for_it}
        say("gone"); wait()
        """
        with script(body) as one, sampling(one.pid) as sampler:
            _, pid = one.hear()
            sampler.refresh()
            before = sampler.read().cpu_ns
            os.kill(int(pid), signal.SIGKILL)
            one.go()
            one.hear()
            assert not Path(f"/proc/{pid}").exists()
            after = [sampler.read().cpu_ns for _ in range(4)]
            assert all(before <= now < before + 100_000_000 for now in after)
            assert sampler.pids == {one.pid}


@needs_proc
def test_an_orphan_goes_on_being_counted_and_is_kept_after_its_end(adopts_orphans):
    body = """
    def orphan(): say("orphan", os.getpid()); wait(); burn(0.15); say("worked"); forever()
    def parent(): child(orphan); forever()
    pid = child(parent)
    signal.signal(signal.SIGUSR1, lambda *_: (os.kill(pid, 9), os.waitpid(pid, 0), say("alone")))
    while True: signal.pause()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        _, orphan = one.hear()
        sampler.refresh()
        before = sampler.read()
        assert before.processes == 3
        os.kill(one.pid, signal.SIGUSR1)
        assert one.hear() == ["alone"]
        one.go()
        assert one.hear() == ["worked"]
        worked = sampler.read()
        assert worked.processes == 2
        assert worked.cpu_ns >= before.cpu_ns + 150_000_000 - 3 * TICK_NS
        os.kill(int(orphan), signal.SIGKILL)
        os.waitpid(int(orphan), 0)
        assert sampler.read().processes == 1
        assert [sampler.read().cpu_ns for _ in range(3)] == [worked.cpu_ns] * 3


@needs_proc
def test_a_zombie_gives_its_exact_total_before_it_is_reaped():
    with script("burn(0.1); os._exit(3)") as one, sampling(one.pid) as sampler:
        os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
        reading = sampler.read()
        assert reading.cpu_ns == kernel_cpu_ns(one.pid) >= 100_000_000 - 2 * TICK_NS
        assert reading.rss_bytes == 0
        one.process.wait()
        after = sampler.read()
        assert (after.cpu_ns, after.processes) == (reading.cpu_ns, 0)
        assert not sampler.is_alive


@needs_proc
def test_a_whole_tree_killed_at_once_leaves_its_last_totals(adopts_orphans):
    body = """
    for _ in range(3): child(lambda: (burn(0.05), say("worked"), forever()))
    burn(0.05); say("worked"); forever()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        for _ in range(4):
            one.hear()
        sampler.refresh()
        before = sampler.read()
        assert before.processes == 4
        os.killpg(one.pid, signal.SIGKILL)
        children = sampler.pids - {one.pid}
        one.process.wait()
        for pid in children:
            os.waitpid(pid, 0)
        assert sampler.read().processes == 0
        after = sampler.read()
        assert before.cpu_ns <= after.cpu_ns < before.cpu_ns + 100_000_000
        assert after.disk_write_bytes >= before.disk_write_bytes


@needs_proc
def test_a_process_that_never_was_is_unknown_not_zero():
    with script("os._exit(0)") as one:
        one.process.wait()
        with sampling(one.pid) as sampler:
            reading = sampler.read()
            assert reading.cpu_ns is None
            assert reading.rss_bytes is None
            assert (reading.processes, sampler.is_alive) == (0, False)


@needs_proc
def test_new_children_are_found_every_ten_seconds_with_all_that_they_used():
    now_ns = 0
    body = """
    say("alone"); wait()
    child(lambda: (burn(0.1), say("worked"), forever())); wait()
    """
    with script(body) as one, sampling(one.pid, clock_ns=lambda: now_ns) as sampler:
        one.hear()
        alone = sampler.read()
        one.go()
        one.hear()
        now_ns = 9_999_999_999
        assert sampler.read().processes == 1
        now_ns = 10_000_000_000
        found = sampler.read()
        assert found.processes == 2
        assert found.cpu_ns >= alone.cpu_ns + 100_000_000 - 2 * TICK_NS


@needs_proc
def test_bytes_written_by_a_child_stay_after_it_ended(tmp_path):
    target = tmp_path / "written"
    body = f"""
    def work():
        with open({str(target)!r}, "wb") as file:
            file.write(bytes(1 << 20)); file.flush(); os.fsync(file.fileno())
        say("wrote"); wait()
    pid = child(work); os.waitpid(pid, 0); say("reaped"); wait()
    """
    with script(body) as one, sampling(one.pid) as sampler:
        one.hear()
        sampler.refresh()
        written = sampler.read().disk_write_bytes
        if not written:
            pytest.skip(f"{tmp_path} is not on a disk whose writes the kernel counts")
        assert written >= 1 << 20
        one.go()
        one.hear()
        assert [sampler.read().disk_write_bytes for _ in range(3)] == [written] * 3


@needs_proc
def test_descriptors_are_few_and_all_come_back():
    before = len(list(Path("/proc/self/fd").iterdir()))
    body = f"""
    for _ in range({2 * KEPT_OPEN}): child(forever)
    say("ready"); wait()
    """
    with script(body) as one:
        pipes = len(list(Path("/proc/self/fd").iterdir()))
        with sampling(one.pid) as sampler:
            one.hear()
            sampler.refresh()
            assert sampler.read().processes == 2 * KEPT_OPEN + 1
            assert len(list(Path("/proc/self/fd").iterdir())) <= pipes + 2 * KEPT_OPEN + 1
        assert len(list(Path("/proc/self/fd").iterdir())) == pipes
        last = sampler.read()
        assert last.processes == 2 * KEPT_OPEN + 1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@needs_proc
def test_a_fork_of_the_sampled_process_reads_the_same_tree_and_disturbs_nothing():
    body = """
    from trainfare.metering.host import HostSampler
    sampler = HostSampler()
    burn(0.1)
    mine = sampler.read().cpu_ns
    pid = os.fork()
    if pid == 0:
        burn(0.1)
        reading = sampler.read()
        say("fork", os.getppid() in sampler.pids, os.getpid() in sampler.pids, reading.cpu_ns)
        sampler.close()
        os._exit(0)
    os.waitpid(pid, 0)
    sampler.refresh()
    say("parent", mine, sampler.read().cpu_ns)
    """
    with script(body) as one:
        words = {name: rest for name, *rest in (one.hear(), one.hear())}
        has_parent, has_itself, seen_by_fork = words["fork"]
        assert (has_parent, has_itself) == ("True", "False")
        mine, finally_ = map(int, words["parent"])
        assert mine <= int(seen_by_fork) < mine + 50_000_000
        assert finally_ >= mine + 100_000_000 - 2 * TICK_NS


def test_without_proc_psutil_reads_the_same_tree():
    body = """
    pid = child(lambda: (burn(0.15), say("worked"), wait()))
    os.waitpid(pid, 0); say("reaped"); wait()
    """
    with script(body) as one, sampling(one.pid, proc="/nowhere") as sampler:
        one.hear()
        sampler.refresh()
        alive = sampler.read()
        assert alive.processes == 2
        assert alive.cpu_ns >= 150_000_000 - 4 * TICK_NS
        assert alive.rss_bytes > 1_000_000
        assert alive.net_rx_bytes is not None
        one.go()
        one.hear()
        for _ in range(3):
            ended = sampler.read()
            assert alive.cpu_ns <= ended.cpu_ns < alive.cpu_ns + 100_000_000
        os.killpg(one.pid, signal.SIGKILL)
        one.process.wait()
        dead = sampler.read()
        assert dead.cpu_ns >= ended.cpu_ns
        assert (dead.processes, sampler.is_alive) == (0, False)


def test_without_proc_a_process_that_never_was_is_unknown():
    with script("os._exit(0)") as one:
        one.process.wait()
        with sampling(one.pid, proc="/nowhere") as sampler:
            assert sampler.read().cpu_ns is None


def test_the_network_is_what_psutil_says_too():
    with sampling() as ours, sampling(proc="/nowhere") as psutils:
        assert ours.network().keys() == psutils.network().keys() - {"lo", "lo0"}
