"""How fast and how lean a bill is allocated, beside DuckDB merely scanning the same columns.

    python -m bench.allocation_time                          1 million rows, 100 thousand runs
    python -m bench.allocation_time 10_000_000 1_000_000     any sizes; files are made once

Each way runs in a process of its own, in turns; the table has the medians. The bill is that of
bench.focus_rows, imported into a lake. Claims: 2.83 per run, 1.6 hours on average, of a quarter to
the whole of a machine, on machines drawn at random. The result has a row per run or remainder,
resource, service and day, with four views. Linux only.

An import surveys the bill, and every allocation starts from that; where no survey is kept, the
allocation makes one first. Targets at 10 million rows, on a quiet machine: with its survey 3 times
the scan, from a kept survey 2 times, at most 400 MB.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.bill_import import OUT
from bench.focus_rows import HOUR, HOURS, START, write_bill
from bench.table import Table, Target, publish
from trainfare.billing.bill import read_bill
from trainfare.billing.lake import write_lake

TURNS = 5
CLAIMS_PER_RUN = 2.83

TIMED = """
import json, resource, sys, time
import duckdb, pyarrow
from pathlib import Path
from trainfare.allocation.engine_duckdb import allocate, survey
from trainfare.allocation.evidence import Evidence
before, began = time.process_time(), time.perf_counter()
{work}
seconds, used = time.perf_counter() - began, time.process_time() - before
status = open("/proc/self/status").read()
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps([seconds, used, peak]))
"""
SCAN = """
from trainfare.allocation.pieces import FACE_COLUMNS
times = ["ChargePeriodStart", "ChargePeriodEnd", "ConsumedQuantity", "ConsumedUnit"]
views = ["x_BilledNano", "x_EffectiveNano", "x_ListNano", "x_ContractedNano"]
counts = ", ".join(f'count("{{name}}")' for name in [*FACE_COLUMNS, *times])
sums = ", ".join(f'sum("{{name}}")' for name in views)
duckdb.execute("SET threads = 2")
duckdb.execute(f"SELECT {{counts}}, {{sums}} FROM read_parquet(?)", [{charges!r}]).fetchall()
"""
SURVEY = """
survey([Path(name) for name in {charges!r}], keep={keep}, threads=2)
"""
ALLOCATE = """
charges = [Path(name) for name in {charges!r}]
evidence = Evidence(claims=Path({claims!r}))
allocate(charges, evidence, out=Path(sys.argv[1]) / "out.parquet", threads=2, keep={keep})
"""


SCANS = "DuckDB scans the columns"


def main() -> None:
    """Make what is not there yet, run all ways in turns, print a table."""
    words = [int(word) for word in sys.argv[1:]]
    rows, runs = (words + [1_000_000, 100_000][len(words) :])[:2]
    OUT.mkdir(exist_ok=True)
    charges = lake_of(rows)
    claims = claims_of(rows, runs)
    keep = OUT / f"survey-{rows}"
    shutil.rmtree(keep, ignore_errors=True)
    files = {"charges": [str(path) for path in charges], "claims": str(claims)}
    kept = f"Path({str(keep)!r})"
    timed(SURVEY.format(**files, keep=kept))
    ways = {
        SCANS: SCAN.format(**files),
        "trainfare surveys the bill, once, at its import": SURVEY.format(
            **files, keep="Path(sys.argv[1])"
        ),
        "trainfare allocates, no survey kept": ALLOCATE.format(**files, keep="None"),
        "trainfare allocates from the survey": ALLOCATE.format(**files, keep=kept),
    }
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, work in ways.items():
            found[name].append(timed(work))
    print(f"{rows:,} rows, {runs:,} runs, medians of {TURNS}\n")
    print("| way | seconds | times the scan | CPU s | times the scan | peak MB |")
    print("|---|---|---|---|---|---|")
    medians = {
        name: [statistics.median(column) for column in zip(*turns, strict=True)]
        for name, turns in found.items()
    }
    least = medians[SCANS]
    for name, (seconds, cpu, peak) in medians.items():
        print(
            f"| {name} | {seconds:.2f} | {seconds / least[0]:.1f} | {cpu:.2f} "
            f"| {cpu / least[1]:.1f} | {peak:.0f} |"
        )
    figures = Table("allocation_time", f"Allocation of {rows:,} rows", ())
    figures.compare("CPU s", {n: [t[1] for t in turns] for n, turns in found.items()}, beside=SCANS)
    if rows >= 10_000_000:
        for name, most in (("no survey kept", 3), ("from the survey", 2)):
            times = medians[f"trainfare allocates{', ' if most == 3 else ' '}{name}"][1] / least[1]
            promise = f"≤ {most} times the scan"
            met = times <= most
            figures.targets.append(Target(f"allocation, {name}", promise, f"{times:.1f}", met))
    publish(figures)


def timed(work: str) -> list[float]:
    """Seconds, CPU seconds and peak megabytes of *work* in a fresh process, imports left out."""
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        script = TIMED.format(work=work)
        done = subprocess.run(
            [sys.executable, "-c", script, folder], stdout=subprocess.PIPE, check=True, text=True
        )
        return json.loads(done.stdout.splitlines()[-1])


def lake_of(rows: int) -> list[Path]:
    """The files of a lake with a bill of so many rows."""
    lake = OUT / f"lake-{rows}"
    if not lake.exists():
        bill = OUT / f"focus-{rows}.parquet"
        if not bill.exists():
            write_bill(rows, bill)
        with read_bill(str(bill)) as read:
            write_lake(read, lake)
    return sorted(lake.glob("*/*/*/*.parquet"))


def claims_of(rows: int, runs: int) -> Path:
    """A file of claims of so many runs on the machines of that bill."""
    path = OUT / f"claims-{rows}-{runs}.parquet"
    if not path.exists():
        dice = np.random.default_rng(7)
        count = int(runs * CLAIMS_PER_RUN)
        start = START + dice.integers(0, HOURS * 3600, count) * 1_000_000
        length = dice.integers(600, 10_800, count) * 1_000_000
        machines = dice.integers(0, max(1, rows // (2 * HOURS)), count)
        columns = {
            "run": [f"run-{number % runs:07}" for number in range(count)],
            "resource_id": [f"i-{machine:016x}" for machine in machines],
            "start_ns": start * 1000,
            "end_ns": np.minimum(start + length, START + HOURS * HOUR) * 1000,
            "share_numerator": dice.integers(1, 5, count),
            "share_denominator": np.full(count, 4),
        }
        pq.write_table(pa.table(columns), path)
    return path


if __name__ == "__main__":
    main()
