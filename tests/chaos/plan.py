"""The plan of a day: which trainings come when, and which faults; all of it by one seed."""

from dataclasses import dataclass, field

PRICES = ("3.6/h", "98.32/h", "0.0000077/h", "1234.567891/h")

KINDS = (
    *("kill training", "kill training", "kill agent", "kill server", "crash postgres"),
    *("cut", "cut", "full disk", "full server disk", "jump clock", "jump server clock"),
    *("repeat", "cut spool", "lose copies"),
)

HARSH = ("kill server", "crash postgres", "lose copies")
"""What a server needs some seconds to come back from."""


@dataclass
class Ride:
    """A run as it is launched: once, and again where it was killed and is asked for again."""

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
    """Something that goes wrong for a while."""

    at: float
    kind: str
    lasts: float
    pick: float
    """0 ≤ pick < 1: which of whatever there is at that moment."""
    size: float
    """0 ≤ size < 1: how much."""

    def of(self, things):
        """One of *things*, or None where there is none."""
        return things[int(self.pick * len(things))] if things else None


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
    """Trainings over four fifths of the time; every fifth has a budget that must stop it."""
    rides = []
    for number in range(count):
        has_budget = number % 5 == 2
        rides.append(
            Ride(
                run=f"r-{number:03d}",
                at=chance.uniform(0, seconds * 0.8),
                machine=chance.randrange(machines),
                # A budget of $2 at $1 a second has to stop a run that would go on for long.
                seconds=60 if has_budget else chance.uniform(0.2, min(60, seconds / 4)),
                price="3600/h" if has_budget else chance.choice(PRICES),
                budget="2" if has_budget else "",
                ships=chance.random() < 0.5,
                comes_again=chance.random() < 0.6,
            )
        )
    return sorted(rides, key=lambda one: one.at)
