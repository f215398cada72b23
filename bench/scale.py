"""How the allocation of one bill grows on DuckDB and on Spark, beside each other.

    python -m bench.scale MASTER RUNS ROWS [ROWS …]
    python -m bench.scale 'local[2]' 100_000 1_000_000 10_000_000

Bill and claims are those of bench.allocation_time, made once per size, the same every time. Each
engine runs in a process of its own; no survey is kept, so both begin from the files. Of Spark the
clock is told, starting Java included; it needs the extra `spark`, Java, and a folder `bench/out`
that its workers see. Linux only.
"""

from __future__ import annotations

import sys

from bench.allocation_time import ALLOCATE, OUT, claims_of, lake_of, timed

SPARK = """
from trainfare.allocation.engine_spark import allocate
from trainfare.allocation.spark import Cluster
charges = [Path(name) for name in {charges!r}]
evidence = Evidence(claims=Path({claims!r}))
allocate(charges, evidence, out=Path(sys.argv[1]) / "out", cluster=Cluster({master!r}))
"""


def main() -> None:
    """Run both engines at every size and print a table."""
    master, runs, *sizes = sys.argv[1:]
    OUT.mkdir(exist_ok=True)
    print(f"{int(runs):,} runs, Spark at {master}\n")
    print("| rows | DuckDB s | rows/s | peak MB | Spark s | rows/s | Spark / DuckDB |")
    print("|---|---|---|---|---|---|---|")
    for rows in map(int, sizes):
        files = {
            "charges": [str(path) for path in lake_of(rows)],
            "claims": str(claims_of(rows, int(runs))),
        }
        here, _, peak = timed(ALLOCATE.format(**files, keep="None"))
        there, _, _ = timed(SPARK.format(**files, master=master))
        print(
            f"| {rows:,} | {here:.1f} | {rows / here:,.0f} | {peak:.0f} "
            f"| {there:.1f} | {rows / there:,.0f} | {there / here:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
