"""Evidence: all that a day left behind, and everything in it that is not as it has to be."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from chaos import checker
from chaos.bill import read_bill

ENDINGS = {"done": "finished", "stopped": "stopped_by_budget", None: "killed"}
"""What a journal's last word makes of a run."""


@dataclass(frozen=True)
class Journal:
    """What one process of a run says it did."""

    pid: int
    steps: int = 0
    how: str | None = None
    inner: int = 0
    outer: int = 0
    """Nanoseconds from after the run began to before it ended, and from before to after."""


@dataclass(frozen=True)
class Evidence:
    """Raw files and the server's word on them."""

    rides: list
    pieces: list
    journals: dict
    copies: list
    """(name, what a machine's file has, what the server's has)."""
    excused: set
    """Pids of processes that a full disk kept from writing all."""
    bill: str
    listed: list
    lines: dict
    """Run → what the list of runs says that it is estimated."""
    receipts: dict
    reports: dict
    proof: dict
    complaints: list

    @property
    def by_run(self):
        groups = defaultdict(list)
        for one in self.pieces:
            groups[one.run].append(one)
        return groups

    def findings(self):
        """Sentences on what was lost, doubled or miscounted; none where all is well."""
        found = [f"{name} differs at the server" for name, raw, copy in self.copies if raw != copy]
        found += [f"{run} is listed {n} times" for run, n in Counter(self.listed).items() if n > 1]
        found += [f"{run} is lost" for run in sorted(self.by_run.keys() - set(self.listed))]
        found += [f"{run} is nobody's" for run in sorted(set(self.listed) - self.by_run.keys())]
        for ride in self.rides:
            if ride.run in self.receipts and ride.run in self.by_run:
                found += self._look_at(ride)
            else:
                found += self._by_journal(ride, {}, None)
        return found + self._look_at_money() + self.complaints

    def _look_at(self, ride):
        """What is wrong with one run, by its raw record, its journal and the server's word."""
        answer, pieces, found = self.receipts[ride.run], self.by_run[ride.run], []
        nano = checker.estimated(ride.run, self.by_run)
        said = answer["estimated"]["total"]
        if (said and checker.nano_of(said)) != nano:
            found.append(f"{ride.run} is estimated {said}, by hand {nano} nano")
        if self.lines[ride.run] != said:
            found.append(f"{ride.run} is listed with {self.lines[ride.run]}, estimated {said}")
        attempts = checker.attempts_of(pieces)
        steps = sum(max(one.steps for one in group) for group in attempts)
        if answer["steps"] != steps:
            found.append(f"{ride.run} has {answer['steps']} steps, by hand {steps}")
        lasted = sum(max(p.end for p in g) - min(p.start for p in g) for g in attempts)
        if round(answer["duration_seconds"] * 10**6) != round(lasted / 1000):
            found.append(f"{ride.run} lasted {answer['duration_seconds']}, by hand {lasted} ns")
        return found + self._by_journal(ride, {one.pid: one for one in pieces}, answer)

    def _by_journal(self, ride, by_pid, answer):
        found = []
        for told in self.journals[ride.run]:
            piece = by_pid.get(told.pid)
            if told.pid in self.excused:
                continue
            if piece is None:
                if told.how or told.steps:
                    found.append(f"{ride.run} left no record of {told}")
                continue
            lasted = piece.end - piece.start
            is_more = piece.steps > told.steps  # of a killed process the last sample may lack
            if piece.steps != told.steps if told.how else is_more:
                found.append(f"{ride.run}: {piece.steps} steps recorded, {told}")
            elif told.how and not told.inner <= lasted <= told.outer:
                found.append(f"{ride.run} lasted {lasted} ns, {told}")
        last = self.journals[ride.run][-1]
        if (
            answer is not None
            and last.pid not in self.excused
            and answer["status"] != ENDINGS[last.how]
        ):
            found.append(f"{ride.run} is {answer['status']}, {last}")
        if ride.budget and last.how == "done":
            found.append(f"{ride.run} went on to its end beyond its budget")
        return found

    def _look_at_money(self):
        found = [] if self.proof["conserved"] else [f"verify: {self.proof}"]
        sums, charges = read_bill(self.bill)
        for view, report in self.reports.items():
            exact = checker.billed(charges[view], self.by_run)
            rows = {row["run"]: checker.nano_of(row["allocated"] or "0") for row in report["rows"]}
            rest = [checker.nano_of(text) for text in report["remainders"].values()]
            given = sum(rows.values()) + sum(rest)
            if given != sums[view]:
                found.append(f"{view}: the bill is {sums[view]}, {given} was given out")
            for run in sorted(rows.keys() | exact.keys()):
                off = rows.get(run, 0) - exact.get(run, 0)
                if abs(off) > len(charges[view]):  # each charge is rounded to a nano once
                    found.append(f"{view}: {run} got {rows.get(run)}, by hand {exact.get(run)}")
        return found


def whole(file):
    """What of a spool's file can be shipped: whole records, whole lines."""
    data = file.read_bytes()
    if file.name == "samples.bin":
        return data[: len(data) - len(data) % checker.SIZE]
    return data[: data.rfind(b"\n") + 1]


def read_journals(path):
    """What each process of a run wrote, in the order in which they began."""
    found = {}
    text = path.read_text() if path.exists() else ""
    for pid, kind, *numbers in (line.split() for line in text.splitlines()):
        said = found.get(pid, Journal(int(pid)))
        if kind == "step":
            said = Journal(said.pid, int(numbers[0]))
        elif kind in ("done", "stopped"):
            said = Journal(said.pid, int(numbers[0]), kind, int(numbers[1]), int(numbers[2]))
        found[pid] = said
    return list(found.values())
