"""Harm: what each kind of fault does to the plant, and what ends it."""

import contextlib
import resource
import shutil
import signal

from chaos.wire import MODES, PASS

JUMP_SECONDS = 5400
"""Clocks jump by less than that, either way."""

SMALL_BYTES = 1024
"""No file of a server may grow beyond that while its disk is full."""


class Harm:
    """Does faults, says what it does, and knows which processes may have lost something by them."""

    def __init__(self, plant, rides, launch, say):
        self.plant, self.rides, self.launch, self.say = plant, rides, launch, say
        self.excused = set()
        """Pids that lost what they had not written: killed, or ended, by a full disk …"""
        self.cuts = {}
        """… and files that were cut: path → what it was, and the least that was left."""

    def begin(self, fault):
        """Do *fault*; returns what ends it."""
        act = getattr(self, "_" + fault.kind.replace(" ", "_"))
        return act(fault) or (lambda: None)

    def _kill(self, process):
        self.say("kill -9", process.name, process.popen.pid)
        process.kill()

        def again():
            if not process.is_alive:
                process.start()
                self.say("start", process.name, process.popen.pid)

        return again

    def _kill_server(self, fault):
        return self._kill(fault.of(self.plant.servers))

    def _kill_agent(self, fault):
        return self._kill(fault.of([one.agent for one in self.plant.machines]))

    def _kill_training(self, fault):
        ride = fault.of([one for one in self.rides if one.is_on])
        if ride is None:
            return None
        if self.plant.machines[ride.machine].disk.was_full:
            self.excused.add(ride.processes[-1].popen.pid)
        self._kill(ride.processes[-1])
        return lambda: self.launch(ride) if ride.comes_again and not ride.is_on else None

    def _crash_postgres(self, _):
        self.say("crash postgres, and start it")
        self.plant.postgres.restart(how=signal.SIGQUIT)

    def _cut(self, fault):
        wire = fault.of(self.plant.machines).wire
        wire.mode = MODES[int(fault.size * len(MODES))]
        self.say("wire", wire.url, "begins to", wire.mode)

        def again():
            wire.mode = PASS

        return again

    def _repeat(self, fault):
        for machine in self.plant.machines:
            machine.wire.repeat(1 + int(fault.size * 10))
        self.say("old deliveries came again:", [m.wire.repeated for m in self.plant.machines])

    def _full_disk(self, fault):
        number = int(fault.pick * len(self.plant.machines))
        disk = self.plant.machines[number].disk
        if disk.is_full or not disk.is_small:
            return None
        self.say("disk of machine", number, "is full")
        before = self._ended_on(number)
        disk.fill()

        def again():
            self.excused |= self._ended_on(number) - before
            disk.free()
            self.say("disk of machine", number, "has room")

        return again

    def _ended_on(self, number):
        """Pids of the trainings on a machine that are over."""
        there = [
            process for one in self.rides if one.machine == number for process in one.processes
        ]
        return {process.popen.pid for process in there if not process.is_alive}

    def _full_server_disk(self, fault):
        server = fault.of(self.plant.servers)
        if not server.is_alive:
            return None
        pid = server.popen.pid
        self.say("disk of", server.name, "is full")
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_BYTES, limits[1]))

        def again():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

        return again

    def _jump(self, name, clock, fault):
        if clock.can_jump:
            ahead = int((2 * fault.size - 1) * JUMP_SECONDS)
            self.say("clock of", name, "is now off by", ahead)
            clock.set(ahead)

    def _jump_clock(self, fault):
        machine = fault.of(self.plant.machines)
        self._jump(machine.resource, machine.clock, fault)

    def _jump_server_clock(self, fault):
        server = fault.of(self.plant.servers)
        self._jump(server.name, server.clock, fault)

    def _cut_spool(self, fault):
        """Cut a file of a run whose process has ended, at any byte."""
        ended = [one for one in self.rides if one.processes and not one.is_on]
        ride = fault.of([one for one in ended if not one.comes_again])
        if ride is None:
            return
        home = self.plant.machines[ride.machine].home
        name = "samples.bin" if fault.size < 0.7 else "events.jsonl"
        if name == "events.jsonl":  # how it ended may be on the part that is lost
            self.excused |= {one.popen.pid for one in ride.processes}
        for file in sorted(home.glob(f"runs/{ride.run}/*/{name}"))[-1:]:
            data = file.read_bytes()
            size = int(len(data) * fault.size)
            original, least = self.cuts.get(file, (data, size))
            self.cuts[file] = original, min(size, least)
            with file.open("r+b") as opened:
                opened.truncate(size)
            self.say("cut", ride.run, name, "to", size, "of", len(data))

    def _lose_copies(self, fault):
        """Servers die, and the files that they had written from their ledger are gone."""
        cures = [self._kill(one) for one in self.plant.servers]
        folders = sorted(self.plant.home.glob("runs/*"))
        lost = folders[int(fault.pick * len(folders)) :][:5]
        for folder in lost:
            shutil.rmtree(folder)
        (self.plant.home / "mirror.place").unlink(missing_ok=True)
        self.say("the server's copies are lost of", [one.name for one in lost])

        def again():
            for cure in cures:
                cure()

        return again
