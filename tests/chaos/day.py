"""A day: trainings come and go, bills arrive and are restated, and faults happen by a seeded plan."""

import random
import time

from chaos import checker
from chaos.bill import VIEWS
from chaos.evidence import Evidence, read_journals, whole
from chaos.harm import Harm
from chaos.office import Office
from chaos.plan import plan_faults, plan_rides
from chaos.plant import PATIENCE, Plant, eventually
from chaos.wire import KEPT, PASS


class Day:
    """Lives by a seed, comes to rest, and is looked over."""

    def __init__(
        self, folder, postgres, stack, *, seed, seconds, runs, machines, servers, most, every=1.2
    ):
        chance = random.Random(seed)
        self.seconds, self.most = seconds, most
        self.rides = plan_rides(chance, seconds, runs, machines)
        self.faults = plan_faults(chance, seconds, every)
        self.folder, self.stack = folder, stack
        self.began = time.monotonic()
        print(f"seed {seed}: {len(self.rides)} runs, {len(self.faults)} faults")
        sizes = {"machines": machines, "servers": servers}
        self.plant = Plant(folder, postgres, stack, seed=seed, **sizes)
        self.harm = Harm(self.plant, self.rides, self._launch, self.say)
        self.office = Office(self.plant, random.Random(seed + 1), self._glance)

    def say(self, *words):
        print(f"{time.monotonic() - self.began:7.2f}", *words)

    def live(self):
        """Launch, break and mend until the time is over."""
        waiting, faults, cures = list(self.rides), list(self.faults), []
        self.stack.callback(self.office.stop)
        self.office.start()
        self.began = time.monotonic()
        while (now := time.monotonic() - self.began) < self.seconds or waiting:
            while waiting and waiting[0].at <= now and self._alive() < self.most:
                self._launch(waiting.pop(0))
            while faults and faults[0].at <= now:
                one = faults.pop(0)
                cures.append((now + one.lasts, self.harm.begin(one)))
            for cure in [one for one in cures if one[0] <= now]:
                cures.remove(cure)
                cure[1]()
            time.sleep(0.05)
            assert now < 4 * self.seconds + 300, "the day does not end"
        for _, cure in cures:
            cure()

    def _alive(self):
        return sum(ride.is_on for ride in self.rides)

    def _launch(self, ride):
        machine = self.plant.machines[ride.machine]
        process = machine.training(
            ride.run, self._journal(ride), ride.seconds, ride.price, ride.budget, ships=ride.ships
        )
        self.stack.callback(process.stop)
        process.start()
        ride.processes.append(process)
        self.say("begin", ride.run, "on machine", ride.machine, "pid", process.popen.pid)

    def _journal(self, ride):
        return self.folder / f"{ride.run}.journal"

    def _glance(self, ask, chance):
        """What is wrong with the server's word on a run that may be going on."""
        ride = chance.choice(self.rides)
        status, answer = ask(f"/runs/{ride.run}/receipt", "GET")
        if status != 200:
            return []
        made = sum(one.steps for one in read_journals(self._journal(ride)))
        return [f"{ride.run}: {answer['steps']} of {made} steps"] if answer["steps"] > made else []

    def come_to_rest(self):
        """Everything comes back; trainings end, agents ship what is left, the last bill is in."""
        plant = self.plant
        eventually(lambda: not self._alive(), "trainings do not end")
        for machine in plant.machines:
            machine.wire.mode = PASS
            machine.agent.stop()  # a fresh one does not wait for its turn
        plant.mend()
        for machine in plant.machines:
            machine.agent.start()
        plant.insist("/server")
        self.say("at rest")
        eventually(lambda: not self._unshipped(), lambda: f"never shipped: {self._unshipped()}")
        for machine in plant.machines:
            machine.wire.repeat(KEPT)
        self.say("all came again:", [m.wire.repeated for m in plant.machines])
        self.office.finish()

    def _files(self):
        """(raw file of a machine, the server's copy) of every file that has anything to ship."""
        for machine in self.plant.machines:
            for file in machine.home.glob("runs/*/*/*"):
                if file.name in ("events.jsonl", "samples.bin", "metrics.jsonl") and whole(file):
                    yield file, self.plant.home / file.relative_to(machine.home)

    def _unshipped(self):
        return [
            f"{file.parent.parent.name}/{file.name} of {file.stat().st_size} bytes, "
            f"{copy.stat().st_size if copy.exists() else 'none'} there, {marks_beside(file)}"
            for file, copy in self._files()
            if not copy.exists() or copy.stat().st_size < len(whole(file))
        ]

    def gather(self):
        """What is there to compare: raw files, journals, the bill's file, and the server's word."""
        plant = self.plant
        pieces = [one for one in map(self._read_piece, self._folders()) if one is not None]
        by_hand = checker.estimates(pieces)
        until = time.monotonic() + PATIENCE
        while True:  # lists lag behind
            rows = plant.insist("/runs?limit=1000")["runs"]
            lines = {one["run"]: one["estimated"]["total"] for one in rows}
            if checker.is_said(lines, by_hand) or time.monotonic() > until:
                break
            time.sleep(1)
        listed = [one["run"] for one in rows]
        return Evidence(
            rides=self.rides,
            pieces=pieces,
            journals={ride.run: read_journals(self._journal(ride)) for ride in self.rides},
            copies=[self._copied(raw, copy) for raw, copy in self._files()],
            excused=self.harm.excused,
            bill=self.office.current,
            listed=listed,
            lines=lines,
            receipts={run: plant.insist(f"/runs/{run}/receipt") for run in sorted(set(listed))},
            reports={view: plant.insist(f"/report?by=run&view={view}") for view in VIEWS},
            proof=plant.insist("/verify"),
            complaints=self.office.complaints,
        )

    def settled(self):
        """The evidence once lists have caught up, or as it stands when they had all the time."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.gather()
            wrong = found.findings()
            if not wrong or time.monotonic() > until:
                return found
            self.say("not yet so:", *wrong)
            time.sleep(2)

    def _folders(self):
        for machine in self.plant.machines:
            yield from sorted(machine.home.glob("runs/*/*"))

    def _copied(self, raw, copy):
        """(name, what a machine has of a file, what the server has): of a cut one, what was left."""
        if raw not in self.harm.cuts:
            return str(raw), whole(raw), copy.read_bytes()
        original, least = self.harm.cuts[raw]
        data = copy.read_bytes()
        least = min(least, len(data))
        return str(raw), original[:least], data[:least]

    def _read_piece(self, folder):
        """What the record of a segment says: by the machine, or by the server where it was cut."""
        files = [folder / "events.jsonl", folder / "samples.bin"]
        if not self.harm.cuts.keys().isdisjoint(files):
            machine = next(one for one in self.plant.machines if one.home in folder.parents)
            files = [self.plant.home / file.relative_to(machine.home) for file in files]
        data = [file.read_bytes() if file.exists() else b"" for file in files]
        return checker.read_piece(folder.name, *data)


def marks_beside(file):
    """What the machine believes that the server has of the files beside *file*."""
    marks = file.with_name("shipped.json")
    return marks.read_text() if marks.exists() else "never shipped"
