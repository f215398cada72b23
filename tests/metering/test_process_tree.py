"""CPU time of a process tree: grows only, counts once, and keeps what nobody else keeps."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.metering.process_tree import KEPT_OPEN, READ_AT_ONCE, ProcessTree
from trainfare.metering.processes import Facts

CHANCE = st.integers(0, 2**32).map(random.Random)
INIT = 1
ROOT = 100


@dataclass
class FakeProcess:
    """A process as the kernel keeps it: own time, reaped time, a parent, perhaps a zombie."""

    pid: int
    parent: int
    own: int = 0
    reaped: int = 0
    ignores_children: bool = False
    is_zombie: bool = False


@dataclass
class World:
    """A kernel that moves on by itself whenever anybody looks."""

    chance: random.Random
    may_orphan: bool
    processes: dict[int, FakeProcess] = field(default_factory=dict)
    used: int = 0
    next_pid: itertools.count = field(default_factory=lambda: itertools.count(ROOT + 1))
    is_moving: bool = True

    def __post_init__(self):
        self.processes[ROOT] = FakeProcess(ROOT, INIT)

    def move(self):
        for _ in range(self.chance.randrange(4) if self.is_moving else 0):
            self.one_event()

    def one_event(self):
        living = [p for p in self.processes.values() if not p.is_zombie]
        one = self.chance.choice(living)
        event = self.chance.randrange(10)
        if event < 4:
            amount = self.chance.randrange(1, 100)
            one.own += amount
            self.used += amount
        elif event < 6 and len(living) < 12:
            pid = next(self.next_pid)
            ignores = self.may_orphan and self.chance.random() < 0.2
            self.processes[pid] = FakeProcess(pid, one.pid, ignores_children=ignores)
        elif event < 8:
            self.end(one)
        else:
            self.reap(self.chance.choice(list(self.processes.values())))

    def end(self, one: FakeProcess):
        children = [p for p in self.processes.values() if p.parent == one.pid]
        if one.pid == ROOT or (children and not self.may_orphan):
            return
        for child in children:
            child.parent = INIT
            if child.is_zombie:
                del self.processes[child.pid]
        parent = self.processes.get(one.parent)
        if parent is None or parent.ignores_children:
            del self.processes[one.pid]
        else:
            one.is_zombie = True

    def reap(self, one: FakeProcess):
        if one.is_zombie:
            self.processes[one.parent].reaped += one.own + one.reaped
            del self.processes[one.pid]

    def open_process(self, pid: int, keep_open: bool) -> FakeReader:
        self.move()
        if pid not in self.processes:
            raise ProcessLookupError(pid)
        return FakeReader(self, self.processes[pid], keep_open)


class FakeReader:
    def __init__(self, world: World, process: FakeProcess, keep_open: bool = True):
        self.world, self.process, self.keep_open = world, process, keep_open
        self.is_closed = False

    def read(self) -> Facts | None:
        self.world.move()
        one = self.process
        if self.world.processes.get(one.pid) is not one:
            return None
        work = one.own + one.reaped
        # Read and written bytes follow the work, own and reaped in one counter, as in Linux.
        return Facts(one.parent, one.pid, one.own, one.reaped, work, one.reaped, 1, work, 2 * work)

    def children(self) -> tuple[list[int], int]:
        self.world.move()
        found = [p.pid for p in self.world.processes.values() if p.parent == self.process.pid]
        self.world.move()
        return found, 1

    def close(self):
        self.is_closed = True


@settings(max_examples=200, deadline=None)
@given(chance=CHANCE, may_orphan=st.booleans())
def test_a_reading_never_goes_back_and_never_exceeds_what_was_used(chance, may_orphan):
    """Whatever ends, is orphaned or is reaped between and during readings, nothing counts twice."""
    world = World(chance, may_orphan)
    tree = ProcessTree(ROOT, world.open_process)
    before = tree.read()
    for turn in range(30):
        if turn % 4 == 0:
            tree.refresh()
        now = tree.read()
        assert before.cpu_ns <= now.cpu_ns <= world.used
        assert before.read_bytes <= now.read_bytes <= world.used
        assert before.write_bytes <= now.write_bytes <= 2 * world.used
        before = now


@settings(max_examples=200, deadline=None)
@given(chance=CHANCE)
def test_where_every_parent_reaps_its_children_the_reading_ends_exact(chance):
    """The usual case loses nothing, however short-lived the children were."""
    world = World(chance, may_orphan=False)
    tree = ProcessTree(ROOT, world.open_process)
    for turn in range(20):
        if turn % 3 == 0:
            tree.refresh()
        tree.read()
    world.is_moving = False
    tree.refresh()
    tree.read()
    reading = tree.read()
    assert reading.cpu_ns == world.used
    assert reading.read_bytes == world.used


def quiet_world() -> World:
    world = World(random.Random(0), may_orphan=True)
    world.is_moving = False
    return world


def spawn(world: World, pid: int, parent: int, own: int) -> FakeProcess:
    world.processes[pid] = FakeProcess(pid, parent, own=own)
    return world.processes[pid]


def test_a_child_that_vanishes_before_its_parent_shows_it_is_owed_not_lost():
    """The parent is read, then the child is reaped, then the child is read: no dip, no double."""
    world = quiet_world()
    child = spawn(world, 101, ROOT, 500)
    tree = ProcessTree(ROOT, world.open_process)
    tree.refresh()
    assert tree.read().cpu_ns == 500
    del world.processes[101]  # gone, and the root has not yet been credited
    assert tree.read().cpu_ns == 500
    world.processes[ROOT].reaped += child.own
    assert tree.read().cpu_ns == 500
    world.processes[ROOT].own += 7
    assert tree.read().cpu_ns == 507


def test_time_that_no_parent_receives_is_kept():
    """A parent that ignores SIGCHLD never gets its children's time; the reading keeps it."""
    world = quiet_world()
    spawn(world, 101, ROOT, 500)
    tree = ProcessTree(ROOT, world.open_process)
    tree.refresh()
    tree.read()
    del world.processes[101]
    world.processes[ROOT].own += 3
    for _ in range(4):
        assert tree.read().cpu_ns == 503
    assert tree.read().write_bytes == 1006


def test_a_killed_group_keeps_the_orphans_time_and_counts_the_reaped_once():
    """Child and grandchild die together; the root reaps only the child."""
    world = quiet_world()
    child = spawn(world, 101, ROOT, 500)
    spawn(world, 102, 101, 70)
    tree = ProcessTree(ROOT, world.open_process)
    tree.refresh()
    assert tree.read().cpu_ns == 570
    del world.processes[102], world.processes[101]
    world.processes[ROOT].reaped += child.own
    for _ in range(3):
        assert tree.read().cpu_ns == 570


def test_an_orphan_stays_a_member_until_it_ends():
    world = quiet_world()
    spawn(world, 101, ROOT, 5)
    orphan = spawn(world, 102, 101, 7)
    tree = ProcessTree(ROOT, world.open_process)
    tree.refresh()
    tree.read()
    world.end(world.processes[101])
    world.reap(world.processes[101])
    orphan.own += 100
    assert tree.read().cpu_ns == 112
    assert 102 in tree.pids
    del world.processes[102]
    assert tree.read().cpu_ns == 112
    assert tree.pids == {ROOT}


def test_a_tree_that_has_ended_gives_its_last_counters():
    world = quiet_world()
    world.processes[ROOT].own = 9
    tree = ProcessTree(ROOT, world.open_process)
    tree.read()
    del world.processes[ROOT]
    for _ in range(3):
        reading = tree.read()
        assert (reading.cpu_ns, reading.rss_bytes, reading.processes) == (9, 0, 0)


def test_a_process_that_never_was_is_unknown_not_zero():
    world = quiet_world()
    assert ProcessTree(999, world.open_process).read() is None


def test_a_child_whose_id_was_used_again_by_a_stranger_is_left_out():
    world = quiet_world()
    spawn(world, 101, ROOT, 5)
    tree = ProcessTree(ROOT, world.open_process)
    stranger = FakeProcess(101, INIT, own=10**6)
    readers = {ROOT: FakeReader(world, world.processes[ROOT])}
    world.processes[101].parent = ROOT

    def open_stranger(pid, keep_open):
        return FakeReader(world, stranger) if pid == 101 else readers[pid]

    tree._open_process = open_stranger
    children = tree._members[ROOT].process.children
    tree._members[ROOT].process.children = lambda: ([101], children()[1])
    world.processes[101] = stranger
    tree.refresh()
    assert tree.pids == {ROOT}


def test_few_descriptors_stay_open_and_large_trees_are_read_less_often():
    """A thousand workers must neither use up the training's descriptors nor its CPU."""
    world = quiet_world()
    opened = []

    def open_process(pid, keep_open):
        opened.append(keep_open)
        return world.open_process(pid, keep_open)

    count = 3 * READ_AT_ONCE
    tree = ProcessTree(ROOT, open_process)
    for pid in range(101, 101 + count):
        spawn(world, pid, ROOT, 1)
    tree.refresh()
    assert sum(opened) == KEPT_OPEN
    assert tree.read().cpu_ns == count
    world.processes[ROOT].own += 1
    seen = [tree.read().cpu_ns for _ in range(5)]
    assert seen == [count, count, count, count + 1, count + 1]
    world.processes[ROOT].own += 1
    tree.refresh()
    assert tree.read().cpu_ns == count + 2


def test_close_lets_every_process_go_and_keeps_the_last_reading():
    world = quiet_world()
    spawn(world, 101, ROOT, 5)
    tree = ProcessTree(ROOT, world.open_process)
    tree.refresh()
    last = tree.read()
    readers = [member.process for member in tree._members.values()]
    tree.close()
    world.processes[ROOT].own += 1
    assert tree.read() == last
    assert all(reader.is_closed for reader in readers)
