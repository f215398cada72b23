"""A day: trainings come and go, bills arrive and are restated, and faults happen by a seeded plan."""

import random
import time
from dataclasses import dataclass, field

from chaos import checker
from chaos.bill import VIEWS
from chaos.evidence import Evidence, read_journals, whole
from chaos.office import Office
from chaos.plant import Plant, eventually
from chaos.wire import KEPT, MODES, PASS


@dataclass
class Ride:
    """A run as it is launched: once, and once more where it was killed and is asked for again."""

    run: str
    at: float
    machine: int
    seconds: float
    price: str
    budget: str
    ships: bool
    comes_again: bool
    processes: list = field(default_factory=list)

    @property
    def is_on(self):
        return bool(self.processes) and self.processes[-1].is_alive


@dataclass(frozen=True)
class Fault:
    at: float
    kind: str
    lasts: float
    pick: float
    """0 ≤ pick < 1: which of whatever there is at that moment."""
    size: float
    """0 ≤ size < 1: how much."""


KINDS = ("kill server", "kill agent", "kill training", "kill training", "crash postgres", "cut", "cut", "repeat")  # fmt: skip


def plan_faults(chance, seconds, every):
    """Faults of every kind in shuffled turns, one in about *every* seconds."""
    faults, at, due = [], 2.0, []
    while at < seconds:
        due = due or chance.sample(KINDS, len(KINDS))
        lasts = chance.uniform(0.3, 5)
        faults.append(Fault(at, due.pop(), lasts, chance.random(), chance.random()))
        at += chance.uniform(0.5, 1.5) * every
    return faults


def plan_rides(chance, seconds, count, machines):
    rides = []
    for number in range(count):
        price = chance.choice(["3.6/h", "98.32/h", "0.0000077/h", "1234.567891/h"])
        has_budget = number % 5 == 2
        rides.append(
            Ride(
                run=f"r-{number:03d}",
                at=chance.uniform(0, seconds * 0.8),
                machine=chance.randrange(machines),
                # A budget of $2 at $1 a second has to stop a run that would go on for 30 s.
                seconds=30 if has_budget else chance.uniform(0.2, min(20, seconds / 4)),
                price="3600/h" if has_budget else price,
                budget="2" if has_budget else "",
                ships=chance.random() < 0.5,
                comes_again=chance.random() < 0.6,
            )
        )
    return sorted(rides, key=lambda one: one.at)


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
        self.plant = Plant(
            folder, postgres, stack, seed=seed, machines=machines, servers=servers, clocks=False
        )
        self.office = Office(self.plant, random.Random(seed + 1))

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
                cures.append((now + one.lasts, self._begin(one)))
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

    def _begin(self, fault):
        """Do *fault*; returns what ends it."""
        act = getattr(self, "_" + fault.kind.replace(" ", "_"))
        return act(fault) or (lambda: None)

    def _of(self, things, fault):
        return things[int(fault.pick * len(things))] if things else None

    def _kill(self, process):
        self.say("kill -9", process.name, "pid", process.popen.pid)
        process.kill()

        def again():
            if not process.is_alive:
                process.start()
                self.say("start", process.name, "pid", process.popen.pid)

        return again

    def _kill_server(self, fault):
        return self._kill(self._of(self.plant.servers, fault))

    def _kill_agent(self, fault):
        return self._kill(self._of([one.agent for one in self.plant.machines], fault))

    def _kill_training(self, fault):
        ride = self._of([one for one in self.rides if one.is_on], fault)
        if ride is None:
            return None
        self._kill(ride.processes[-1])
        return lambda: self._launch(ride) if ride.comes_again else None

    def _crash_postgres(self, fault):
        self.say("crash postgres, and start it")
        self.plant.postgres.restart(how=3)

    def _cut(self, fault):
        machine = self._of(self.plant.machines, fault)
        mode = MODES[int(fault.size * len(MODES))]
        self.say("network of", machine.resource, "begins to", mode)
        machine.wire.mode = mode

        def again():
            machine.wire.mode = PASS

        return again

    def _repeat(self, fault):
        for machine in self.plant.machines:
            machine.wire.repeat(1 + int(fault.size * 10))
        self.say("old deliveries came again:", [m.wire.repeated for m in self.plant.machines])

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
        """(raw file of a machine, the server's copy) of every file of every run."""
        for machine in self.plant.machines:
            for file in machine.home.glob("runs/*/*/*"):
                if file.name in ("events.jsonl", "samples.bin", "metrics.jsonl"):
                    yield file, self.plant.home / file.relative_to(machine.home)

    def _unshipped(self):
        return [
            f"{file.parent.parent.name}/{file.name}"
            for file, copy in self._files()
            if not copy.exists() or copy.stat().st_size < len(whole(file))
        ]

    def gather(self):
        """What is there to compare: raw files, journals, the bill's file, and the server's word."""
        plant = self.plant
        pieces = [one for one in map(self._read_piece, self._folders()) if one is not None]
        runs = {one.run for one in pieces}
        eventually(
            lambda: plant.insist("/runs?limit=1")["total"] == len(runs),
            "the list of runs does not settle",
        )
        listed = [one["run"] for one in plant.insist("/runs?limit=1000")["runs"]]
        return Evidence(
            rides=self.rides,
            pieces=pieces,
            journals={ride.run: read_journals(self._journal(ride)) for ride in self.rides},
            copies=[(str(raw), whole(raw), copy.read_bytes()) for raw, copy in self._files()],
            bill=self.office.current,
            listed=listed,
            receipts={run: plant.insist(f"/runs/{run}/receipt") for run in sorted(set(listed))},
            reports={view: plant.insist(f"/report?by=run&view={view}") for view in VIEWS},
            proof=plant.insist("/verify"),
            complaints=self.office.complaints,
        )

    def _folders(self):
        for machine in self.plant.machines:
            yield from sorted(machine.home.glob("runs/*/*"))

    def _read_piece(self, folder):
        files = [folder / "events.jsonl", folder / "samples.bin"]
        data = [file.read_bytes() if file.exists() else b"" for file in files]
        return checker.read_piece(folder.name, *data)
