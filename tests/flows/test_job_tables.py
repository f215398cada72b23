"""Published tables of jobs as claims: every GPU-second finds its money, and no machine is sold twice.

Philly's table (Microsoft, 2017) has no machines, so jobs are packed here onto machines of eight
GPUs; Alibaba's (2023) has fractions of GPUs, pods that never ran and pods that still ran at the end.
The machines' bill is made up, one charge a machine and day.
"""

import csv
import gzip
import hashlib
import heapq
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from flows.bills import HEADER, trainfare
from logs.samples import trace

DAILY = Fraction(48)
"""What a machine costs a day, in dollars."""
DAY = 86_400
BASE = datetime(2025, 10, 1, tzinfo=UTC)
"""Where the traces' own time is laid, so that all of them have one period."""
DAYS = 6


def day_of_bill(machine, day):
    start, end = BASE + timedelta(days=day), BASE + timedelta(days=day + 1)
    form = "%Y-%m-%dT00:00:00Z"
    return (
        f"{float(DAILY)},{float(DAILY)},{float(DAILY)},{float(DAILY)},USD,acct-1,"
        f"2025-10-01T00:00:00Z,2025-11-01T00:00:00Z,{start.strftime(form)},{end.strftime(form)},"
        f"Usage,Amazon EC2,Compute,AWS,{machine},24,Hours,,AWS,sub-1,us-east-1,Virtual Machines"
    )


def instant(seconds):
    return (BASE + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Machines:
    """Machines that jobs are packed onto, first fit; each job frees its part when it ends."""

    def __init__(self, prefix, sizes=None):
        self.prefix, self.sizes = prefix, sizes
        self.capacity = {}
        self.free = {}
        self.ending = []

    def pass_time(self, at):
        while self.ending and self.ending[0][0] <= at:
            _, name, part = heapq.heappop(self.ending)
            self.free[name] += part

    def take(self, part, until):
        """The machine that has *part* GPUs free until then, or None where no more can be had."""
        name = next((name for name, free in self.free.items() if free >= part), None)
        if name is None:
            size = next(self.sizes, None) if self.sizes else 8
            while size is not None and size < part:
                size = next(self.sizes, None)
            if size is None:
                return None
            name = f"{self.prefix}{len(self.free)}"
            self.capacity[name] = self.free[name] = Fraction(size)
        self.free[name] -= part
        heapq.heappush(self.ending, (until, name, part))
        return name


def most_claimed(claims):
    """The largest share of each machine that is claimed at one moment, by a sweep over its edges."""
    edges = defaultdict(list)
    for _, machine, start, end, share in claims:
        edges[machine] += [(start, share), (end, -share)]
    most = {}
    for machine, changes in edges.items():
        level = Fraction(0)
        for _, change in sorted(changes):
            level += change
            most[machine] = max(most.get(machine, level), level)
    return most


def philly():
    """(run, machine, start, end, share) of the jobs of six days, and those that stand there again."""
    first = datetime(2017, 10, 14)
    rows = defaultdict(int)
    with gzip.open(trace("jobs/philly_jobs_subset.csv.gz"), "rt") as file:
        for row in csv.DictReader(file):
            begun = datetime.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S")
            start = int((begun - first).total_seconds())
            end = start + int(float(row["duration"]))
            if end > 0 and start < DAYS * DAY:
                name = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:12]
                rows[start, end, int(row["num_gpus"]), f"philly-{name}"] += 1
    fleets = Machines("philly-machine-")
    claims, again = [], []
    for (start, end, gpus, name), count in sorted(rows.items()):
        fleets.pass_time(start)
        for part in [8] * (gpus // 8) + [gpus % 8] * bool(gpus % 8):
            machine = fleets.take(Fraction(part), end)
            claims.append((name, machine, start, end, Fraction(part, 8)))
            again += [claims[-1]] * (count - 1)
    return claims, again


def alibaba():
    """Claims of the pods that ran in the trace's last six days on its first 60 GPU machines."""
    with trace("jobs/alibaba_openb_nodes.csv").open() as file:
        sizes = iter([int(row["gpu"]) for row in csv.DictReader(file) if int(row["gpu"])][:60])
    with gzip.open(trace("jobs/alibaba_openb_pods.csv.gz"), "rt") as file:
        pods = list(csv.DictReader(file))
    last = max(int(pod["deletion_time"]) for pod in pods)
    machines, claims = Machines("openb-machine-", sizes), []
    never_ran = [pod["name"] for pod in pods if not pod["scheduled_time"]]
    ran = [pod for pod in pods if pod["scheduled_time"] and int(pod["num_gpu"])]
    for pod in sorted(ran, key=lambda pod: int(pod["scheduled_time"])):
        start, end = (
            int(pod[key]) - last + DAYS * DAY for key in ("scheduled_time", "deletion_time")
        )
        if end <= 0:
            continue
        machines.pass_time(start)
        part = Fraction(int(pod["num_gpu"]) * int(pod["gpu_milli"]), 1000)
        machine = machines.take(part, end)
        if machine is not None:
            claims.append((pod["name"], machine, start, end, part / machines.capacity[machine]))
    return claims, never_ran


def import_claims(home, folder, claims, *, open_end=None):
    path = folder / "claims.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "resource", "start", "end", "share"])
        for run, machine, start, end, share in claims:
            until = "" if end == open_end else instant(end)
            writer.writerow([run, machine, instant(start), until, share])
    return trainfare(home, "claims", "import", path)


def import_bill(home, folder, machines):
    path = folder / "bill.csv"
    charges = [day_of_bill(machine, day) for machine in sorted(machines) for day in range(DAYS)]
    path.write_text("\n".join([HEADER, *charges]) + "\n")
    trainfare(home, "bill", "import", path)
    return DAILY * len(charges)


def held(claims):
    """Run → what its machine time within the bill costs, exact."""
    amounts = defaultdict(Fraction)
    for run, _, start, end, share in claims:
        seconds = max(0, min(end, DAYS * DAY) - max(start, 0))
        amounts[run] += share * seconds * DAILY / DAY
    return {run: amount for run, amount in amounts.items() if amount}


def assert_paid(home, claims, total):
    """Each run got its share × time × price, the rest is idle, all of it is the bill."""
    trainfare(home, "allocate")
    verified = trainfare(home, "verify")
    assert verified["conserved"] is True
    assert {one["difference"] for one in verified["periods"]} == {"0"}
    report = trainfare(home, "report", "--by", "run")
    assert Fraction(report["total"]) == total
    expected = held(claims)
    found = {row["run"]: Fraction(row["allocated"]) for row in report["rows"]}
    assert found.keys() == expected.keys()
    days = 1 + DAYS  # each day of each machine is rounded to the nano on its own
    for run, amount in expected.items():
        pieces = sum(1 for claim in claims if claim[0] == run)
        assert abs(found[run] - amount) <= Fraction(days * pieces, 10**9), run
    idle = Fraction(report["remainders"]["idle"])
    assert sum(found.values()) + idle == total
    assert idle > 0
    return report


def test_philly_s_jobs_are_paid_for_by_the_gpu_second(tmp_path):
    claims, again = philly()
    assert again  # rows that stand twice in the table are one job
    assert max(most_claimed(claims).values()) == 1
    home = tmp_path / "home"
    done = import_claims(home, tmp_path, [*claims, *again])
    assert (done["added"], done["skipped"]) == (len(claims), {})
    total = import_bill(home, tmp_path, {machine for _, machine, *_ in claims})
    report = assert_paid(home, claims, total)
    assert len(report["rows"]) > 3000
    done = import_claims(home, tmp_path, claims)
    assert (done["added"], done["changed"]) == (0, 0)


def test_alibaba_s_fractions_of_gpus_never_exceed_a_machine(tmp_path):
    claims, never_ran = alibaba()
    most = most_claimed(claims)
    assert len(never_ran) == 897
    assert any(share.denominator > 8 for *_, share in claims)
    assert max(most.values()) <= 1
    home = tmp_path / "home"
    import_claims(home, tmp_path, claims, open_end=DAYS * DAY)
    total = import_bill(home, tmp_path, most)
    report = assert_paid(home, claims, total)
    assert not {row["run"] for row in report["rows"]} & set(never_ran)


@pytest.mark.parametrize("crowd", [2, 3])
def test_a_machine_that_is_promised_twice_is_still_sold_once(tmp_path, crowd):
    """Oversold fractions share the machine: claims of 1.5 machines are scaled to one."""
    claims = [(f"job-{n}", "m-0", 0, DAYS * DAY, Fraction(3, 4)) for n in range(crowd)]
    home = tmp_path / "home"
    import_claims(home, tmp_path, claims)
    total = import_bill(home, tmp_path, {"m-0"})
    trainfare(home, "allocate")
    report = trainfare(home, "report", "--by", "run")
    amounts = [Fraction(row["allocated"]) for row in report["rows"]]
    assert sum(amounts) == total == DAILY * DAYS
    assert max(amounts) - min(amounts) <= Fraction(DAYS, 10**9)
    assert Fraction(report["remainders"]["idle"]) == 0
