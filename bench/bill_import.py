"""How fast and how lean a bill is imported into the lake, beside PyArrow copying the same file.

    python -m bench.bill_import                  1 million rows, some 10 seconds
    python -m bench.bill_import 50_000_000       any size; the bill is made once, in bench/out
    python -m bench.bill_import 200_000 --csv    the same rows as CSV.gz

Each way runs in a process of its own. The copy (read every column, write it again with zstd) is
the least that an import could take. Linux only. Targets: 400 thousand rows a second, at most 400 MB.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bench.focus_rows import write_bill
from bench.table import Table, Target, publish

OUT = Path(__file__).parent / "out"

COPY = """
import pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1], pre_buffer=False)
with pq.ParquetWriter(sys.argv[2] + "/copy.parquet", file.schema_arrow, compression="zstd") as out:
    for batch in file.iter_batches(40_960):
        out.write_batch(batch)
"""
IMPORT = """
from pathlib import Path
from trainfare.billing.bill import read_bill
from trainfare.billing.lake import write_lake
with read_bill(sys.argv[1]) as bill:
    write_lake(bill, Path(sys.argv[2]))
"""
TIMED = """
import json, resource, sys, time
began = time.perf_counter()
{work}
seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
status = open("/proc/self/status").read()  # ru_maxrss would be the parent's if that was larger
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps([seconds, used.ru_utime + used.ru_stime, peak]))
"""


COPIES = "PyArrow copies it"
TURNS = 5


def main() -> None:
    """Make the bill if it is not there, run both ways, print a table."""
    words = [word for word in sys.argv[1:] if word != "--csv"]
    rows = int(words[0]) if words else 1_000_000
    OUT.mkdir(exist_ok=True)
    bill = OUT / f"focus-{rows}.parquet"
    if not bill.exists():
        write_bill(rows, bill)
    ways = {COPIES: (COPY, bill), "trainfare imports it": (IMPORT, bill)}
    if "--csv" in sys.argv:
        ways["trainfare imports its CSV.gz"] = (IMPORT, as_csv(bill))
    print(f"{rows:,} rows, {bill.stat().st_size / 1e6:,.0f} MB of Parquet\n")
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, (work, path) in ways.items():
            found[name].append(timed(work, path))
    print("| way | seconds | CPU s | rows/s | peak MB |\n|---|---|---|---|---|")
    figures = Table("bill_import", f"Import of {rows:,} rows", ())
    for name, turns in found.items():
        seconds, cpu, peak = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {rows / seconds:,.0f} | {peak:.0f} |")
        if name != COPIES and rows >= 1_000_000:
            said = f"{rows / seconds:,.0f} rows/s, {peak:.0f} MB"
            met = rows / seconds >= 400_000 and peak <= 400
            figures.targets.append(Target(name, "≥ 400,000 rows/s, ≤ 400 MB", said, met))
    used = {name: [turn[1] for turn in turns] for name, turns in found.items()}
    figures.compare("CPU s", used, beside=COPIES)
    publish(figures)


def timed(work: str, path: Path) -> list[float]:
    """Seconds, CPU seconds and peak megabytes of a fresh process that does *work*."""
    folder = tempfile.mkdtemp(dir=OUT)
    try:
        script = TIMED.format(work=work)
        done = subprocess.run(
            [sys.executable, "-c", script, path, folder], capture_output=True, check=True
        )
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(folder)


def as_csv(bill: Path) -> Path:
    """The same rows as CSV.gz."""
    path = bill.with_suffix(".csv.gz")
    if not path.exists():
        table = pq.read_table(bill)
        tags = pa.array([json.dumps(dict(pairs)) for pairs in table["Tags"].to_pylist()])
        table = table.set_column(table.schema.get_field_index("Tags"), "Tags", tags)
        with gzip.open(path, "wb", compresslevel=1) as stream:
            pcsv.write_csv(table, stream)
    return path


if __name__ == "__main__":
    main()
